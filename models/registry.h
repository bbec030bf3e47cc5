#pragma once

#include <memory>

#include "models/model.h"

namespace vicinity {

/// Builds a model of config.family with zeroed parameters of `dtype` (f32; f64 for parity). One
/// readable table.
std::unique_ptr<Model> make_model(const ModelConfig& config, DType dtype, Device device = kCpu);
/// One that only infers, in passes of `act`, and whose parameters ParameterStore::load writes: no
/// gradients, and in bf16 no f32 masters of matrix operands. The same bits.
std::unique_ptr<Model> make_inference_model(const ModelConfig& config, DType act,
                                            Device device = kCpu);

}  // namespace vicinity
