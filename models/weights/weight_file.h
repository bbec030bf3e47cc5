// Files of named tensors, in whatever form they were published.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/tensor/tensor.h"

namespace vicinity {

/// A file, or a set of shards, opened for reading. Opening reads headers only; the data are mapped
/// into memory and copied when asked for.
class WeightFile {
 public:
  struct Entry {
    std::string dtype;  // in safetensors' words: F64, F32, BF16, F16, I64, I32, U8, ...
    Shape shape;
  };

  virtual ~WeightFile() = default;
  WeightFile(const WeightFile&) = delete;
  WeightFile& operator=(const WeightFile&) = delete;

  const std::string& path() const { return path_; }
  const std::map<std::string, Entry>& entries() const { return entries_; }
  bool has(const std::string& name) const { return entries_.contains(name); }
  /// A copy on the CPU, contiguous. F16 becomes f32; F64, F32, BF16, I64, I32 and U8 stay.
  /// DataError if the name is absent, the type is another, or the data are damaged.
  Tensor read(const std::string& name) const;
  /// Plain values beside the tensors, as text: safetensors' __metadata__, a checkpoint's epoch.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// What the file holds beside tensors and was passed over: "optimizer", "args".
  const std::vector<std::string>& ignored() const { return ignored_; }

 protected:
  explicit WeightFile(std::string path) : path_(std::move(path)) {}
  /// `name` is one of entries().
  virtual Tensor read_entry(const std::string& name) const = 0;

  std::string path_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> metadata_;
  std::vector<std::string> ignored_;
};

/// Opens a file, or the weights in a folder: the first of model.safetensors,
/// model.safetensors.index.json, pytorch_model.bin and pytorch_model.bin.index.json that it has.
/// What a file is shows in its bytes, whatever it is called: safetensors, the index of shards, or
/// what torch.save writes, as a ZIP archive (torch 1.6 and later) or as pickles (before). DataError
/// names what was looked for, or what the file is instead. `use_ema`: of a training checkpoint the
/// averaged weights (find_state_dict); DataError where it holds none.
std::unique_ptr<WeightFile> open_weights(const std::string& path, bool use_ema = false);
/// The same for one file that holds tensors itself: no folder, no index.
std::unique_ptr<WeightFile> open_weight_file(const std::string& file, bool use_ema = false);

}  // namespace vicinity
