#include "data/source/imagenet.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/source/class_order.h"
#include "data/source/for_each_file.h"
#include "data/source/tar_reader.h"
#include "data/source/val_labels.h"

namespace vicinity {
namespace {

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

std::vector<TarMember> members_of(const InputFile& file, uint64_t begin, uint64_t end) {
  std::vector<TarMember> members;
  TarReader reader(file, begin, end);
  for (TarMember member; reader.next(member);) members.push_back(member);
  return members;
}

}  // namespace

std::shared_ptr<ImageNetSource> ImageNetSource::train(const std::string& path) {
  auto source = std::make_shared<ImageNetSource>();
  const auto file = std::make_shared<InputFile>(path);
  source->files_.push_back(file);
  std::vector<TarMember> archives = members_of(*file, 0, file->size());
  for (const TarMember& archive : archives) {
    VIC_CHECK(DataError, ends_with(archive.path, ".tar"), "'", path,
              "' is to be a tar of one CLASS.tar for each class, but holds '", archive.path,
              "'; shards of samples are data.source=tar");
  }
  VIC_CHECK(DataError, !archives.empty(), "no classes in '", path, "'");
  std::sort(archives.begin(), archives.end(),
            [](const TarMember& a, const TarMember& b) { return a.path < b.path; });
  std::vector<std::vector<TarMember>> images(archives.size());
  for_each_file(static_cast<int64_t>(archives.size()), [&](int64_t i) {
    const TarMember& archive = archives[static_cast<size_t>(i)];
    in_context(str("reading '", archive.path, "' in '", path, "'"), [&] {
      images[static_cast<size_t>(i)] = members_of(*file, archive.at, archive.at + archive.size);
    });
  });
  for (size_t c = 0; c < archives.size(); ++c) {
    const std::string name = std::filesystem::path(archives[c].path).stem().string();
    VIC_CHECK(DataError, c == 0 || name != source->class_names_.back(), "'", path,
              "' has two archives for class '", name, "'");
    source->class_names_.push_back(name);
    for (const TarMember& image : images[c]) {
      source->add(0, image.at, image.size, static_cast<int32_t>(c),
                  name + "/" + file_name(image.path));
    }
    images[c] = {};
  }
  source->sort_by_class();
  return source;
}

std::shared_ptr<ImageNetSource> ImageNetSource::val(const std::string& path,
                                                    const std::string& labels,
                                                    const std::vector<std::string>& classes) {
  auto source = std::make_shared<ImageNetSource>();
  const auto file = std::make_shared<InputFile>(path);
  source->files_.push_back(file);
  std::vector<TarMember> images = members_of(*file, 0, file->size());
  for (TarMember& image : images) image.path = file_name(image.path);
  std::sort(images.begin(), images.end(),
            [](const TarMember& a, const TarMember& b) { return a.path < b.path; });
  std::vector<std::string> names;
  for (const TarMember& image : images) names.push_back(image.path);
  VIC_CHECK(DataError, !labels.empty(), "'", path,
            "' does not tell the classes of its images; name a list of them with data.val_labels "
            "(ILSVRC2012_validation_ground_truth.txt of the development kit, "
            "LOC_val_solution.csv, imagenet_2012_validation_synset_labels.txt)");
  const std::vector<std::string> ids = ValLabels(labels).of(names);
  ClassOrder order;
  std::vector<int32_t> texts;
  for (const std::string& id : ids) texts.push_back(order.add(id));
  const ClassOrder::Classes numbered = order.classes(classes, labels);
  source->class_names_ = numbered.names;
  for (size_t i = 0; i < images.size(); ++i) {
    source->add(0, images[i].at, images[i].size, numbered.label[static_cast<size_t>(texts[i])],
                ids[i] + "/" + names[i]);
  }
  source->sort_by_class();
  return source;
}

std::vector<std::string> class_words(const std::string& path, const std::vector<std::string>& ids) {
  std::ifstream file(path);
  VIC_CHECK(DataError, file.good(), "cannot read data.class_words '", path, "'");
  std::unordered_map<std::string, std::string> words;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const size_t blank = line.find_first_of(" \t");
    if (blank != std::string::npos) words[line.substr(0, blank)] = line.substr(blank + 1);
  }
  std::vector<std::string> names;
  for (const std::string& id : ids) {
    const auto found = words.find(id);
    VIC_CHECK(DataError, found != words.end(), "'", path, "' has no line for class '", id, "'");
    names.push_back(found->second);
  }
  return names;
}

}  // namespace vicinity
