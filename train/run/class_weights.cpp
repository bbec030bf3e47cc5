#include "train/run/class_weights.h"

#include <charconv>
#include <numeric>

#include "core/base/text.h"
#include "core/ops/transfer.h"

namespace vicinity {
namespace {

std::vector<double> balanced(const Source& train) {
  std::vector<double> images(train.class_names().size());
  for (int64_t i = 0; i < train.size(); ++i) ++images[static_cast<size_t>(train.label(i))];
  const double mean = static_cast<double>(train.size()) / static_cast<double>(images.size());
  for (double& n : images) n = mean / std::max(1.0, n);
  return images;
}

double number(const std::string& text) {
  double value = -1;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = result.ec == std::errc() && result.ptr == text.data() + text.size();
  VIC_CHECK(ConfigError, whole && value >= 0, "train.class_weights: '", text,
            "' is not a weight; write balanced, or a number at least 0 for each class");
  return value;
}

std::vector<double> listed(const std::vector<std::string>& setting, size_t classes) {
  VIC_CHECK(ConfigError, setting.size() == classes, "train.class_weights has ", setting.size(),
            setting.size() == 1 ? " entry (" : " entries (", join(setting, ", "), "), there are ",
            classes, " classes; write balanced, or a number for each in label order");
  std::vector<double> weights;
  for (const std::string& text : setting) weights.push_back(number(text));
  VIC_CHECK(ConfigError, std::accumulate(weights.begin(), weights.end(), 0.0) > 0,
            "train.class_weights are all 0");
  return weights;
}

}  // namespace

Tensor class_weights_of(const std::vector<std::string>& setting, const Source& train,
                        Device device) {
  if (setting.empty()) return {};
  const std::vector<double> exact = setting == std::vector<std::string>{"balanced"}
                                        ? balanced(train)
                                        : listed(setting, train.class_names().size());
  const std::vector<float> weights(exact.begin(), exact.end());
  return to_device(tensor_of<float>({static_cast<int64_t>(weights.size())}, weights), device);
}

}  // namespace vicinity
