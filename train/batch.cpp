#include "train/batch.h"

namespace vicinity {

std::vector<LeafBatch> leaves_of(const Tensor& images, const Tensor& labels, int64_t micro_batch) {
  std::vector<LeafBatch> leaves;
  const int64_t count = images.dim(0);
  for (int64_t begin = 0; begin < count; begin += micro_batch) {
    const int64_t end = std::min(count, begin + micro_batch);
    leaves.push_back({images.slice(begin, end), labels.slice(begin, end), begin, count, labels});
  }
  return leaves;
}

}  // namespace vicinity
