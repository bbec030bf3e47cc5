// Decisions taken once at the start of a run.
#pragma once

#include <memory>
#include <string>

#include "core/comm/communicator.h"
#include "data/loader.h"
#include "data/source/open.h"
#include "models/model.h"
#include "models/weights/load.h"
#include "train/checkpoint.h"
#include "train/optim/optimizer.h"
#include "train/run_config.h"
#include "train/tasks/classify.h"
#include "train/trainer.h"

namespace vicinity {

/// cpu or cuda; auto is cuda where there is a GPU that this program can use. `comm`: of many ranks
/// that compute on CPUs only, or absent; DeviceError where they would not.
Device device_of(const std::string& name, const Communicator* comm = nullptr);

/// Threads that were not set are this rank's share of its machine. They change no bit, so they are
/// no part of what ranks agree on.
void take_share(RunConfig& config, Communicator& comm);

/// "avx512_bf16, 2 threads" or the GPU's name and memory.
std::string describe_device(Device device);

/// What the bits of a result depend on besides the settings: "avx512_bf16", or the GPU's name.
std::string hardware_name(Device device);

/// Bytes of memory that the device has in all.
size_t memory_of(Device device);

/// Bytes that this process can have on the device: of a GPU what it has taken and what is free.
size_t memory_left_for(Device device);

/// The dtype of activations for train.precision: auto is bf16 where the device multiplies it (a
/// GPU, a CPU with AVX512-BF16), else f32.
DType activation_dtype(const std::string& precision, Device device);

/// The most bytes that this process has held so far: of the GPU's memory, or on the CPU its
/// resident set.
size_t peak_memory(Device device);

/// How model.* wants weights to be loaded.
LoadOptions load_options(const ModelSection& model);

/// ConfigError where a model cannot be trained on images as they are read here: three channels, no
/// dropout but drop path.
void check_trainable(const ModelConfig& model);
/// ConfigError where the model takes neither the three channels that images are read as nor one.
void check_channels(const ModelConfig& model);
/// Brings data.mean and data.std to the model's channels: one number counts for each of three, and
/// of three the mean is taken where images are grey. Models of other channels read no files.
void fit_channels(RunConfig& config);

/// ConfigError if a level's map is smaller than kernel x dilation, unless padding is allowed or
/// weights are loaded; where it is padded, says so.
void check_small_maps(const ModelSection& model, int64_t image_size);

/// How many steps: train.steps, or as many as train.epochs need; the last short batch of an epoch
/// is a step.
struct Length {
  int64_t steps_per_epoch = 0;
  int64_t steps = 0;
};
Length length_of(const TrainConfig& train, int64_t samples);

}  // namespace vicinity
