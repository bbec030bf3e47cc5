#include "data/source/folder_archive.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "data/source/class_order.h"
#include "data/source/folder.h"
#include "data/source/tar_reader.h"

namespace vicinity {
namespace {

struct Entry {
  size_t file;
  TarMember member;
  std::vector<std::string> parts;  // of the path; the first is the class once the root is gone
};
using Entries = std::vector<Entry>;

bool is_hidden(const std::vector<std::string>& parts) {
  return std::any_of(parts.begin(), parts.end(), [](const std::string& p) { return p[0] == '.'; });
}

// Images of the archives from number `first` on.
Entries images_of(const std::vector<std::shared_ptr<const InputFile>>& files, size_t first,
                  const std::string& where) {
  Entries entries;
  int64_t ignored = 0;
  for (size_t f = first; f < files.size(); ++f) {
    TarReader reader(*files[f]);
    for (TarMember member; reader.next(member);) {
      const std::vector<std::string> parts = split(member.path, '/');
      if (is_hidden(parts)) continue;
      if (is_image_name(member.path)) {
        entries.push_back({f, member, parts});
      } else {
        ++ignored;
      }
    }
  }
  if (ignored > 0) log_info("ignored ", ignored, " other files in '", where, "'");
  return entries;
}

// The place behind the first folder with one of the names, or 0.
size_t behind(const std::vector<std::string>& parts, const std::vector<std::string>& names) {
  for (size_t i = 0; i + 2 < parts.size(); ++i) {
    if (std::find(names.begin(), names.end(), lower(parts[i])) != names.end()) return i + 1;
  }
  return 0;
}

void drop_front(Entry& entry, size_t count) {
  entry.parts.erase(entry.parts.begin(), entry.parts.begin() + static_cast<std::ptrdiff_t>(count));
}

// Images below a folder with one of the names.
Entries below(const Entries& all, const std::vector<std::string>& names) {
  Entries found;
  for (const Entry& entry : all) {
    const size_t place = behind(entry.parts, names);
    if (place == 0) continue;
    found.push_back(entry);
    drop_front(found.back(), place);
  }
  return found;
}

// Folders that all paths share and that hold no image themselves.
void drop_root(Entries& all) {
  const auto shared = [&] {
    return std::all_of(all.begin(), all.end(), [&](const Entry& e) {
      return e.parts.size() > 2 && e.parts[0] == all[0].parts[0];
    });
  };
  while (!all.empty() && shared()) {
    for (Entry& entry : all) drop_front(entry, 1);
  }
}

// Images of one split, from the class on.
Entries from_class(Entries all, const std::vector<std::string>& names) {
  Entries named = below(all, names);
  if (!named.empty()) return named;
  drop_root(all);
  return all;
}

}  // namespace

FolderArchive::Splits FolderArchive::open(const std::vector<std::string>& train_paths,
                                          const std::vector<std::string>& val_paths,
                                          const std::string& where) {
  Files files;
  for (const std::string& path : train_paths) files.push_back(std::make_shared<InputFile>(path));
  const Entries all = images_of(files, 0, where);
  const Entries train = from_class(all, training_folder_names());
  const bool both = val_paths.empty() && !below(all, training_folder_names()).empty();
  Entries val = both ? below(all, validation_folder_names()) : Entries{};
  for (const std::string& path : val_paths) files.push_back(std::make_shared<InputFile>(path));
  if (!val_paths.empty())
    val = from_class(images_of(files, train_paths.size(), where), validation_folder_names());
  std::set<std::string> classes;
  for (const Entry& entry : train) {
    VIC_CHECK(DataError, entry.parts.size() > 1, "'", entry.member.path, "' of '", where,
              "' stands in no class folder");
    classes.insert(entry.parts[0]);
  }
  VIC_CHECK(DataError, !train.empty(), "no images in '", where, "'");
  const std::vector<std::string> names(classes.begin(), classes.end());
  const auto make = [&](const Entries& entries) {
    auto source = std::make_shared<FolderArchive>();
    source->files_ = files;
    source->class_names_ = names;
    ClassOrder order;
    std::vector<int32_t> texts;
    for (const Entry& entry : entries) texts.push_back(order.add(entry.parts[0]));
    const std::vector<int32_t> label = order.classes(names, where).label;
    for (size_t i = 0; i < entries.size(); ++i) {
      source->add(entries[i].file, entries[i].member.at, entries[i].member.size,
                  label[static_cast<size_t>(texts[i])], join(entries[i].parts, "/"));
    }
    source->sort_by_class();
    return source;
  };
  return {make(train), val.empty() ? nullptr : make(val)};
}

bool FolderArchive::looks_like_one(const std::string& path) {
  const InputFile file(path);
  TarReader reader(file);
  const auto key = [](const std::string& p) { return p.substr(0, p.find('.', p.rfind('/') + 1)); };
  std::string image, label;  // keys of the last of each
  for (TarMember member; reader.next(member);) {
    const std::string at = key(member.path);
    if (!image.empty() && at != image) return image.find('/') != std::string::npos;
    const bool is_label = ends_with(member.path, ".cls") || ends_with(member.path, ".json") ||
                          ends_with(member.path, ".txt");
    if (is_label) label = at;
    if (is_image_name(member.path)) image = at;
    if (!image.empty() && image == label) return false;
  }
  return image.find('/') != std::string::npos;
}

}  // namespace vicinity
