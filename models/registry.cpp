#include "models/registry.h"

#include "models/dinat/dinat.h"
#include "models/dinov2/dinov2.h"

namespace vicinity {

std::unique_ptr<Model> make_model(const ModelConfig& config, DType dtype, Device device) {
  VIC_CHECK(ConfigError, !config.labels.empty(), "a classifier needs at least one class");
  if (config.family == "dinat") return std::make_unique<Dinat>(config, dtype, device);
  if (config.family == "dinov2") return std::make_unique<Dinov2>(config, dtype, device);
  VIC_FAIL(ConfigError, "model.family = '", config.family, "': there are dinat and dinov2");
}

}  // namespace vicinity
