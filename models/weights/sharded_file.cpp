#include "models/weights/sharded_file.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "core/base/files.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr uintmax_t kMostBytes = uintmax_t{32} << 20;  // the parsed text takes many times its size

// JSON keeps the last of two equal keys; a tensor that is named twice must not pass in silence.
Json parse_index(const std::string& text, const std::string& path) {
  std::set<std::string> seen;
  const auto note_key = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth == 2 && event == Json::parse_event_t::key)
      VIC_CHECK(DataError, seen.insert(parsed.get<std::string>()).second, "'", path, "' names '",
                parsed.get<std::string>(), "' twice");
    if (depth == 1 && event == Json::parse_event_t::key) seen.clear();
    return true;
  };
  return Json::parse(text, note_key);
}

std::map<std::string, std::string> read_weight_map(const std::string& path) {
  VIC_CHECK(DataError, fs::file_size(path) <= kMostBytes, "'", path, "' has ", fs::file_size(path),
            " bytes; an index of more than ", kMostBytes, " is not read");
  try {
    const Json index = parse_index(read_file(path), path);
    VIC_CHECK(DataError, index.is_object() && index.contains("weight_map"), "'", path,
              "' is no index of shards: it has no weight_map");
    return index.at("weight_map").get<std::map<std::string, std::string>>();
  } catch (const Json::exception& error) {
    VIC_FAIL(DataError, "'", path, "' is damaged: ", error.what());
  }
}

}  // namespace

ShardedFile::ShardedFile(const std::string& index) : WeightFile(index) {
  const std::map<std::string, std::string> weight_map = read_weight_map(index);
  open_shards(weight_map);
  for (const auto& [tensor, shard] : weight_map) {
    VIC_CHECK(DataError, shards_.at(shard)->has(tensor), "'", path_, "' says that '", tensor,
              "' is in '", shard, "', which does not hold it");
  }
}

void ShardedFile::open_shards(const std::map<std::string, std::string>& weight_map) {
  for (const auto& [tensor, shard] : weight_map) {
    if (shards_.contains(shard)) continue;
    VIC_CHECK(DataError, !shard.empty() && shard.find('/') == std::string::npos, "'", path_, "': '",
              tensor, "' is said to be in '", shard, "', which is no file beside the index");
    const std::string file = (fs::path(path_).parent_path() / shard).string();
    std::error_code ignored;
    VIC_CHECK(DataError, fs::is_regular_file(file, ignored), "'", path_, "': '", tensor,
              "' is in '", shard, "', which is not there; all shards belong beside the index");
    shards_[shard] = open_weight_file(file);
  }
  for (const auto& [shard, file] : shards_) {
    for (const auto& [tensor, entry] : file->entries()) {
      const auto [other, added] = shard_of_.emplace(tensor, file.get());
      VIC_CHECK(DataError, added, "'", path_, "': '", tensor, "' is in two shards, '",
                other->second->path(), "' and '", file->path(), "'");
      entries_[tensor] = entry;
    }
    metadata_.insert(file->metadata().begin(), file->metadata().end());
    ignored_.insert(ignored_.end(), file->ignored().begin(), file->ignored().end());
  }
}

Tensor ShardedFile::read_entry(const std::string& name) const {
  return shard_of_.at(name)->read(name);
}

}  // namespace vicinity
