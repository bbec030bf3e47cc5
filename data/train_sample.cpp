#include "data/train_sample.h"

namespace vicinity {

void load_train_sample(const Source& source, const TransformConfig& transform, uint64_t seed,
                       const Draw& draw, Part& part, Image& seen) {
  Random random(seed, Purpose::augmentation, static_cast<uint64_t>(draw.index), draw.augmentation);
  const auto choose = [&](int width, int height) {
    return train_box(width, height, transform, random);
  };
  const bool scaled = transform.scaled_decoding && transform.train_crop == "random_resized";
  source.load_part(draw.index, choose, part, scaled ? transform.image_size : 0);
  finish_train(part, transform, random, seen);
}

}  // namespace vicinity
