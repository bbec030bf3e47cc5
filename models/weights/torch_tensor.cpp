#include "models/weights/torch_tensor.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "models/weights/stored_tensor.h"
#include "models/weights/torch_names.h"

namespace vicinity {
namespace {

using Kind = PickleValue::Kind;

constexpr int64_t kMost = int64_t{1} << 40;  // elements; also keeps every product below 2^63
constexpr int kMostWrappers = 8;

// Reads what one tensor's values say, for messages in its name.
class Reader {
 public:
  Reader(const Pickle& pickle, std::string what, const std::string& path)
      : pickle_(pickle), what_(std::move(what)), path_(path) {}

  const PickleValue& at(uint32_t value) const { return pickle_.at(value); }
  const PickleValue& item(const PickleValue& of, size_t index, Kind kind) const {
    VIC_CHECK(DataError, index < of.items.size() && at(of.items[index]).kind == kind, "'", path_,
              "': ", what_, " is not described as PyTorch describes one (part ", index, " of ",
              of.items.size(), ")");
    return at(of.items[index]);
  }
  uint64_t count(const PickleValue& of, size_t index) const {
    return bounded(item(of, index, Kind::integer));
  }
  uint64_t bounded(const PickleValue& number) const {
    VIC_CHECK(DataError,
              number.kind == Kind::integer && number.text.empty() && number.integer >= 0 &&
                  number.integer <= kMost,
              "'", path_, "': ", what_, " has ", number.integer,
              " among its sizes, strides and offsets");
    return static_cast<uint64_t>(number.integer);
  }
  // A tuple, or a torch.Size of one.
  std::vector<int64_t> counts(const PickleValue& of, size_t index) const {
    const bool size = index < of.items.size() && at(of.items[index]).kind == Kind::object;
    const PickleValue& tuple = size ? item(at(at(of.items[index]).arguments), 0, Kind::tuple)
                                    : item(of, index, Kind::tuple);
    VIC_CHECK(DataError, tuple.items.size() <= Shape::kMaxRank, "'", path_, "': ", what_, " has ",
              tuple.items.size(), " axes; at most ", Shape::kMaxRank, " are read");
    std::vector<int64_t> result;
    for (const uint32_t number : tuple.items)
      result.push_back(static_cast<int64_t>(bounded(at(number))));
    return result;
  }
  template <class... Parts>
  void check(bool good, const Parts&... parts) const {
    VIC_CHECK(DataError, good, "'", path_, "': ", what_, parts...);
  }

 private:
  const Pickle& pickle_;
  std::string what_;
  const std::string& path_;
};

// The tensor inside a parameter, or inside a tensor with attributes.
struct Call {
  std::string_view function;
  const PickleValue* arguments;
};

Call unwrapped(const Reader& reader, uint32_t value) {
  const PickleValue* made = &reader.at(value);
  for (int i = 0; i < kMostWrappers; ++i) {
    reader.check(made->kind == Kind::object, " is wrapped around something else");
    const Call call{reader.at(made->made_by).text, &reader.at(made->arguments)};
    if (call.function == "torch._tensor._rebuild_from_type_v2") {
      const std::string_view inner = reader.item(*call.arguments, 0, Kind::global).text;
      const PickleValue& arguments = reader.item(*call.arguments, 2, Kind::tuple);
      if (!starts_with(inner, "torch._utils._rebuild_parameter")) return {inner, &arguments};
      made = &reader.item(arguments, 0, Kind::object);
    } else if (starts_with(call.function, "torch._utils._rebuild_parameter")) {
      made = &reader.item(*call.arguments, 0, Kind::object);
    } else {
      return call;
    }
  }
  reader.check(false, " is wrapped more than ", kMostWrappers, " times");
  return {};
}

// All of its elements are in the storage, none before its beginning: strides are not negative.
void check_bounds(const Reader& reader, const TorchTensor& tensor, uint64_t offset) {
  int64_t elements = 1;
  for (const int64_t dim : tensor.shape.to_vector()) {
    reader.check(dim == 0 || elements <= kMost / dim, " of shape ", tensor.shape,
                 " has more than 2^40 elements");
    elements *= dim;
  }
  if (elements == 0) return;
  uint64_t last = offset;
  for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
    const auto steps = static_cast<uint64_t>(tensor.shape[axis] - 1);
    const auto stride = static_cast<uint64_t>(tensor.strides[static_cast<size_t>(axis)]);
    reader.check(steps == 0 || stride <= static_cast<uint64_t>(kMost) / steps,
                 " has elements 2^40 apart");
    last += steps * stride;
  }
  reader.check(last < tensor.storage.available, " of shape ", tensor.shape, " reaches element ",
               last, " of a storage of ", tensor.storage.available);
}

}  // namespace

TorchStorage torch_storage(const Pickle& pickle, uint32_t persistent, const std::string& path) {
  const Reader reader(pickle, "a storage", path);
  const PickleValue& id = reader.at(reader.at(persistent).arguments);
  reader.check(id.kind == Kind::tuple && reader.item(id, 0, Kind::text).text == "storage",
               " is not called one");
  const std::string_view type = reader.item(id, 1, Kind::global).text;
  TorchStorage storage;
  storage.dtype = dtype_named(type);
  reader.check(!storage.dtype.empty() || ends_with(type, "UntypedStorage"), " has the type ", type);
  storage.key = reader.item(id, 2, Kind::text).text;
  storage.items = storage.available = reader.count(id, 4);
  if (id.items.size() > 5 && reader.at(id.items[5]).kind != Kind::none) {
    const PickleValue& part = reader.item(id, 5, Kind::tuple);
    storage.first = reader.count(part, 1);
    storage.available = reader.count(part, 2);
    reader.check(
        storage.first <= storage.items && storage.available <= storage.items - storage.first,
        " of ", storage.items, " elements has a part of ", storage.available, " at ",
        storage.first);
  }
  return storage;
}

TorchTensor torch_tensor(const Pickle& pickle, uint32_t value, const std::string& name,
                         const std::string& path) {
  const Reader reader(pickle, "tensor '" + name + "'", path);
  const auto [function, arguments] = unwrapped(reader, value);
  const bool typed_apart = function == "torch._utils._rebuild_tensor_v3";
  reader.check(typed_apart || starts_with(function, "torch._utils._rebuild_tensor"), " is made by ",
               function);
  reader.item(*arguments, 0, Kind::persistent);
  TorchTensor tensor{torch_storage(pickle, arguments->items[0], path)};
  tensor.dtype = tensor.storage.dtype;
  if (typed_apart) {  // (storage of bytes, offset, size, stride, gradient, hooks, type)
    tensor.dtype = dtype_named(reader.item(*arguments, 6, Kind::global).text);
    reader.check(tensor.storage.dtype.empty() && tensor.storage.first == 0,
                 " has a type beside that of its storage");
    tensor.storage.available /= std::max<uint64_t>(1, item_size(tensor.dtype));
  }
  reader.check(!tensor.dtype.empty(), " names no type of element");
  tensor.shape = Shape(reader.counts(*arguments, 2));
  tensor.strides = reader.counts(*arguments, 3);
  reader.check(tensor.strides.size() == static_cast<size_t>(tensor.shape.rank()), " of shape ",
               tensor.shape, " has ", tensor.strides.size(), " strides");
  const uint64_t offset = reader.count(*arguments, 1);
  check_bounds(reader, tensor, offset);
  tensor.first = tensor.storage.first + offset;
  return tensor;
}

}  // namespace vicinity
