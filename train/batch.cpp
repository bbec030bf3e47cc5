#include "train/batch.h"

namespace vicinity {

std::vector<LeafBatch> leaves_of(const Tensor& images, const Tensor& labels, int64_t micro_batch,
                                 int64_t first) {
  std::vector<LeafBatch> leaves;
  const int64_t count = images.dim(0);
  for (int64_t begin = 0; begin < count; begin += micro_batch) {
    const int64_t end = std::min(count, begin + micro_batch);
    leaves.push_back({images.slice(begin, end), labels.slice(first + begin, first + end),
                      first + begin, labels.dim(0), labels});
  }
  return leaves;
}

}  // namespace vicinity
