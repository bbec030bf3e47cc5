#include "data/source/open.h"

#include <algorithm>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/text.h"
#include "data/pack/pack_source.h"
#include "data/source/folder.h"
#include "data/source/idx.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

std::string kind_of(const DataConfig& config) {
  if (config.source != "auto") return config.source;
  if (fs::is_regular_file(config.root)) return "hdf5";
  return has_idx_files(config.root) ? "idx" : "folder";
}

// What is done about files that cannot be used. Leaving files out needs the decoder's word on each:
// numbers of samples must not change once training runs.
struct FileRules {
  bool skip;
  FileCheck check;
  FileRules(const DataConfig& config, FileCheck asked)
      : skip(config.on_error == "skip"), check(skip ? FileCheck::decode : asked) {}
};

std::shared_ptr<Source> without(std::shared_ptr<FolderSource> source,
                                const std::vector<FolderSource::Bad>& bad) {
  std::vector<int64_t> kept;
  size_t next = 0;
  for (int64_t i = 0; i < source->size(); ++i) {
    if (next < bad.size() && bad[next].index == i) {
      ++next;
    } else {
      kept.push_back(i);
    }
  }
  return std::make_shared<Subset>(std::move(source), std::move(kept));
}

// Every file passes the check, or is left out, or all that do not are named.
std::shared_ptr<Source> checked(std::shared_ptr<FolderSource> source, const std::string& root,
                                const FileRules& rules) {
  VIC_CHECK(DataError, source->size() > 0, "no images in '", root,
            "': expected ROOT/CLASS/FILE with FILE ending in .jpg, .jpeg, .png or .webp");
  const auto bad = source->find_bad_files(rules.check);
  if (bad.empty()) return source;
  std::string list;
  for (size_t i = 0; i < std::min<size_t>(bad.size(), 10); ++i) list += "\n  " + bad[i].reason;
  if (bad.size() > 10) list += str("\n  and ", bad.size() - 10, " more");
  const std::string what =
      str(bad.size(), " of ", source->size(), " files in '", root, "' cannot be used:", list);
  VIC_CHECK(DataError, rules.skip, what,
            "\nremove or replace them, or go on without them with data.on_error=skip");
  log_warning(what, "\nleft out (data.on_error=skip)");
  return without(std::move(source), bad);
}

void check_two_classes(const Source& train, const std::string& where) {
  const auto& names = train.class_names();
  VIC_CHECK(DataError, names.size() >= 2, "only one class ('", names.empty() ? "" : names[0],
            "') in '", where, "'; a classifier needs at least two folders of images");
}

void check_classes(const Source& train, const std::string& where) {
  const auto& names = train.class_names();
  check_two_classes(train, where);
  std::vector<int64_t> counts(names.size());
  for (int64_t i = 0; i < train.size(); ++i) ++counts[static_cast<size_t>(train.label(i))];
  for (size_t c = 0; c < names.size(); ++c) {
    VIC_CHECK(DataError, counts[c] > 0, "class '", names[c], "' in '", where,
              "' has no training images; add some or remove it");
  }
}

// Per class, the images in a seeded order: the first share is for validation.
DataSets split(const std::shared_ptr<Source>& all, double share, uint64_t seed) {
  std::vector<std::vector<int64_t>> by_class(all->class_names().size());
  for (int64_t i = 0; i < all->size(); ++i)
    by_class[static_cast<size_t>(all->label(i))].push_back(i);
  std::vector<int64_t> train, val;
  for (size_t c = 0; c < by_class.size(); ++c) {
    std::vector<int64_t>& members = by_class[c];
    Random random(seed, Purpose::split, c);
    for (size_t i = members.size(); i > 1; --i) std::swap(members[i - 1], members[random.below(i)]);
    const auto held = static_cast<size_t>(static_cast<double>(members.size()) * share + 0.5);
    val.insert(val.end(), members.begin(), members.begin() + static_cast<std::ptrdiff_t>(held));
    train.insert(train.end(), members.begin() + static_cast<std::ptrdiff_t>(held), members.end());
  }
  std::sort(train.begin(), train.end());
  std::sort(val.begin(), val.end());
  VIC_CHECK(DataError, !val.empty() && !train.empty(), "data.val_split = ", share, " of ",
            all->size(), " images leaves one side empty");
  log_info("no validation folder: ", val.size(), " of ", all->size(),
           " images kept for validation (data.val_split=", share, ", stratified, seed ", seed, ")");
  return {std::make_shared<Subset>(all, std::move(train)),
          std::make_shared<Subset>(all, std::move(val))};
}

std::string first_existing(const std::string& root, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (fs::is_directory(fs::path(root) / name)) return (fs::path(root) / name).string();
  }
  return "";
}

DataSets open_folders(const std::string& train, const std::string& val, const FileRules& rules) {
  auto train_source = std::make_shared<FolderSource>(train);
  auto val_source = std::make_shared<FolderSource>(val, train_source->class_names());
  return {checked(train_source, train, rules), checked(val_source, val, rules)};
}

DataSets open_folder_root(const DataConfig& config, uint64_t seed, const FileRules& rules) {
  const std::string train = first_existing(config.root, {"train", "training"});
  const std::string val = first_existing(config.root, {"val", "valid", "validation", "test"});
  if (!train.empty() && !val.empty()) return open_folders(train, val, rules);
  const std::string all = train.empty() ? config.root : train;
  const auto images = checked(std::make_shared<FolderSource>(all), all, rules);
  check_two_classes(*images, all);
  return split(images, config.val_split, seed);
}

DataSets open_checked(const DataConfig& config, uint64_t seed, const FileRules& rules) {
  const bool pair = !config.train.empty() || !config.val.empty();
  VIC_CHECK(ConfigError, pair || !config.root.empty(),
            "no data: set data.root=PATH (or data.train and data.val)");
  VIC_CHECK(ConfigError,
            !pair || (!config.train.empty() && !config.val.empty() && config.root.empty()),
            "data.train and data.val go together, without data.root");
  for (const std::string& path : {config.root, config.train, config.val}) {
    VIC_CHECK(DataError, path.empty() || fs::exists(path), "no data at '", path,
              "': there is no such file or folder");
  }
  DataSets sets;
  if (pair) {
    sets = open_folders(config.train, config.val, rules);
  } else if (const std::string kind = kind_of(config); kind == "hdf5") {
    sets = {std::make_shared<PackSource>(config.root, "train"),
            std::make_shared<PackSource>(config.root, "val")};
  } else if (kind == "idx") {
    const auto train = std::make_shared<IdxSource>(config.root, "train");
    sets = {train, std::make_shared<IdxSource>(config.root, "t10k", train->class_names())};
  } else {
    sets = open_folder_root(config, seed, rules);
  }
  check_classes(*sets.train, pair ? config.train : config.root);
  if (config.exif == "apply") {
    for (const auto& source : {sets.train, sets.val}) source->turn_upright();
  }
  return sets;
}

}  // namespace

DataSets open_data(const DataConfig& config, uint64_t seed, FileCheck check) {
  try {
    return open_checked(config, seed, FileRules(config, check));
  } catch (const fs::filesystem_error& error) {
    VIC_FAIL(DataError, "cannot read '",
             error.path1().empty() ? config.root : error.path1().string(),
             "': ", error.code().message());
  }
}

}  // namespace vicinity
