// A weight file of any format, seen under Hugging Face's names.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "models/weights/names.h"
#include "models/weights/timm_rest.h"
#include "models/weights/weight_file.h"

namespace vicinity {

/// The tensors of one file by their published names without the prefix of the base model
/// ("encoder.layer.0.norm1.weight", "classifier.bias"), whatever the file calls them. Which names
/// it has shows in them; what else stands before each (module., teacher.backbone., state_dict.) is
/// passed over.
class WeightContents {
 public:
  /// Opens a file or a folder (open_weights). DataError where its names are of no known model.
  explicit WeightContents(const std::string& path, bool use_ema = false);

  const std::string& path() const { return file_->path(); }
  const std::string& family() const { return family_; }
  NameFormat format() const { return format_; }
  /// What others put before the names: "module.", "teacher.".
  const std::string& wrapper() const { return root_; }
  size_t tensors() const { return file_->entries().size(); }
  /// What else the file holds: "optimizer", "state_dict_ema".
  const std::vector<std::string>& passed_over() const { return file_->ignored(); }
  /// The dtype of the first layer, as the file calls it: F32, BF16, ...
  const std::string& dtype() const { return dtype_; }

  const std::map<std::string, Shape>& shapes() const { return shapes_; }
  bool has(const std::string& bare) const { return shapes_.contains(bare); }
  /// DataError naming the tensor if it is of integers, or holds NaN or infinite values (with their
  /// number).
  Tensor read(const std::string& bare);
  /// Names, as in the file, of the tensors that no call of read() needed.
  std::vector<std::string> unused() const;
  /// False for timm's models with registers: the row of the class token is in the token itself.
  bool has_class_position() const { return class_position_ || rest_.contains(kClassPosition); }

 private:
  void detect();
  std::string local_name(const std::string& name) const;
  void place(const std::string& name);
  void check_dtype(const std::string& name) const;
  void add_rest();
  Tensor read_whole(const std::string& name);

  std::unique_ptr<WeightFile> file_;
  std::string family_, prefix_, root_, dtype_;
  NameFormat format_ = NameFormat::hf;
  bool swiglu_ = false;
  bool class_position_ = true;
  std::vector<NameRule> rules_;
  std::map<std::string, Place> places_;  // names as in the file
  std::map<std::string, Shape> shapes_;
  std::map<std::string, Tensor> rest_;  // published tensors that lie in a file beside this one
  std::set<std::string> used_;
  std::pair<std::string, Tensor> last_;  // query, key and value come from one tensor
};

/// DataError naming the tensor and how many of its values are NaN or infinite, if any are.
void check_finite(const Tensor& tensor, const std::string& name, const std::string& path);

}  // namespace vicinity
