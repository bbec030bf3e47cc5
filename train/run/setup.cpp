#include "train/run/setup.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/ops/transfer.h"
#include "core/runtime/isa.h"
#include "core/runtime/on_device.h"

namespace vicinity {

namespace {

Device device_named(const std::string& name) {
  if (name == "auto") return cuda_is_a_gpu() ? kCuda : kCpu;
  if (name == "cpu") return kCpu;
  const std::string why = why_no_cuda();
  VIC_CHECK(DeviceError, why.empty(), "device=cuda: ", why,
            ". device=cpu runs the same commands on the CPU");
  return kCuda;
}

}  // namespace

Device device_of(const std::string& name, const Communicator* comm) {
  const Device device = device_named(name);
  VIC_CHECK(DeviceError, comm == nullptr || device == kCpu,
            "evaluating and embedding, many ranks compute on CPUs only: device=cpu, or one rank");
  return device;
}

void take_share(RunConfig& config, Communicator& comm) {
  const int cores = cores_of_rank(comm);
  if (config.threads == 0) config.threads = cores;
  if (config.data.loader_threads == 0) config.data.loader_threads = cores;
}

std::string describe_device(Device device) {
  if constexpr (kCudaBuilt) {
    if (device == kCuda) {
      const cuda_api::DeviceInfo& info = cuda().info();
      return str(info.name, ", ", format_bytes(static_cast<double>(info.memory)));
    }
  }
  return str(name_of(cpu().isa()), ", ", cpu().threads(), " threads");
}

std::string hardware_name(Device device) {
  if constexpr (kCudaBuilt) {
    if (device == kCuda) return cuda().info().name;
  }
  return name_of(cpu().isa());
}

size_t memory_of(Device device) {
  if constexpr (kCudaBuilt) {
    if (device == kCuda) return cuda().info().memory;
  }
  return static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

size_t memory_left_for(Device device) {
  if constexpr (kCudaBuilt) {
    if (device == kCuda) return cuda().allocator().reserved() + cuda_api::memory_info().free;
  }
  return memory_of(device);
}

size_t peak_memory(Device device) {
  if constexpr (kCudaBuilt) {
    if (device == kCuda) return cuda().allocator().reserved();
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<size_t>(usage.ru_maxrss) * 1024;
}

DType activation_dtype(const std::string& precision, Device device) {
  if (precision == "bf16") return DType::bf16;
  if (precision == "fp32") return DType::f32;
  return device == kCuda || cpu_isa() == Isa::avx512_bf16 ? DType::bf16 : DType::f32;
}

LoadOptions load_options(const ModelSection& model) {
  return {.min_match = model.min_match, .head = model.head, .use_ema = model.use_ema};
}

void check_channels(const ModelConfig& model) {
  const int channels = model.num_channels();
  VIC_CHECK(ConfigError, channels == 3 || channels == 1, "model.num_channels = ", channels,
            ", but image files are read as RGB, or as grey for a model of 1 channel. "
            "model.num_channels=3 or 1 adapts the first layer of weights that have 3 or 1; images "
            "of any number of channels go in through C++ (vicinity.h)");
}

void fit_channels(RunConfig& config) {
  const size_t channels = config.model.architecture.num_channels() == 1 ? 1 : 3;
  TransformConfig& images = config.data.transform;
  for (std::vector<double>* values : {&images.mean, &images.std}) {
    if (values->size() == channels) continue;
    const auto& v = *values;
    const double one =
        v.size() == 1 || (v[0] == v[1] && v[1] == v[2]) ? v[0] : (v[0] + v[1] + v[2]) / 3;
    *values = std::vector<double>(channels, one);
  }
}

void check_trainable(const ModelConfig& model) {
  check_channels(model);
  const bool dinov2 = model.family == "dinov2";
  const double hidden = dinov2 ? model.dinov2.hidden_dropout_prob : model.dinat.hidden_dropout_prob,
               attention = dinov2 ? model.dinov2.attention_probs_dropout_prob
                                  : model.dinat.attention_probs_dropout_prob;
  VIC_CHECK(ConfigError, hidden == 0 && attention == 0, "model.hidden_dropout_prob = ", hidden,
            " and model.attention_probs_dropout_prob = ", attention,
            ": training has drop path only, as published recipes do; set both to 0");
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
