#include "models/weights/torch_file.h"

#include <algorithm>
#include <cstring>

#include "core/base/text.h"
#include "models/weights/stored_tensor.h"
#include "models/weights/torch_names.h"

namespace vicinity {
namespace {

using Kind = PickleValue::Kind;

// torch.serialization.MAGIC_NUMBER, 0x1950a86a20f9469cfc6c, lowest byte first, and in decimal.
constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr std::string_view kMagicDecimal = "119547037146038801333356";
constexpr int64_t kProtocol = 1001;

// Files of machines with the highest byte first have the elements so too.
void refuse_big_endian(bool big, const std::string& path) {
  VIC_CHECK(DataError, !big, "'", path,
            "' was written on a big-endian machine, which is not read; load and save it in Python "
            "on this one");
}

const PickleValue* find(const Pickle& pickle, const PickleValue& dict, std::string_view key) {
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2)
    if (pickle.at(dict.items[i]).text == key) return &pickle.at(dict.items[i + 1]);
  return nullptr;
}

}  // namespace

bool TorchFile::recognises(std::string_view start) {
  if (starts_with(start, "PK\x03\x04") || starts_with(start, "L" + std::string(kMagicDecimal)))
    return true;
  const size_t protocol = start.size() >= 2 && start[0] == '\x80' ? 2 : 0;
  return start.size() > protocol + 12 && start.substr(protocol + 2, 10) == kMagic &&
         start.substr(protocol, 2) == "\x8a\x0a";
}

TorchFile::TorchFile(const std::string& path, bool use_ema)
    : WeightFile(path), file_(path), use_ema_(use_ema) {
  const std::string_view start(file_.bytes().data(), file_.bytes().size());
  if (starts_with(start, "PK")) {
    open_archive();
  } else {
    open_pickles();
  }
}

void TorchFile::open_archive() {
  archive_ = std::make_unique<ZipArchive>(file_.bytes(), path_);
  for (const auto& [name, member] : archive_->members())
    if (ends_with(name, "/data.pkl")) folder_ = name.substr(0, name.size() - 8);
  VIC_CHECK(DataError, !folder_.empty(), "'", path_,
            "' is a ZIP archive without a data.pkl, so not a checkpoint of PyTorch");
  VIC_CHECK(DataError, !archive_->has(folder_ + "constants.pkl"), "'", path_,
            "' is a TorchScript program; weights are read from what "
            "torch.save(model.state_dict(), path) writes");
  const auto contents = [&](const std::string& name) -> std::span<const char> {
    const ZipArchive::Member& member = archive_->member(name);
    if (member.deflated) return unpacked_.emplace_back(archive_->unpack(name));
    archive_->check(name, member.packed);
    return member.packed;
  };
  if (archive_->has(folder_ + "byteorder")) {
    const std::span<const char> order = contents(folder_ + "byteorder");
    refuse_big_endian(std::string_view(order.data(), order.size()) != "little", path_);
  }
  add_entries(Pickle(contents(folder_ + "data.pkl"), torch_globals(), path_));
}

// The bytes of a storage of an archive, found when a tensor needs them.
std::span<const char> TorchFile::storage_member(const TorchStorage& storage,
                                                const std::string& tensor) {
  const auto known = storages_.find(storage.key);
  if (known != storages_.end()) return known->second;
  const std::string name = folder_ + "data/" + storage.key;
  VIC_CHECK(DataError, archive_->has(name), "'", path_, "': tensor '", tensor,
            "' lies in the member '", printable(name), "', which the archive does not have");
  const ZipArchive::Member& member = archive_->member(name);
  std::span<const char> bytes = member.packed;
  if (member.deflated) {
    bytes = unpacked_.emplace_back(archive_->unpack(name));
  } else {
    unchecked_.insert(storage.key);
  }
  storages_[storage.key] = bytes;
  return bytes;
}

// magic number, protocol version, {"little_endian": ...}, the object, the keys of its storages;
// then each storage: eight bytes with the number of its elements, the elements.
void TorchFile::open_pickles() {
  size_t at = 0;
  const auto next = [&] {
    Pickle pickle(file_.bytes().subspan(at), torch_globals(), path_);
    at += pickle.length;
    return pickle;
  };
  const Pickle magic = next();
  const std::string_view digits = magic.at(magic.root).text;
  VIC_CHECK(DataError, digits == kMagic || digits == kMagicDecimal, "'", path_,
            "' is a pickle, but not one of torch.save");
  const Pickle protocol = next();
  VIC_CHECK(DataError, protocol.at(protocol.root).integer == kProtocol, "'", path_,
            "' has version ", protocol.at(protocol.root).integer, " of torch's format, only ",
            kProtocol, " is known");
  const Pickle machine = next();
  const PickleValue* little = find(machine, machine.at(machine.root), "little_endian");
  refuse_big_endian(little != nullptr && little->integer == 0, path_);
  const Pickle object = next();
  const Pickle keys = next();
  place_storages(object, keys, at);
  add_entries(object);
}

void TorchFile::place_storages(const Pickle& object, const Pickle& keys, size_t at) {
  std::map<std::string, TorchStorage, std::less<>> described;
  for (uint32_t i = 0; i < object.values.size(); ++i) {
    if (object.at(i).kind != Kind::persistent) continue;
    const TorchStorage storage = torch_storage(object, i, path_);
    const TorchStorage& first = described.emplace(storage.key, storage).first->second;
    VIC_CHECK(DataError, storage.dtype == first.dtype && storage.items == first.items, "'", path_,
              "' describes the storage '", printable(storage.key), "' in two ways");
  }
  VIC_CHECK(DataError, keys.at(keys.root).kind == Kind::list, "'", path_,
            "' is damaged: no list of storages follows its object");
  for (const uint32_t value : keys.at(keys.root).items) {
    const auto found = described.find(keys.at(value).text);
    VIC_CHECK(DataError, found != described.end(), "'", path_, "' holds a storage '",
              printable(keys.at(value).text), "' that nothing in it uses");
    const TorchStorage& storage = found->second;
    const std::span<const char> rest = file_.bytes().subspan(at);
    const uint64_t bytes = storage.items * (storage.dtype.empty() ? 1 : item_size(storage.dtype));
    VIC_CHECK(DataError, rest.size() >= 8 && bytes <= rest.size() - 8, "'", path_,
              "' is cut short: the storage '", storage.key, "' needs ", bytes, " bytes at ", at + 8,
              ", the file has ", file_.bytes().size());
    uint64_t items = 0;
    std::memcpy(&items, rest.data(), sizeof items);
    VIC_CHECK(DataError, items == storage.items && !storages_.contains(storage.key), "'", path_,
              "' is damaged: the storage '", printable(storage.key), "' should have ",
              storage.items, " elements once, ", items, " are there at byte ", at);
    storages_[storage.key] = rest.subspan(8, bytes);
    at += 8 + bytes;
  }
  VIC_CHECK(DataError, at == file_.bytes().size(), "'", path_, "' has ", file_.bytes().size(),
            " bytes, its storages end at ", at);
}

void TorchFile::add_entries(const Pickle& pickle) {
  StateDict found = find_state_dict(pickle, path_, use_ema_);
  for (const auto& [name, value] : found.tensors) {
    const TorchTensor tensor = torch_tensor(pickle, value, name, path_);
    if (archive_ != nullptr) storage_member(tensor.storage, name);
    check_tensor(name, tensor);
    entries_[name] = {tensor.dtype, tensor.shape};
    tensors_[name] = tensor;
  }
  metadata_ = std::move(found.metadata);
  ignored_ = std::move(found.ignored);
}

void TorchFile::check_tensor(const std::string& name, const TorchTensor& tensor) const {
  const TorchStorage& storage = tensor.storage;
  const auto bytes = storages_.find(storage.key);
  VIC_CHECK(DataError, bytes != storages_.end(), "'", path_, "': tensor '", name,
            "' lies in the storage '", printable(storage.key), "', which the file does not have");
  const uint64_t wanted = storage.items * (storage.dtype.empty() ? 1 : item_size(storage.dtype));
  VIC_CHECK(DataError, bytes->second.size() == wanted, "'", path_, "': the storage '",
            printable(storage.key), "' of tensor '", name, "' should have ", wanted,
            " bytes, it has ", bytes->second.size());
  const uint64_t most = std::max<uint64_t>(file_.bytes().size(), wanted);
  VIC_CHECK(DataError, static_cast<uint64_t>(tensor.shape.size()) <= most / item_size(tensor.dtype),
            "'", path_, "': tensor '", name, "' of shape ", tensor.shape,
            " is larger than the file, ", "which repeats elements; save a contiguous copy of it");
}

Tensor TorchFile::read_entry(const std::string& name) const {
  const TorchTensor& tensor = tensors_.at(name);
  const std::string& key = tensor.storage.key;
  const std::span<const char> bytes = storages_.at(key);
  {
    const std::lock_guard lock(mutex_);
    if (unchecked_.contains(key)) archive_->check(folder_ + "data/" + key, bytes);
    unchecked_.erase(key);
  }
  const Tensor result = copy_of({tensor.dtype, tensor.shape, tensor.strides,
                                 bytes.data() + tensor.first * item_size(tensor.dtype)},
                                name);
  file_.let_go(bytes);
  return result;
}

}  // namespace vicinity
