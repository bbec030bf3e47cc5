// Weights of any published form put into a model, with a table of what became of each.
#pragma once

#include <string>
#include <vector>

#include "models/model.h"

namespace vicinity {

/// What became of each parameter of the model and each tensor of the file.
struct LoadReport {
  struct Resized {
    std::string name;
    Shape from, to;
    std::string method;
  };
  std::string file;                 // path, and whose names it has
  std::vector<std::string> loaded;  // published names
  std::vector<Resized> resized;
  std::vector<std::string> fresh;    // kept as they were before
  std::vector<std::string> unused;   // as the file calls them
  std::vector<std::string> remarks;  // why: classes, registers, kernel, channels
  double matched = 0;                // share of the backbone's parameters that came from the file

  /// The table: counts, names where they are few, the first of them where they are many.
  std::string text() const;
};

struct LoadOptions {
  /// Least share of the backbone's parameters that the file must hold.
  double min_match = 0.9;
  /// A linear classifier in a file of its own; empty: that of the weights, if any.
  std::string head;
  /// Of a training checkpoint, the running average of the weights.
  bool use_ema = false;
};

/// Weights of a file or a folder, whatever they are called (contents.h). What differs in size is
/// adapted (adapt.h); a classifier of another size, and what the file lacks, stay as they are in
/// the model. DataError if a tensor cannot be adapted, is not of floats, is not finite, or if less
/// than min_match of the backbone is found.
LoadReport load_weights(Model& model, const std::string& path, const LoadOptions& options = {});
/// Every tensor, by its exact name and shape: resuming.
void load_exact(Model& model, const std::string& file);

}  // namespace vicinity
