#include "train/exchange.h"

#include <algorithm>
#include <cstring>

#include "core/ops/elementwise.h"
#include "core/ops/grad_norm.h"
#include "core/ops/transfer.h"

namespace vicinity {
namespace {

int64_t chunks_in(int64_t elements) { return (elements + kSquaresChunk - 1) / kSquaresChunk; }

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

Exchange::Exchange(Communicator& comm, int64_t parameters, const LeafShare& share,
                   DeviceCollectives* gpus)
    : comm_(comm),
      tensors_(gpus != nullptr ? static_cast<Collectives&>(*gpus) : comm),
      device_(gpus != nullptr ? kCuda : kCpu),
      share_(share),
      layout_(parameters, comm.size(), gpus != nullptr ? gpus->ranks_inside() : comm.size()),
      sum_(comm, layout_, share, gpus) {}

std::vector<ShardPiece> Exchange::own_pieces() const {
  std::vector<ShardPiece> pieces;
  for (int64_t bucket = 0; bucket < layout_.buckets(); ++bucket) {
    const ShardPiece piece = layout_.piece(bucket, comm_.rank());
    if (piece.size > 0) pieces.push_back(piece);
  }
  return pieces;
}

Tensor Exchange::own(const Tensor& flat) const {
  Tensor shard = empty({own_size()}, flat.dtype(), flat.device());
  for (const ShardPiece& piece : own_pieces()) {
    Tensor place = shard.slice(piece.shard, piece.shard + piece.size);
    copy_(place, flat.slice(piece.flat, piece.flat + piece.size));
  }
  return shard;
}

void Exchange::put(const Tensor& shard, Tensor& flat) const {
  for (const ShardPiece& piece : own_pieces()) {
    Tensor place = flat.slice(piece.flat, piece.flat + piece.size);
    copy_(place, shard.slice(piece.shard, piece.shard + piece.size));
  }
}

std::vector<UpdateRange> Exchange::within(const ShardPiece& piece,
                                          const std::vector<UpdateRange>& ranges) {
  std::vector<UpdateRange> parts;
  for (UpdateRange range : ranges) {
    range.begin = std::max(range.begin, piece.flat) - piece.flat;
    range.end = std::min(range.end, piece.flat + piece.size) - piece.flat;
    if (range.begin < range.end) parts.push_back(range);
  }
  return parts;
}

// Chunks lie as the parameters do.
Tensor Exchange::sum_of_squares(const Tensor& shard) {
  const Tensor own = squares_of_chunks(shard);
  Tensor all = empty({chunks_in(layout_.parameters())}, DType::f64, device_);
  for (const ShardPiece& piece : own_pieces()) {
    const int64_t to = chunks_in(piece.flat), from = chunks_in(piece.shard),
                  count = chunks_in(piece.size);
    Tensor place = all.slice(to, to + count);
    copy_(place, own.slice(from, from + count));
  }
  std::vector<Blocks> parts(static_cast<size_t>(layout_.buckets()));
  for (int64_t bucket = 0; bucket < layout_.buckets(); ++bucket) {
    for (int r = 0; r < comm_.size(); ++r) {
      const ShardPiece piece = layout_.piece(bucket, r);
      parts[static_cast<size_t>(bucket)].push_back(
          {static_cast<size_t>(chunks_in(piece.flat)) * sizeof(double),
           static_cast<size_t>(chunks_in(piece.size)) * sizeof(double)});
    }
  }
  tensors_.all_gather_parts(all.raw(), parts);
  return join_squares(all);
}

void Exchange::gather(Tensor& flat) {
  std::vector<Blocks> parts;
  for (int64_t bucket = 0; bucket < layout_.buckets(); ++bucket)
    parts.push_back(layout_.slices(bucket, size_of(flat.dtype())));
  tensors_.all_gather_parts(flat.raw(), parts);
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
  const size_t element = size_of(shard.dtype());
  Tensor flat;
  if (is_first()) flat = empty({layout_.parameters()}, shard.dtype(), device_);
  for (int64_t bucket = 0; bucket < layout_.buckets(); ++bucket) {
    Blocks to(static_cast<size_t>(comm_.size())), from = to;
    to[0] = in_shard(bucket, element);
    if (is_first()) from = layout_.slices(bucket, element);
    tensors_.begin_all_to_all(shard.raw(), to, flat.defined() ? flat.raw() : nullptr, from);
  }
  tensors_.wait_for_running(0);
  synchronize(device_);  // what follows may wait for other ranks on the host alone
  return flat;
}

void Exchange::distribute(const Tensor& flat, Tensor& shard) {
  const size_t element = size_of(shard.dtype());
  for (int64_t bucket = 0; bucket < layout_.buckets(); ++bucket) {
    Blocks to(static_cast<size_t>(comm_.size())), from = to;
    from[0] = in_shard(bucket, element);
    if (is_first()) to = layout_.slices(bucket, element);
    tensors_.begin_all_to_all(flat.defined() ? flat.raw() : nullptr, to, shard.raw(), from);
  }
  tensors_.wait_for_running(0);
  synchronize(device_);
}

Block Exchange::in_shard(int64_t bucket, size_t element) const {
  const ShardPiece piece = layout_.piece(bucket, comm_.rank());
  return {static_cast<size_t>(piece.shard) * element, static_cast<size_t>(piece.size) * element};
}

}  // namespace vicinity
