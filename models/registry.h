#pragma once

#include <memory>

#include "models/model.h"

namespace vicinity {

/// Builds a model of config.family with zeroed parameters of `dtype` (f32; f64 for parity). One
/// readable table.
std::unique_ptr<Model> make_model(const ModelConfig& config, DType dtype, Device device = kCpu);

}  // namespace vicinity
