#include "data/source/shards.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "data/source/class_order.h"
#include "data/source/for_each_file.h"
#include "data/source/tar_reader.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kLongestLabel = uint64_t{1} << 20;
const char* const kLabelKinds[] = {"cls", "json", "txt"};

// "a/b.c.seg.png" -> "a/b", "c.seg.png". Names that begin with a point have no key.
struct KeyAndExtension {
  std::string key, extension;
  explicit KeyAndExtension(const std::string& path) {
    const size_t slash = path.rfind('/'), from = slash == std::string::npos ? 0 : slash + 1;
    const size_t point = path.find('.', from);
    if (point == std::string::npos || point == from) return;
    key = path.substr(0, point);
    extension = lower(path.substr(point + 1));
  }
};

bool is_image(const std::string& extension) {
  return extension == "jpg" || extension == "jpeg" || extension == "png" || extension == "webp";
}

std::string trimmed(const std::string& text) {
  const size_t from = text.find_first_not_of(" \t\r\n");
  return from == std::string::npos ? ""
                                   : text.substr(from, text.find_last_not_of(" \t\r\n") + 1 - from);
}

// What one shard holds, labels numbered by first appearance.
struct Shard {
  struct Sample {
    uint64_t at, size;
    int32_t label;
  };
  std::shared_ptr<const InputFile> file;
  NameTable keys;
  std::vector<Sample> samples;
  ClassOrder labels;
  std::string label_kind;
  int64_t passed_over = 0;
};

// Members with one key.
struct Group {
  std::string key;
  std::map<std::string, TarMember> images, labels;
  int64_t others = 0;
};

class ShardReader {
 public:
  explicit ShardReader(Shard& shard) : shard_(shard) {}

  void read() {
    TarReader reader(*shard_.file);
    TarMember member;
    while (reader.next(member)) {
      const KeyAndExtension name(member.path);
      if (name.key.empty()) continue;
      if (name.key != group_.key) {
        finish();
        group_ = {name.key, {}, {}, 0};
      }
      const bool label = std::find(std::begin(kLabelKinds), std::end(kLabelKinds),
                                   name.extension) != std::end(kLabelKinds);
      if (!label && !is_image(name.extension)) {
        ++group_.others;
        continue;
      }
      auto& members = label ? group_.labels : group_.images;
      VIC_CHECK(DataError, members.emplace(name.extension, member).second, "'", shard_.file->path(),
                "' has two members '", member.path, "'");
    }
    finish();
  }

 private:
  std::string of_sample() const {
    return str("sample '", group_.key, "' of '", shard_.file->path(), "'");
  }

  void finish() {
    const bool other_text = group_.images.empty() && !group_.labels.contains("cls");
    if (other_text) {  // a README.txt, a file about the shard
      shard_.passed_over += group_.others + static_cast<int64_t>(group_.labels.size());
      return;
    }
    shard_.passed_over += group_.others;
    VIC_CHECK(DataError, group_.images.size() == 1, of_sample(), " has ",
              group_.images.empty() ? "no image" : "two images",
              "; the members of a sample must follow each other (tar --sort=name), with one image");
    const TarMember& image = group_.images.begin()->second;
    shard_.samples.push_back({image.at, image.size, shard_.labels.add(label())});
    shard_.keys.add(image.path);
  }

  std::string label() {
    if (shard_.label_kind.empty()) {
      for (const char* kind : kLabelKinds) {
        if (shard_.label_kind.empty() && group_.labels.contains(kind)) shard_.label_kind = kind;
      }
    }
    const auto found = group_.labels.find(shard_.label_kind);
    VIC_CHECK(DataError, found != group_.labels.end(), of_sample(), " has no label: expected ",
              shard_.label_kind.empty() ? ".cls, .json or .txt" : "." + shard_.label_kind,
              " beside the image");
    VIC_CHECK(DataError, found->second.size <= kLongestLabel, of_sample(), ": a label of ",
              found->second.size, " bytes");
    const std::string text = shard_.file->text(found->second.at, found->second.size);
    const std::string value = trimmed(shard_.label_kind == "json" ? from_json(text) : text);
    VIC_CHECK(DataError, !value.empty(), of_sample(), ": an empty label");
    return value;
  }

  std::string from_json(const std::string& text) const {
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    const bool has = json.is_object() && json.contains("label");
    if (has && json["label"].is_string()) return json["label"].get<std::string>();
    if (has && json["label"].is_number_integer()) return json["label"].dump();
    VIC_FAIL(DataError, of_sample(), ": its .json has no \"label\" that is a text or a number");
  }

  Shard& shard_;
  Group group_;
};

// Number labels as lines of classes.txt.
std::string named(const std::string& label, const std::vector<std::string>& names,
                  const std::string& where) {
  if (names.empty()) return label;
  const bool number = !label.empty() && label.size() < 10 &&
                      label.find_first_not_of("0123456789") == std::string::npos;
  if (!number) return label;
  const size_t i = std::stoul(label);
  VIC_CHECK(DataError, i < names.size(), "label ", label, " of '", where, "', but classes.txt has ",
            names.size(), " lines");
  return names[i];
}

}  // namespace

std::vector<std::string> tar_files(const std::string& path) {
  if (fs::is_regular_file(path)) return {path};
  std::vector<std::string> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && ends_with(name, ".tar") && name[0] != '.')
      found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

ShardSource::ShardSource(const std::vector<std::string>& paths, const std::string& where,
                         const std::vector<std::string>& names,
                         const std::vector<std::string>& classes) {
  std::vector<Shard> shards(paths.size());
  for_each_file(static_cast<int64_t>(shards.size()), [&](int64_t i) {
    Shard& shard = shards[static_cast<size_t>(i)];
    shard.file = std::make_shared<InputFile>(paths[static_cast<size_t>(i)]);
    ShardReader(shard).read();
  });
  ClassOrder order;
  std::vector<std::vector<int32_t>> numbers(shards.size());
  int64_t passed_over = 0;
  const Shard* first = nullptr;
  for (size_t s = 0; s < shards.size(); ++s) {
    if (shards[s].samples.empty()) continue;
    if (first == nullptr) first = &shards[s];
    VIC_CHECK(DataError, shards[s].label_kind == first->label_kind, "labels are .",
              first->label_kind, " in '", first->file->path(), "' and .", shards[s].label_kind,
              " in '", shards[s].file->path(), "'");
    for (const std::string& text : shards[s].labels.texts())
      numbers[s].push_back(order.add(named(text, names, where)));
    passed_over += shards[s].passed_over;
  }
  VIC_CHECK(DataError, first != nullptr, "no images in '", where,
            "': expected samples as KEY.jpg (or .jpeg, .png, .webp) with KEY.cls, .json or .txt");
  const bool all_names = classes.empty() && !names.empty() && first->label_kind == "cls";
  const ClassOrder::Classes numbered = order.classes(all_names ? names : classes, where);
  class_names_ = numbered.names;
  for (size_t s = 0; s < shards.size(); ++s) {
    files_.push_back(shards[s].file);
    for (size_t i = 0; i < shards[s].samples.size(); ++i) {
      const Shard::Sample& sample = shards[s].samples[i];
      const auto text = static_cast<size_t>(numbers[s][static_cast<size_t>(sample.label)]);
      add(s, sample.at, sample.size, numbered.label[text], shards[s].keys[i]);
    }
    shards[s] = {};
  }
  if (passed_over > 0)
    log_info("ignored ", passed_over, " other members of the shards in '", where, "'");
}

}  // namespace vicinity
