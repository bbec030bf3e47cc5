#include "models/weights/safetensors_header.h"

#include <nlohmann/json.hpp>
#include <set>

#include "core/base/error.h"

namespace vicinity {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostNumbers = 64;  // of a shape; what is too many is the reader's to say

// Events of the parser, in nlohmann's words. Depth 1 is the header itself, 2 a tensor or the
// metadata, 3 a shape or offsets; `skipped_` is the depth in a value that nobody asked for.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  HeaderReader(const std::string& path, const std::function<void(const DescribedTensor&)>& take,
               std::map<std::string, std::string>& metadata)
      : path_(path), take_(take), metadata_(metadata) {}

  bool null() override { return scalar("null"); }
  bool boolean(bool value) override { return scalar(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return scalar(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return scalar(text); }
  bool number_unsigned(number_unsigned_t value) override {
    if (!passing_over() && numbers_ != nullptr) {
      if (numbers_->size() == kMostNumbers)
        fail(of_tensor(), " has more than ", kMostNumbers, " numbers for its ", field_);
      numbers_->push_back(value);
      return true;
    }
    return scalar(std::to_string(value));
  }
  bool string(string_t& value) override {
    if (!passing_over() && depth_ == 2 && in_metadata_) {
      metadata_[field_] = std::move(value);
      return true;
    }
    if (!passing_over() && depth_ == 2 && field_ == "dtype") {
      tensor_.dtype = std::move(value);
      return true;
    }
    return scalar("'" + value.substr(0, 40) + "'");
  }
  bool binary(binary_t&) override { return scalar("binary"); }

  bool start_object(size_t) override {
    if (passing_over()) return enter();
    if (depth_ == 2 && in_metadata_) fail("__metadata__ has an object for '", field_, "'");
    if (depth_ == 2 && is_known(field_)) fail(of_tensor(), " has an object for its ", field_);
    if (depth_ == 2) return enter();
    if (depth_ == 3) fail(of_tensor(), " has an object in its ", field_);
    ++depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (passing_over()) return true;
    if (depth_ == 1) {
      VIC_CHECK(DataError, names_.insert(name).second, "'", path_, "' names '", name, "' twice");
      in_metadata_ = name == "__metadata__";
      tensor_ = {};
      tensor_.name = name;
      fields_.clear();
    } else if (!in_metadata_ && is_known(name) && !fields_.insert(name).second) {
      fail(of_tensor(), " has ", name, " twice");
    }
    field_ = std::move(name);
    return true;
  }
  bool end_object() override {
    if (skipped_ > 0) return leave();
    if (depth_-- != 2 || in_metadata_) return true;
    for (const char* wanted : {"dtype", "shape", "data_offsets"})
      if (!fields_.contains(wanted)) fail(of_tensor(), " has no ", wanted);
    take_(tensor_);
    return true;
  }

  bool start_array(size_t) override {
    VIC_CHECK(DataError, depth_ > 0, "'", path_, "' is damaged: its header is not a JSON object");
    if (passing_over()) return enter();
    if (depth_ != 2 || in_metadata_ || numbers_ != nullptr || field_ == "dtype")
      return scalar("a list");
    numbers_ = field_ == "shape"          ? &tensor_.shape
               : field_ == "data_offsets" ? &tensor_.offsets
                                          : nullptr;
    return numbers_ != nullptr || enter();
  }
  bool end_array() override {
    if (skipped_ > 0) return leave();
    numbers_ = nullptr;
    return true;
  }
  bool parse_error(size_t, const std::string&, const Json::exception& error) override {
    fail(error.what());
  }

 private:
  static bool is_known(const std::string& field) {
    return field == "dtype" || field == "shape" || field == "data_offsets";
  }
  std::string of_tensor() const { return "tensor '" + tensor_.name + "'"; }
  bool passing_over() const { return skipped_ > 0; }
  bool enter() {
    ++skipped_;
    return true;
  }
  bool leave() {
    --skipped_;
    return true;
  }

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    VIC_FAIL(DataError, "'", path_, "' is damaged: its header does not parse: ", parts...);
  }

  // A value where none of its kind belongs, unless it is of a field that is passed over.
  bool scalar(const std::string& value) const {
    VIC_CHECK(DataError, depth_ > 0, "'", path_, "' is damaged: its header is not a JSON object");
    if (passing_over()) return true;
    if (depth_ == 1) fail("'", tensor_.name, "' is ", value, ", not an object");
    if (in_metadata_) fail("__metadata__ has ", value, " for '", field_, "', not text");
    VIC_CHECK(DataError, numbers_ == nullptr, "'", path_, "': tensor '", tensor_.name, "' has ",
              value, " among its offsets and axes, not a whole number");
    if (is_known(field_)) fail(of_tensor(), " has ", value, " for its ", field_);
    return true;
  }

  const std::string& path_;
  const std::function<void(const DescribedTensor&)>& take_;
  std::map<std::string, std::string>& metadata_;
  std::set<std::string> names_, fields_;
  DescribedTensor tensor_;
  std::string field_;
  bool in_metadata_ = false;
  std::vector<uint64_t>* numbers_ = nullptr;  // that are being read
  int depth_ = 0;
  int64_t skipped_ = 0;
};

}  // namespace

void read_safetensors_header(std::string_view text, const std::string& path,
                             const std::function<void(const DescribedTensor&)>& take,
                             std::map<std::string, std::string>& metadata) {
  HeaderReader reader(path, take, metadata);
  Json::sax_parse(text, &reader);
}

}  // namespace vicinity
