#include "train/run/setup.h"

#include <cmath>

#include "core/base/log.h"
#include "core/runtime/isa.h"

namespace vicinity {

DType activation_dtype(const std::string& precision) {
  if (precision == "bf16") return DType::bf16;
  if (precision == "fp32") return DType::f32;
  return cpu_isa() == Isa::avx512_bf16 ? DType::bf16 : DType::f32;
}

void check_small_maps(const ModelSection& model, int64_t image_size) {
  for (const PaddedLevel& level : padded_levels(model.architecture, image_size)) {
    const std::string what =
        str("level ", level.level, " has a ", level.map, " x ", level.map,
            " map at data.image_size ", image_size, ", smaller than kernel ", level.kernel,
            " x dilation ", level.dilation, " = ", level.kernel * level.dilation);
    VIC_CHECK(ConfigError, model.small_maps == "pad" || !model.weights.empty(), what,
              ". The nearest valid schedule is\n  ",
              nearest_valid_schedule(model.architecture, image_size),
              "\nmodel.small_maps=pad trains with zero padding instead, as the original code does");
    log_warning(what, ": its blocks are padded to ", level.kernel * level.dilation);
  }
}

Length length_of(const TrainConfig& train, int64_t samples) {
  Length length;
  length.steps_per_epoch = (samples + train.batch - 1) / train.batch;
  length.steps = train.steps > 0
                     ? train.steps
                     : std::llround(train.epochs * static_cast<double>(length.steps_per_epoch));
  VIC_CHECK(DataError, length.steps > 0, "nothing to train: ", samples,
            " images, train.epochs = ", train.epochs, ", train.steps = ", train.steps,
            " give 0 steps");
  return length;
}

}  // namespace vicinity
