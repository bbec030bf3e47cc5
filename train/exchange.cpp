#include "train/exchange.h"

#include <algorithm>
#include <cstring>

#include "core/ops/elementwise.h"
#include "core/ops/grad_norm.h"

namespace vicinity {
namespace {

constexpr int64_t kPiece = 1 << 20;  // elements of a shard that are on their way at a time

bool is_power_of_two(int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

int64_t leaves_in(int64_t images, int64_t micro_batch) {
  return (images + micro_batch - 1) / micro_batch;
}

// Numbers of ranks that share `leaves` alike.
std::vector<int64_t> possible_ranks(int64_t leaves) {
  std::vector<int64_t> ranks = {leaves};
  while (ranks.back() % 2 == 0) ranks.push_back(ranks.back() / 2);
  return ranks;
}

std::string possible(int64_t leaves, int64_t micro_batch, int64_t ranks) {
  int64_t below = 0, above = ranks;
  while (above < leaves) above = 2 * (below = above);
  std::string text = str("With ", ranks, " ranks: ");
  if (below > 0) text += str("train.batch=", below * micro_batch, " or ");
  text += str("train.batch=", above * micro_batch, ". With this batch: ");
  const std::vector<int64_t> others = possible_ranks(leaves);
  for (size_t i = others.size(); i-- > 0;)
    text += str(others[i], i == 0 ? " ranks" : i == 1 ? " or " : ", ");
  return text;
}

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

void append(std::string& bytes, const void* data, size_t size) {
  bytes.append(static_cast<const char*>(data), size);
}

// Reads numbers from where it stands.
class Reader {
 public:
  explicit Reader(const std::string& bytes) : at_(bytes.data()) {}
  template <class T>
  T read() {
    T value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }

 private:
  const char* at_;
};

}  // namespace

LeafShare share_leaves(int64_t batch, int64_t micro_batch, int ranks) {
  const int64_t leaves = leaves_in(batch, micro_batch);
  VIC_CHECK(ConfigError, leaves % ranks == 0 && is_power_of_two(leaves / ranks),
            "train.batch=", batch, " is ", leaves, leaves == 1 ? " leaf" : " leaves",
            " of train.micro_batch=", micro_batch, ", which ", ranks,
            " ranks cannot share: each takes the same number of leaves, 1, 2, 4, 8, ... (sums keep "
            "their order on any number of ranks). ",
            possible(leaves, micro_batch, ranks));
  return {micro_batch, leaves / ranks};
}

Exchange::Exchange(Communicator& comm, int64_t parameters, const LeafShare& share,
                   Collectives* gpus)
    : comm_(comm),
      tensors_(gpus != nullptr ? *gpus : comm),
      device_(gpus != nullptr ? kCuda : kCpu),
      parameters_(parameters),
      share_(share) {
  const int64_t each = (parameters + comm.size() - 1) / comm.size();
  shard_ = (each + kSquaresChunk - 1) / kSquaresChunk * kSquaresChunk;
  sum_ = empty({end(comm.rank()) - begin(comm.rank())}, DType::f32, device_);
  received_ = empty({comm.size() * std::min(kPiece, shard_)}, DType::f32, device_);
}

int64_t Exchange::begin(int rank) const { return std::min(parameters_, rank * shard_); }

Tensor Exchange::own(const Tensor& flat) const {
  return flat.slice(begin(comm_.rank()), end(comm_.rank()));
}

std::vector<UpdateRange> Exchange::own(const std::vector<UpdateRange>& ranges) const {
  const int64_t from = begin(comm_.rank()), to = end(comm_.rank());
  std::vector<UpdateRange> parts;
  for (UpdateRange range : ranges) {
    range.begin = std::max(range.begin, from) - from;
    range.end = std::min(range.end, to) - from;
    if (range.begin < range.end) parts.push_back(range);
  }
  return parts;
}

int Exchange::ranks_with(int64_t images) const {
  const int64_t leaves = leaves_in(images, share_.micro_batch);
  return static_cast<int>((leaves + share_.leaves_per_rank - 1) / share_.leaves_per_rank);
}

Blocks Exchange::shards(size_t element) const {
  Blocks blocks;
  for (int r = 0; r < comm_.size(); ++r)
    blocks.push_back({static_cast<size_t>(begin(r)) * element,
                      static_cast<size_t>(end(r) - begin(r)) * element});
  return blocks;
}

Tensor Exchange::sum_gradients(const Tensor& own_sum, int64_t images) {
  const auto senders = static_cast<size_t>(ranks_with(images));
  const auto ranks = static_cast<size_t>(comm_.size()), self = static_cast<size_t>(comm_.rank());
  const Blocks all = shards(sizeof(float));
  for (int64_t from = 0; from < shard_; from += kPiece) {
    Blocks to(ranks), in(ranks);
    const int64_t size = std::clamp<int64_t>(sum_.size() - from, 0, kPiece);
    for (size_t r = 0; r < ranks; ++r) {
      const auto offset = static_cast<size_t>(from) * sizeof(float);
      const size_t left = all[r].bytes > offset ? all[r].bytes - offset : 0;
      if (self < senders) to[r] = {all[r].offset + offset, std::min(left, kPiece * sizeof(float))};
      if (r < senders)
        in[r] = {r * static_cast<size_t>(size) * sizeof(float),
                 static_cast<size_t>(size) * sizeof(float)};
    }
    tensors_.all_to_all(own_sum.defined() ? own_sum.raw() : nullptr, to, received_.raw(), in);
    if (size == 0) continue;
    std::vector<Tensor> parts;
    for (size_t r = 0; r < senders; ++r) {
      const auto at = static_cast<int64_t>(r) * size;
      parts.push_back(received_.slice(at, at + size));
    }
    add_in_tree(parts, 0, senders);
    Tensor place = sum_.slice(from, from + size);
    copy_(place, parts[0]);
  }
  return sum_;
}

Tensor Exchange::sum_of_squares(const Tensor& shard) {
  const Tensor own = squares_of_chunks(shard);
  std::vector<size_t> bytes;
  int64_t chunks = 0, first = 0;
  for (int r = 0; r < comm_.size(); ++r) {
    if (r == comm_.rank()) first = chunks;
    const int64_t here = (end(r) - begin(r) + kSquaresChunk - 1) / kSquaresChunk;
    bytes.push_back(static_cast<size_t>(here) * sizeof(double));
    chunks += here;
  }
  Tensor all = empty({chunks}, DType::f64, device_), place = all.slice(first, first + own.size());
  copy_(place, own);
  tensors_.all_gather(all.raw(), consecutive(bytes));
  return join_squares(all);
}

void Exchange::gather(Tensor& flat) {
  tensors_.all_gather(flat.raw(), shards(size_of(flat.dtype())));
}

void Exchange::broadcast(Tensor& flat) { tensors_.broadcast(flat.raw(), flat.bytes(), 0); }

StepNumbers Exchange::gather(const StepNumbers& own, int64_t images) {
  std::string mine;
  append(mine, &own.correct, sizeof own.correct);
  append(mine, &own.signal, sizeof own.signal);
  append(mine, own.losses.data(), own.losses.size() * sizeof(double));
  std::vector<size_t> losses, sizes;
  for (int r = 0; r < comm_.size(); ++r) {
    const int64_t left = images - r * share_.images();
    losses.push_back(static_cast<size_t>(std::clamp<int64_t>(left, 0, share_.images())));
    sizes.push_back(sizeof own.correct + sizeof own.signal + losses.back() * sizeof(double));
  }
  const Blocks blocks = consecutive(sizes);
  std::string all(blocks.back().offset + blocks.back().bytes, '\0');
  const Block& place = blocks[static_cast<size_t>(comm_.rank())];
  VIC_ASSERT(mine.size() == place.bytes, mine.size(), " bytes for ", place.bytes);
  std::copy(mine.begin(), mine.end(), all.begin() + static_cast<std::ptrdiff_t>(place.offset));
  comm_.all_gather(all.data(), blocks);
  StepNumbers sum;
  Reader reader(all);
  for (size_t r = 0; r < losses.size(); ++r) {
    sum.correct += reader.read<int64_t>();
    sum.signal = std::max(sum.signal, reader.read<int>());
    for (size_t i = 0; i < losses[r]; ++i) sum.losses.push_back(reader.read<double>());
  }
  return sum;
}

// Through all_to_all, so that no other rank needs memory for the whole.
Tensor Exchange::collect(const Tensor& shard) {
  const auto ranks = static_cast<size_t>(comm_.size());
  Blocks to(ranks), from(ranks);
  to[0].bytes = shard.bytes();
  Tensor flat;
  if (is_first()) {
    flat = empty({parameters_}, shard.dtype(), device_);
    from = shards(size_of(shard.dtype()));
  }
  tensors_.all_to_all(shard.raw(), to, flat.defined() ? flat.raw() : nullptr, from);
  return flat;
}

void Exchange::distribute(const Tensor& flat, Tensor& shard) {
  const auto ranks = static_cast<size_t>(comm_.size());
  Blocks to(ranks), from(ranks);
  from[0].bytes = shard.bytes();
  if (is_first()) to = shards(size_of(shard.dtype()));
  tensors_.all_to_all(flat.defined() ? flat.raw() : nullptr, to, shard.raw(), from);
}

}  // namespace vicinity
