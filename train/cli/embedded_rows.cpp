#include "train/cli/embedded_rows.h"

#include <cstring>
#include <span>

#include "core/base/log.h"
#include "train/cli/embed_outputs.h"

namespace vicinity {
namespace {

// Numbers, texts and arrays one behind the other, for a process of the same program.
class Packer {
 public:
  void add(int64_t number) { bytes_.append(reinterpret_cast<const char*>(&number), sizeof number); }
  void add(const std::string& text) {
    add(static_cast<int64_t>(text.size()));
    bytes_ += text;
  }
  void add(const NamedTensor& output) {
    add(output.name);
    const std::vector<int64_t> dims = output.tensor.shape().to_vector();
    add(static_cast<int64_t>(dims.size()));
    for (const int64_t dim : dims) add(dim);
    bytes_.append(output.tensor.raw(), output.tensor.bytes());
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class Unpacker {
 public:
  explicit Unpacker(const std::string& bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  bool done() const { return at_ == end_; }
  int64_t number() {
    int64_t value = 0;
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }
  NamedTensor output() {
    const auto length = static_cast<size_t>(number());
    NamedTensor output{{take(length), length}, {}};
    std::vector<int64_t> dims(static_cast<size_t>(number()));
    for (int64_t& dim : dims) dim = number();
    output.tensor = empty(Shape(dims), DType::f32);
    std::memcpy(output.tensor.raw(), take(output.tensor.bytes()), output.tensor.bytes());
    return output;
  }

 private:
  const char* take(size_t bytes) {
    VIC_ASSERT(static_cast<size_t>(end_ - at_) >= bytes, "rows of another rank are cut short");
    at_ += bytes;
    return at_ - bytes;
  }

  const char *at_, *end_;
};

std::string packed(const std::vector<EmbeddedRows>& batch) {
  Packer packer;
  for (const EmbeddedRows& rows : batch) {
    packer.add(int64_t{rows.seen.width});
    packer.add(int64_t{rows.seen.height});
    packer.add(static_cast<int64_t>(rows.outputs.size()));
    for (const NamedTensor& output : rows.outputs) packer.add(output);
  }
  return packer.bytes();
}

std::vector<EmbeddedRows> unpacked(const std::string& bytes) {
  std::vector<EmbeddedRows> batch;
  for (Unpacker unpacker(bytes); !unpacker.done();) {
    EmbeddedRows rows;
    rows.seen.width = static_cast<int>(unpacker.number());
    rows.seen.height = static_cast<int>(unpacker.number());
    for (int64_t i = unpacker.number(); i > 0; --i) rows.outputs.push_back(unpacker.output());
    batch.push_back(std::move(rows));
  }
  return batch;
}

}  // namespace

std::vector<EmbeddedRows> embed(ImageModel& model, const std::vector<Query>& queries) {
  std::vector<EmbeddedRows> batch;
  for (size_t begin = 0; begin < queries.size();) {
    if (!queries[begin].error.empty()) {
      log_line(LogLevel::error, queries[begin++].error);
      batch.emplace_back();
      continue;
    }
    const size_t end = end_of_one_size(queries, begin);
    const auto alike = std::span(queries).subspan(begin, end - begin);
    const Image& first = queries[begin].seen;
    batch.push_back(
        {named_outputs(model.outputs(alike), model.model().config()), {first.width, first.height}});
    begin = end;
  }
  return batch;
}

std::vector<std::vector<EmbeddedRows>> gather_rows(std::vector<EmbeddedRows> own,
                                                   Communicator* comm) {
  std::vector<std::vector<EmbeddedRows>> all;
  if (comm == nullptr) {
    all.push_back(std::move(own));
    return all;
  }
  for (const std::string& bytes : comm->gather_texts(packed(own))) all.push_back(unpacked(bytes));
  return all;
}

}  // namespace vicinity
