#include "data/transforms/processor.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFile = "/preprocessor_config.json";
constexpr int kMostPixels = 1 << 14;  // of a side

// What a type does where its file says nothing.
struct Defaults {
  int resize;  // the short side of a BitImageProcessor, a square of a ViTImageProcessor
  int resample;
  bool crops;
  std::vector<double> mean, std;
};

const Defaults kBit{
    224, 3, true, {0.48145466, 0.4578275, 0.40821073}, {0.26862954, 0.26130258, 0.27577711}};
const Defaults kVit{224, 2, false, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}};

class ProcessorFile {
 public:
  explicit ProcessorFile(std::string path) : path_(std::move(path)) {
    try {
      json_ = Json::parse(read_file(path_));
    } catch (const nlohmann::json::exception& error) {
      VIC_FAIL(DataError, "'", path_, "' is not JSON: ", error.what());
    }
    VIC_CHECK(DataError, json_.is_object(), "'", path_, "' is JSON, but not an object");
  }

  /// Null where the file leaves the key out.
  const Json& value(const std::string& key) {
    known_.insert(key);
    static const Json none;
    const auto at = json_.find(key);
    return at == json_.end() ? none : *at;
  }
  bool flag(const std::string& key, bool otherwise) {
    const Json& v = value(key);
    if (!json_.contains(key)) return otherwise;
    if (v.is_null()) return false;
    require(v.is_boolean(), key, "true or false");
    return v.get<bool>();
  }
  double number(const std::string& key, double otherwise) {
    const Json& v = value(key);
    if (v.is_null()) return otherwise;
    require(v.is_number() && v.get<double>() > 0, key, "a number above 0");
    return v.get<double>();
  }
  /// One number for all channels or one for each.
  std::vector<double> channels(const std::string& key, const std::vector<double>& otherwise) {
    const Json& v = value(key);
    if (v.is_null()) return otherwise;
    if (v.is_number()) return std::vector<double>(3, v.get<double>());
    const bool good = v.is_array() && (v.size() == 3 || v.size() == 1) &&
                      std::all_of(v.begin(), v.end(), [](const Json& x) { return x.is_number(); });
    require(good, key, "a number or a list of 3, or of 1 for grey images");
    return v.get<std::vector<double>>();
  }
  /// 224, [224, 160], {"height": 224, "width": 160} or {"shortest_edge": 224}, which is width 0.
  Extent size(const std::string& key, const Extent& otherwise, bool squares) {
    const Json& v = value(key);
    if (v.is_null()) return otherwise;
    const char* wanted = squares ? "N or {height, width}" : "N, {shortest_edge} or {height, width}";
    if (v.is_number()) return {squares ? side(v, key, wanted) : 0, side(v, key, wanted)};
    if (v.is_array() && v.size() == 2) return {side(v[1], key, wanted), side(v[0], key, wanted)};
    if (v.is_object() && v.size() == 2 && v.contains("height") && v.contains("width"))
      return {side(v["width"], key, wanted), side(v["height"], key, wanted)};
    require(v.is_object() && v.size() == 1 && v.contains("shortest_edge"), key, wanted);
    return {0, side(v["shortest_edge"], key, wanted)};
  }
  void refuse_other_keys() const {
    for (const auto& [key, v] : json_.items()) {
      const bool off = v.is_null() || v == false;
      VIC_CHECK(DataError, off || key[0] == '_' || known_.count(key) > 0, "'", path_, "': ", key,
                " = ", v.dump(),
                " is not supported and would change what the model sees; take it out if it does "
                "not matter, or process the images before");
    }
  }
  void require(bool good, const std::string& key, const std::string& wanted) {
    VIC_CHECK(DataError, good, "'", path_, "': ", key, " = ", value(key).dump(), ": needs ",
              wanted);
  }

 private:
  int side(const Json& v, const std::string& key, const std::string& wanted) {
    const bool good =
        v.is_number_integer() && v.get<int64_t>() >= 1 && v.get<int64_t>() <= kMostPixels;
    require(good, key, str(wanted, " of whole numbers from 1 to ", kMostPixels));
    return v.get<int>();
  }

  std::string path_;
  Json json_;
  std::set<std::string> known_;
};

bool is_bit(ProcessorFile& file) {
  const Json& current = file.value("image_processor_type");
  const Json& old = file.value("feature_extractor_type");
  const std::string key = current.is_null() ? "feature_extractor_type" : "image_processor_type";
  const Json& type = current.is_null() ? old : current;
  std::string name = type.is_string() ? type.get<std::string>() : "";
  for (const char* backend : {"Fast", "Pil"}) {  // the same numbers, but for rounding
    if (ends_with(name, backend)) name.resize(name.size() - std::strlen(backend));
  }
  const bool bit = name == "BitImageProcessor";
  file.require(bit || name == "ViTImageProcessor" || name == "ViTFeatureExtractor", key,
               "BitImageProcessor, ViTImageProcessor or ViTFeatureExtractor");
  return bit;
}

void read_resize(ProcessorFile& file, bool bit, const Defaults& defaults, TransformConfig& c) {
  const Extent otherwise{bit ? 0 : defaults.resize, defaults.resize};
  const Extent size = file.size("size", otherwise, !bit);
  const bool resizes = file.flag("do_resize", true);
  file.require(bit || size.width > 0, "size", "N or {height, width} in a ViTImageProcessor");
  c.eval_resize = resizes ? extent_text(size) : "none";
  if (resizes) c.image_size = size.height;
  const Json& resample = file.value("resample");
  const bool known = resample.is_number_integer() && resample >= 0 && resample <= 5;
  file.require(known || resample.is_null(), "resample", "one of Pillow's filters, 0 to 5");
  const auto filter = static_cast<size_t>(known ? resample.get<int>() : defaults.resample);
  c.interpolation = interpolation_names()[filter];
}

void read_crop(ProcessorFile& file, bool bit, const Defaults& defaults, TransformConfig& c) {
  const Extent size = file.size("crop_size", {224, 224}, true);
  const bool crops = file.flag("do_center_crop", defaults.crops);
  file.require(
      bit || !crops, "do_center_crop",
      "false in a ViTImageProcessor (some releases of transformers ignore it there, others "
      "crop)");
  file.require(!crops || size.width > 0, "crop_size", "N or {height, width}");
  c.eval_crop = crops ? "auto" : "none";
  if (!crops) return;
  c.image_size = size.height;
  if (size.width != size.height) c.eval_crop = extent_text(size);
}

void read_numbers(ProcessorFile& file, const Defaults& defaults, TransformConfig& c) {
  const double factor = file.number("rescale_factor", 1.0 / 255);
  c.rescale_factor = file.flag("do_rescale", true) ? factor : 1.0;
  c.mean = file.channels("image_mean", defaults.mean);
  c.std = file.channels("image_std", defaults.std);
  file.require(*std::min_element(c.std.begin(), c.std.end()) > 0, "image_std", "numbers above 0");
  if (!file.flag("do_normalize", true)) {
    c.mean = {0, 0, 0};
    c.std = {1, 1, 1};
  }
}

// Keys that say nothing about the numbers, or only what is done here in any case.
void read_the_rest(ProcessorFile& file, bool bit) {
  file.flag("do_convert_rgb", true);
  file.value("processor_class");
  file.value("return_tensors");
  const Json& squares = file.value("default_to_square");
  file.require(squares.is_null() || squares == !bit, "default_to_square",
               bit ? "false in a BitImageProcessor" : "true in a ViTImageProcessor");
  const Json& format = file.value("data_format");
  file.require(format.is_null() || format == "channels_first", "data_format", "channels_first");
}

}  // namespace

bool read_processor(const std::string& directory, TransformConfig& config) {
  if (!std::filesystem::exists(directory + kFile)) return false;
  ProcessorFile file(directory + kFile);
  const bool bit = is_bit(file);
  const Defaults& defaults = bit ? kBit : kVit;
  read_resize(file, bit, defaults, config);
  read_crop(file, bit, defaults, config);
  read_numbers(file, defaults, config);
  read_the_rest(file, bit);
  file.refuse_other_keys();
  return true;
}

std::string processor_text(const TransformConfig& config) {
  const std::optional<Extent> resize = resize_wanted(config), crop = crop_wanted(config);
  const bool fixed = resize && resize->width > 0;
  const bool vit = fixed && (!crop || *crop == *resize);
  const auto pair = [](const Extent& e) { return Json{{"height", e.height}, {"width", e.width}}; };
  Json json;
  json["image_processor_type"] = vit ? "ViTImageProcessor" : "BitImageProcessor";
  json["do_resize"] = resize.has_value();
  if (fixed) json["size"] = pair(*resize);
  if (resize && !fixed) json["size"] = Json{{"shortest_edge", resize->height}};
  json["resample"] = static_cast<int>(interpolation_of(config.interpolation));
  if (!vit) json["do_center_crop"] = crop.has_value();
  if (!vit && crop) json["crop_size"] = pair(*crop);
  json["do_rescale"] = true;
  json["rescale_factor"] = config.rescale_factor;
  json["do_normalize"] = true;
  json["image_mean"] = config.mean;
  json["image_std"] = config.std;
  if (!vit) json["do_convert_rgb"] = config.channels() == 3;
  return json.dump(2) + "\n";
}

void write_processor(const TransformConfig& config, const std::string& directory) {
  write_file_atomically(directory + kFile, processor_text(config));
}

}  // namespace vicinity
