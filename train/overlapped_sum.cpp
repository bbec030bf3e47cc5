#include "train/overlapped_sum.h"

#include <algorithm>

#include "core/ops/elementwise.h"

namespace vicinity {

OverlappedSum::OverlappedSum(ParameterStore& store, GradientTree& tree, RankSum& ranks,
                             int64_t images)
    : tree_(tree),
      ranks_(ranks),
      places_(store.gradient_places()),
      first_(store.arriving().raw()),
      whole_(places_.size()),
      open_(places_.size()),
      sent_(store.arriving().size()),
      watched_(*this) {
  ranks_.begin(tree_.begin_last(store.arriving()), images);
  for (size_t i = 0; i < places_.size(); ++i)
    if (!places_[i].leaf->is_read()) mark(i);
  send_what_is_whole();
}

Tensor OverlappedSum::finish() {
  for (size_t i = 0; i < places_.size(); ++i)
    if (!whole_[i]) mark(i);
  send_what_is_whole();
  return tree_.finish();
}

void OverlappedSum::whole(const Tensor& sink) {
  const int64_t at = (sink.raw() - first_) / static_cast<int64_t>(size_of(sink.dtype()));
  const auto found = std::lower_bound(
      places_.begin(), places_.end(), at,
      [](const GradientPlace& place, int64_t begin) { return place.begin < begin; });
  VIC_ASSERT(found != places_.end() && found->begin == at, "the gradient of another model");
  mark(static_cast<size_t>(found - places_.begin()));
  send_what_is_whole();
}

void OverlappedSum::mark(size_t place) {
  whole_[place] = true;
  Leaf& leaf = *places_[place].leaf;
  if (!leaf.written()) fill_(leaf.sink(), 0);
}

void OverlappedSum::send_what_is_whole() {
  while (open_ > 0 && whole_[open_ - 1]) --open_;
  const int64_t bucket = ranks_.layout().bucket_size();
  const int64_t whole_from = open_ == 0 ? 0 : places_[open_ - 1].end;
  const int64_t from = (whole_from + bucket - 1) / bucket * bucket;
  if (from >= sent_) return;
  tree_.add_last(from, sent_);
  sent_ = from;
  ranks_.whole_from(from);
}

}  // namespace vicinity
