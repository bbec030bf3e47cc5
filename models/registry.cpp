#include "models/registry.h"

#include "models/dinat/dinat.h"
#include "models/dinov2/dinov2.h"

namespace vicinity {
namespace {

std::unique_ptr<Model> build(const ModelConfig& config, const Storing& storing) {
  VIC_CHECK(ConfigError, !config.labels.empty(), "a classifier needs at least one class");
  if (config.family == "dinat") return std::make_unique<Dinat>(config, storing);
  if (config.family == "dinov2") return std::make_unique<Dinov2>(config, storing);
  VIC_FAIL(ConfigError, "model.family = '", config.family, "': there are dinat and dinov2");
}

}  // namespace

std::unique_ptr<Model> make_model(const ModelConfig& config, DType dtype, Device device) {
  return build(config, {.dtype = dtype, .device = device});
}

std::unique_ptr<Model> make_inference_model(const ModelConfig& config, DType act, Device device) {
  return build(config,
               {.dtype = accumulator_of(act), .device = device, .inference = true, .act = act});
}

}  // namespace vicinity
