#include "data/source/open_kinds.h"

#include <filesystem>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "data/pack/pack_source.h"
#include "data/source/csv.h"
#include "data/source/folder.h"
#include "data/source/folder_archive.h"
#include "data/source/idx.h"
#include "data/source/imagenet.h"
#include "data/source/shards.h"
#include "data/source/val_labels.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) { return fs::is_regular_file(path); }

// In any spelling of capitals: Train and Val would else be two classes.
std::string first_existing(const std::string& root, const std::vector<std::string>& names) {
  if (!fs::is_directory(root)) return "";
  const std::vector<std::string> folders = subfolders(root);
  for (const std::string& name : names) {
    if (fs::is_directory(fs::path(root) / name)) return (fs::path(root) / name).string();
    for (const std::string& folder : folders)
      if (lower(folder) == name) return (fs::path(root) / folder).string();
  }
  return "";
}

std::string train_folder(const std::string& root) {
  return first_existing(root, training_folder_names());
}
std::string val_folder(const std::string& root) {
  return first_existing(root, validation_folder_names());
}

bool is_imagenet_archive(const fs::path& path) {
  const std::string name = path.filename().string();
  return name == ImageNetSource::kTrain || name == ImageNetSource::kVal;
}

std::string kind_of_file(const std::string& path) {
  const std::string name = lower(fs::path(path).filename().string());
  if (ends_with(name, ".csv") || ends_with(name, ".tsv")) return "csv";
  if (is_imagenet_archive(path)) return "imagenet";
  const size_t tar = name.rfind(".tar");
  return tar != std::string::npos && tar + 8 >= name.size() ? "tar" : "hdf5";  // .tar.gz: refused
}

std::string kind_of(const DataConfig& config, const std::string& path) {
  if (config.source != "auto") return config.source;
  if (is_file(path)) return kind_of_file(path);
  if (is_file(fs::path(path) / ImageNetSource::kTrain)) return "imagenet";
  if (has_idx_files(path)) return "idx";
  const auto holds_shards = [](const std::string& folder) {
    return fs::is_directory(folder) && !tar_files(folder).empty();
  };
  return holds_shards(path) || holds_shards(train_folder(path)) ? "tar" : "folder";
}

FoundData find_folders(const std::string& train, const std::string& val) {
  FoundData found{std::make_shared<FolderSource>(train), nullptr, train, val};
  if (!val.empty()) found.val = std::make_shared<FolderSource>(val, found.train->class_names());
  return found;
}

FoundData find_lists(const DataConfig& config, const std::string& train, const std::string& val) {
  const CsvColumns columns{config.image_column, config.label_column};
  FoundData found{std::make_shared<CsvSource>(train, columns), nullptr, train, val};
  if (!val.empty())
    found.val = std::make_shared<CsvSource>(val, columns, found.train->class_names());
  return found;
}

// Lines of classes.txt beside shards.
std::vector<std::string> shard_classes(const std::string& where) {
  const fs::path folder = is_file(where) ? fs::path(where).parent_path() : fs::path(where);
  const std::string path = (folder / "classes.txt").string();
  if (!is_file(path)) return {};
  std::vector<std::string> names = split(read_file(path), '\n');
  while (!names.empty() && names.back().empty()) names.pop_back();
  for (std::string& name : names) {
    if (!name.empty() && name.back() == '\r') name.pop_back();
  }
  return names;
}

FoundData find_shards(const std::string& where, const std::vector<std::string>& train,
                      const std::vector<std::string>& val, const std::string& val_at) {
  if (!train.empty() && FolderArchive::looks_like_one(train[0])) {
    const FolderArchive::Splits splits = FolderArchive::open(train, val, where);
    return {splits.train, splits.val, where, val_at};
  }
  const std::vector<std::string> names = shard_classes(where);
  FoundData found{std::make_shared<ShardSource>(train, where, names), nullptr, where, val_at};
  if (!val.empty()) {
    found.val = std::make_shared<ShardSource>(val, val_at, names, found.train->class_names());
  }
  return found;
}

// ROOT/train/*.tar and ROOT/val/*.tar, or ROOT/*.tar, of which those with "val" or "test" in their
// names are for validation.
FoundData find_shard_root(const std::string& root) {
  const std::string train = train_folder(root), val = val_folder(root);
  if (is_file(root) || train.empty()) {
    std::vector<std::string> first, second;
    for (const std::string& path : tar_files(root)) {
      const std::string name = lower(fs::path(path).filename().string());
      const bool held =
          name.find("val") != std::string::npos ||
          (name.find("test") != std::string::npos && name.find("train") == std::string::npos);
      (held && !is_file(root) ? second : first).push_back(path);
    }
    VIC_CHECK(DataError, !first.empty(), "no training shards (*.tar) in '", root, "'");
    return find_shards(root, first, second, root);
  }
  VIC_CHECK(DataError, !tar_files(train).empty(), "no shards (*.tar) in '", train, "'");
  return find_shards(train, tar_files(train),
                     val.empty() ? std::vector<std::string>{} : tar_files(val), val);
}

FoundData find_imagenet(const DataConfig& config, const std::string& train,
                        const std::string& val) {
  FoundData found{ImageNetSource::train(train), nullptr, train, val};
  if (val.empty()) return found;
  const std::string labels = config.val_labels.empty()
                                 ? ValLabels::find(fs::path(val).parent_path().string())
                                 : config.val_labels;
  found.val = ImageNetSource::val(val, labels, found.train->class_names());
  return found;
}

FoundData find_imagenet_root(const DataConfig& config) {
  const bool archive = is_file(config.root);
  const fs::path folder = archive ? fs::path(config.root).parent_path() : fs::path(config.root);
  const fs::path train = archive ? fs::path(config.root) : folder / ImageNetSource::kTrain,
                 val = folder / ImageNetSource::kVal;
  return find_imagenet(config, train.string(), is_file(val) ? val.string() : "");
}

FoundData find_pair(const DataConfig& config) {
  const std::string kind = kind_of(config, config.train);
  VIC_CHECK(ConfigError, kind != "hdf5" && kind != "idx",
            "data.train and data.val are folders, lists (.csv), shards (.tar) or archives of "
            "ImageNet; a pack and IDX files are data.root");
  if (kind == "csv") return find_lists(config, config.train, config.val);
  if (kind == "imagenet") return find_imagenet(config, config.train, config.val);
  if (kind == "tar")
    return find_shards(config.train, tar_files(config.train), tar_files(config.val), config.val);
  return find_folders(config.train, config.val);
}

FoundData find_root(const DataConfig& config) {
  const std::string& root = config.root;
  const std::string kind = kind_of(config, root);
  if (kind == "hdf5") {
    return {std::make_shared<PackSource>(root, "train"), std::make_shared<PackSource>(root, "val"),
            root, root, false};
  }
  if (kind == "idx") {
    const auto train = std::make_shared<IdxSource>(root, "train");
    return {train, std::make_shared<IdxSource>(root, "t10k", train->class_names()), root, root,
            false};
  }
  if (kind == "csv") return find_lists(config, root, "");
  if (kind == "tar") return find_shard_root(root);
  if (kind == "imagenet") return find_imagenet_root(config);
  const std::string train = train_folder(root), val = val_folder(root);
  if (lower(fs::path(val).filename().string()).starts_with("test") && !train.empty())
    log_info("no val folder: '", val, "' is for validation, and its images choose the best model");
  if (!train.empty() && !val.empty()) return find_folders(train, val);
  return find_folders(train.empty() ? root : train, "");
}

}  // namespace

std::string kind_of_data(const DataConfig& config) {
  return kind_of(config, config.root.empty() ? config.train : config.root);
}

FoundData find_data(const DataConfig& config) {
  return config.root.empty() ? find_pair(config) : find_root(config);
}

}  // namespace vicinity
