// What a frozen network makes of images: one vector each, computed once and kept on the disk.
#pragma once

#include <functional>
#include <string>

#include "core/comm/communicator.h"
#include "data/source/source.h"
#include "data/transforms/pipeline.h"
#include "models/model.h"

namespace vicinity {

struct FeatureSettings {
  /// 0: pooler_output, [C]: DINOv2's class token, DiNAT's mean over the map, both after the last
  /// norm. n > 0, DINOv2 only: the class tokens of the last n layers, each through the last norm,
  /// in the order of the layers, then the mean over the patches of the last one, [(n + 1) C].
  int blocks = 0;
  TransformConfig transform;
  // What else identifies kept features: data.exif=apply, and where the images lie.
  bool upright = false;
  std::string root;
  DType act = DType::f32;
  int64_t batch = 64;
  int loader_threads = 0;
  std::string cache;                      // folder of kept features; empty: nothing is kept
  std::function<void(int64_t)> progress;  // told how many images are done; may be absent
  // Of many ranks, who share the images by batches; or absent.
  Communicator* comm = nullptr;
};

/// What the architecture must be built with so that features of `blocks` can be had.
ModelConfig feature_architecture(ModelConfig config, int blocks);

struct Features {
  Tensor values;  // f32 [N, C] on the CPU, in the order of the source; of many ranks on rank 0
  std::vector<int32_t> labels;
  std::string file;     // where they are kept; empty: nowhere
  bool reused = false;  // they were there
};

/// The features of every image of `source`, as evaluation sees it. Rows that were kept are read
/// back where the weights (but the classifier's), the architecture, the images (names, labels, and
/// sizes and times of their files), the transform, the precision and the device are the same; a
/// killed process's work is gone on with. DataError names an image whose features are not finite.
/// Of many ranks rank 0 alone reads and keeps rows; they are the bytes of a process on its own.
Features features_of(const Model& model, const Source& source, const FeatureSettings& settings);

}  // namespace vicinity
