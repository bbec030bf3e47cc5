// Weights in several files, and the index that says which tensor is where.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "models/weights/weight_file.h"

namespace vicinity {

/// NAME.index.json as transformers writes it: {"weight_map": {tensor: file beside the index}}.
/// DataError names a shard that is absent, a tensor that is not in the shard it is said to be in,
/// and a tensor that is twice in the index or in two shards. Tensors of a shard that the index does
/// not name count as well, as in transformers.
class ShardedFile : public WeightFile {
 public:
  explicit ShardedFile(const std::string& index);

 private:
  Tensor read_entry(const std::string& name) const override;
  void open_shards(const std::map<std::string, std::string>& weight_map);

  std::map<std::string, std::unique_ptr<WeightFile>> shards_;  // by file name
  std::map<std::string, const WeightFile*> shard_of_;          // by tensor
};

}  // namespace vicinity
