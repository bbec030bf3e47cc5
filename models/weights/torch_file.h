// Checkpoints as torch.save writes them: *.pth, *.pth.tar, *.pt, pytorch_model.bin.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "models/weights/mapped_file.h"
#include "models/weights/state_dict.h"
#include "models/weights/torch_tensor.h"
#include "models/weights/weight_file.h"
#include "models/weights/zip_archive.h"

namespace vicinity {

/// A checkpoint in either form: a ZIP archive of one pickle and a member for each storage (torch
/// 1.6 and later), or a sequence of pickles and then the storages (before). Which of its tensors
/// are the weights is said at find_state_dict. Pickles are read as descriptions; what they ask to
/// call is looked up in torch_globals and refused if it is not there. Strided tensors become
/// contiguous, shared storage is read for each tensor that uses it; none may be larger than the
/// file. Checksums of an archive's member are compared when it is first read. DataError names the
/// file and what is wrong.
class TorchFile : public WeightFile {
 public:
  explicit TorchFile(const std::string& path, bool use_ema = false);
  /// Whether a file that starts like this is one.
  static bool recognises(std::string_view start);

 private:
  Tensor read_entry(const std::string& name) const override;
  void open_archive();
  void open_pickles();
  std::span<const char> storage_member(const TorchStorage& storage, const std::string& name);
  void place_storages(const Pickle& object, const Pickle& keys, size_t at);
  void add_entries(const Pickle& pickle);
  void check_tensor(const std::string& name, const TorchTensor& tensor) const;

  MappedFile file_;
  bool use_ema_;
  std::unique_ptr<ZipArchive> archive_;
  std::string folder_;                                     // of the archive: "archive/"
  std::map<std::string, std::span<const char>> storages_;  // by key
  std::deque<std::string> unpacked_;                       // storages that were deflated
  std::map<std::string, TorchTensor> tensors_;
  mutable std::mutex mutex_;                 // of what follows
  mutable std::set<std::string> unchecked_;  // keys of storages whose checksum was not compared yet
};

}  // namespace vicinity
