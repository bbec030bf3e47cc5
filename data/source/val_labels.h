#pragma once

#include <map>
#include <string>
#include <vector>

namespace vicinity {

/// The classes of ILSVRC's validation images, whose archive does not tell them. One of the files
/// that people have, known by what stands in it:
///   - a WordNet id a line, in the order of the images' names
///     (imagenet_2012_validation_synset_labels.txt);
///   - FILE and WordNet id, separated by a blank, a tab or a comma, with or without a header; more
///     may follow (LOC_val_solution.csv);
///   - `mv FILE ID/` (valprep.sh);
///   - a number a line, 1 to 1000 in the development kit's order
///     (ILSVRC2012_validation_ground_truth.txt), which map_clsloc.txt or meta.mat beside it
///     explain.
/// FILE with a number is refused: some of these lists count from 0 in the order of the ids, others
/// from 1 in the kit's.
class ValLabels {
 public:
  /// DataError, naming the line, for anything else.
  explicit ValLabels(const std::string& path);

  /// Ids of images with these file names, sorted. DataError if their number or a name does not fit.
  std::vector<std::string> of(const std::vector<std::string>& names) const;

  /// The file in `folder` with one of the names above, or "".
  static std::string find(const std::string& folder);

 private:
  std::string path_;
  std::vector<std::string> in_order_;
  std::map<std::string, std::string> by_stem_;
};

}  // namespace vicinity
