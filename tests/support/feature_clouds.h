// Features with classes in them, for what classifies features.
#pragma once

#include "core/base/random.h"
#include "train/probe/knn.h"

namespace vicinity::testing {

/// Normal values about a centre for each class, which is `spread` times a normal draw that depends
/// on the class alone. Labels are drawn from the first `classes`.
inline LabelledFeatures feature_clouds(int64_t count, int64_t width, int classes, uint64_t seed,
                                       double spread) {
  LabelledFeatures result{empty({count, width}, DType::f32), {}};
  Random random(seed, Purpose::test);
  for (int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<int32_t>(random.below(static_cast<uint64_t>(classes)));
    Random centre(77, Purpose::test, static_cast<uint64_t>(label));
    result.labels.push_back(label);
    for (int64_t c = 0; c < width; ++c) {
      result.values.data<float>()[i * width + c] =
          static_cast<float>(spread * centre.normal() + random.normal());
    }
  }
  return result;
}

}  // namespace vicinity::testing
