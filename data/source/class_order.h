#pragma once

#include <string>
#include <unordered_map>
#include <vector>

namespace vicinity {

/// Gives the label texts of a list numbers as they come, and then the numbers of the classes.
class ClassOrder {
 public:
  /// The number of a text, by first appearance.
  int32_t add(const std::string& text);
  const std::vector<std::string>& texts() const { return texts_; }

  /// Class names in label order, and the label of each text. Without `known` (the training
  /// classes): the texts, sorted by value where all are whole numbers, else as text. DataError,
  /// naming `where`, for a text that is not among `known`.
  struct Classes {
    std::vector<std::string> names;
    std::vector<int32_t> label;
  };
  Classes classes(const std::vector<std::string>& known, const std::string& where) const;

 private:
  std::vector<std::string> texts_;
  std::unordered_map<std::string, int32_t> numbers_;
};

}  // namespace vicinity
