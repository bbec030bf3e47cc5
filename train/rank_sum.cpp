#include "train/rank_sum.h"

#include <algorithm>

#include "core/ops/elementwise.h"

namespace vicinity {
namespace {

// parts[begin] = the sum over parts [begin, end), in the shape of the upper tree: split at the
// largest power of two below their number.
void add_in_tree(std::vector<Tensor>& parts, size_t begin, size_t end) {
  if (end - begin == 1) return;
  size_t half = 1;
  while (half * 2 < end - begin) half *= 2;
  add_in_tree(parts, begin, begin + half);
  add_in_tree(parts, begin + half, end);
  add_(parts[begin], parts[begin + half]);
}

// The sum over the first `count` of tensors that lie one behind the other, in the place of the
// first.
Tensor sum_of_neighbours(const Tensor& all, int64_t size, int count) {
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < count; ++i) parts.push_back(all.slice(i * size, (i + 1) * size));
  add_in_tree(parts, 0, parts.size());
  return parts[0];
}

Block bytes_of(int64_t begin, int64_t size) {
  return {static_cast<size_t>(begin) * sizeof(float), static_cast<size_t>(size) * sizeof(float)};
}

}  // namespace

RankSum::RankSum(Communicator& comm, const ShardLayout& layout, const LeafShare& share,
                 DeviceCollectives* gpus)
    : gpus_(gpus),
      tensors_(gpus != nullptr ? static_cast<Collectives&>(*gpus) : comm),
      layout_(layout),
      share_(share),
      rank_(comm.rank()),
      ranks_(comm.size()),
      inside_(layout.ranks_inside()) {
  const Device device = gpus != nullptr ? kCuda : kCpu;
  sum_ = empty({layout.shard_size(rank_)}, DType::f32, device);
  received_ =
      empty({std::min(kInFlight, layout.buckets()) * layout.bucket_size()}, DType::f32, device);
}

void RankSum::begin(const Tensor& own_sum, int64_t images) {
  VIC_ASSERT(summed_ == 0, "a sum is begun while another one goes on");
  own_sum_ = own_sum;
  senders_ = share_.ranks_with(images);
  whole_ = layout_.parameters();
  if (gpus_ == nullptr) begun_ = summed_ = layout_.buckets();
}

void RankSum::whole_from(int64_t first) {
  VIC_ASSERT(first <= whole_, "whole from ", first, " on, and before from ", whole_);
  if (gpus_ != nullptr) {
    const int64_t size = layout_.bucket_size();
    for (int64_t b = (first + size - 1) / size; b * size < whole_; ++b)
      gpus_->mark(static_cast<size_t>(b));
  }
  whole_ = first;
  progress();
}

void RankSum::progress() {
  if (begun_ < summed_) {
    const int running = tensors_.running();
    while (summed_ - begun_ > running) {
      --summed_;
      keep(summed_, add_parts(summed_));
    }
  }
  while (begun_ > 0 && summed_ - begun_ < kInFlight &&
         (begun_ - 1) * layout_.bucket_size() >= whole_)
    begin_bucket(--begun_);
}

Tensor RankSum::finish(const Tensor& own_sum, int64_t images) {
  own_sum_ = own_sum;
  senders_ = share_.ranks_with(images);
  if (gpus_ != nullptr) enqueue();
  while (summed_ > 0) {
    tensors_.wait_for_running(static_cast<int>(summed_ - begun_ - 1));
    progress();
  }
  own_sum_ = Tensor{};
  return sum_;
}

// The sums too: a bucket's memory is free again for the bucket after the next, and whoever computes
// waits for none of it before the end.
void RankSum::enqueue() {
  for (int64_t bucket = layout_.buckets(); bucket-- > 0;) {
    gpus_->beside(static_cast<size_t>(bucket), [&] {
      begin_bucket(bucket);
      const Tensor own = add_parts(bucket);
      keep(bucket, inside_ < ranks_ ? add_machines(bucket, own) : own);
    });
  }
  gpus_->join();
}

// Where what is received of a bucket lies: buckets in flight are neighbours.
Tensor RankSum::place_of(int64_t bucket) const {
  const int64_t begin = bucket % kInFlight * layout_.bucket_size();
  return received_.slice(begin, begin + layout_.bucket_size());
}

// Among the ranks of this machine, or all: to each the slices of those with its place on any.
void RankSum::begin_bucket(int64_t bucket) {
  const int first = rank_ - rank_ % inside_;
  const int64_t size = layout_.column(bucket, rank_ % inside_).size;
  Blocks to(static_cast<size_t>(ranks_)), from = to;
  for (int r = 0; r < inside_; ++r) {
    const ShardPiece column = layout_.column(bucket, r);
    const auto other = static_cast<size_t>(first + r);
    if (rank_ < senders_) to[other] = bytes_of(column.flat, column.size);
    if (first + r < senders_) from[other] = bytes_of(r * size, size);
  }
  tensors_.begin_all_to_all(own_sum_.defined() ? own_sum_.raw() : nullptr, to,
                            place_of(bucket).raw(), from);
}

// What came of it, added. Undefined where nothing comes: nobody here has images, or no slice is
// this rank's.
Tensor RankSum::add_parts(int64_t bucket) {
  const int count = std::clamp(senders_ - (rank_ - rank_ % inside_), 0, inside_);
  const int64_t size = layout_.column(bucket, rank_ % inside_).size;
  if (count == 0 || size == 0) return {};
  return sum_of_neighbours(place_of(bucket), size, count);
}

// Between machines: of the sum over this one, each slice to its owner, and the own slice from all.
Tensor RankSum::add_machines(int64_t bucket, const Tensor& own) {
  const int place = rank_ % inside_;
  const ShardPiece column = layout_.column(bucket, place), mine = layout_.piece(bucket, rank_);
  const int machines = (senders_ + inside_ - 1) / inside_;  // with images
  // Behind the own sum lay what was added to it: a column or more.
  Tensor place_here = place_of(bucket).slice(column.size, layout_.bucket_size());
  Blocks to(static_cast<size_t>(ranks_)), from = to;
  for (int m = 0; m < ranks_ / inside_; ++m) {
    const auto other = static_cast<size_t>(m * inside_ + place);
    const ShardPiece piece = layout_.piece(bucket, m * inside_ + place);
    if (own.defined()) to[other] = bytes_of(piece.flat - column.flat, piece.size);
    if (m < machines) from[other] = bytes_of(m * mine.size, mine.size);
  }
  tensors_.begin_all_to_all(own.defined() ? own.raw() : nullptr, to, place_here.raw(), from);
  return mine.size > 0 ? sum_of_neighbours(place_here, mine.size, machines) : Tensor{};
}

void RankSum::keep(int64_t bucket, const Tensor& sum) {
  const ShardPiece piece = layout_.piece(bucket, rank_);
  if (piece.size == 0) return;
  Tensor place = sum_.slice(piece.shard, piece.shard + piece.size);
  copy_(place, sum);
}

}  // namespace vicinity
