#include "data/source/open.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/text.h"
#include "data/source/imagenet.h"
#include "data/source/open_kinds.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

// Every file passes the check, or is left out, or all that do not are named.
std::shared_ptr<Source> checked(std::shared_ptr<Source> source, const std::string& where,
                                const DataConfig& config, FileCheck check) {
  VIC_CHECK(DataError, source->size() > 0, "no images in '", where,
            "': expected ROOT/CLASS/FILE with FILE ending in .jpg, .jpeg, .png or .webp");
  // Leaving files out needs the decoder's word on each: numbers of samples must not change once
  // training runs.
  const bool skip = config.on_error == "skip";
  const auto bad = find_bad_images(*source, skip ? FileCheck::decode : check);
  if (bad.empty()) return source;
  const std::string what = describe_bad_images(bad, source->size(), where);
  VIC_CHECK(DataError, skip, what,
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

// Shares are rounded class by class: of 1,000 classes of two images each, 0.15 keeps none.
void check_both_sides(bool train, bool val, double share,
                      const std::vector<std::vector<size_t>>& by_class) {
  size_t most = 1;
  for (const std::vector<size_t>& members : by_class) most = std::max(most, members.size());
  const double enough = std::ceil(50.0 / static_cast<double>(most)) / 100;
  const std::string remedy =
      most == 1 ? "add images" : str("data.val_split=", enough, " keeps one of the largest");
  VIC_CHECK(DataError, val, "data.val_split=", share,
            " keeps no image for validation: the share of each class is rounded, and no class has "
            "more than ",
            most, most == 1 ? " image; " : " images; ", remedy);
  VIC_CHECK(DataError, train, "data.val_split=", share,
            " leaves no image for training; set a smaller share, or add images");
}

// Per class, the images in a seeded order: the first share is for validation. Images that share
// their bytes go the same way.
DataSets split(const std::shared_ptr<Source>& all, double share, uint64_t seed) {
  const auto size = static_cast<size_t>(all->size());
  std::vector<std::vector<size_t>> by_class(all->class_names().size());
  std::unordered_map<int64_t, size_t> first_of;
  std::vector<size_t> first(size);
  for (size_t i = 0; i < size; ++i) {
    const auto index = static_cast<int64_t>(i);
    first[i] = first_of.try_emplace(all->storage(index), i).first->second;
    if (first[i] == i) by_class[static_cast<size_t>(all->label(index))].push_back(i);
  }
  std::vector<bool> held(size);
  for (size_t c = 0; c < by_class.size(); ++c) {
    std::vector<size_t>& members = by_class[c];
    Random random(seed, Purpose::split, c);
    for (size_t i = members.size(); i > 1; --i) std::swap(members[i - 1], members[random.below(i)]);
    const auto count = static_cast<size_t>(static_cast<double>(members.size()) * share + 0.5);
    for (size_t i = 0; i < count; ++i) held[members[i]] = true;
  }
  std::vector<int64_t> train, val;
  for (size_t i = 0; i < size; ++i)
    (held[first[i]] ? val : train).push_back(static_cast<int64_t>(i));
  check_both_sides(!train.empty(), !val.empty(), share, by_class);
  log_info("no validation images: ", val.size(), " of ", all->size(),
           " images kept for validation (data.val_split=", share, ", stratified, seed ", seed, ")");
  return {std::make_shared<Subset>(all, std::move(train)),
          std::make_shared<Subset>(all, std::move(val))};
}

void check_paths(const DataConfig& config) {
  const bool pair = !config.train.empty() || !config.val.empty();
  VIC_CHECK(ConfigError, pair || !config.root.empty(),
            "no data: set data.root=PATH (or data.train and data.val)");
  VIC_CHECK(ConfigError,
            !pair || (!config.train.empty() && !config.val.empty() && config.root.empty()),
            "data.train and data.val go together, without data.root");
  for (const std::string& path :
       {config.root, config.train, config.val, config.val_labels, config.class_words}) {
    VIC_CHECK(DataError, path.empty() || fs::exists(path), "no data at '", path,
              "': there is no such file or folder",
              fs::path(path).is_relative() ? str(" in '", fs::current_path().string(), "'") : "");
  }
}

DataSets open_checked(const DataConfig& config, uint64_t seed, FileCheck check) {
  check_paths(config);
  FoundData found = find_data(config);
  if (found.files) found.train = checked(found.train, found.train_at, config, check);
  if (found.files && found.val) found.val = checked(found.val, found.val_at, config, check);
  if (!found.val) check_two_classes(*found.train, found.train_at);
  DataSets sets =
      found.val ? DataSets{found.train, found.val} : split(found.train, config.val_split, seed);
  check_classes(*sets.train, found.train_at);
  for (const auto& source : {sets.train, sets.val}) {
    if (found.files) source->offer_skip();
    if (!config.class_words.empty())
      source->rename_classes(class_words(config.class_words, source->class_names()));
    if (config.exif == "apply") source->turn_upright();
  }
  return sets;
}

}  // namespace

DataSets open_data(const DataConfig& config, uint64_t seed, FileCheck check) {
  try {
    return open_checked(config, seed, check);
  } catch (const fs::filesystem_error& error) {
    VIC_FAIL(DataError, "cannot read '",
             error.path1().empty() ? config.root : error.path1().string(),
             "': ", error.code().message());
  }
}

}  // namespace vicinity
