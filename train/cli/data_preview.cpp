// vicinity data preview: what the network sees of training pictures, epoch after epoch. Pictures on
// the sheet are mixed with each other.
#include <iostream>

#include "core/base/log.h"
#include "core/base/text.h"
#include "data/image/sheet.h"
#include "data/source/open.h"
#include "data/train_sample.h"
#include "data/transforms/multi_crop.h"
#include "data/transforms/pixel_ops.h"
#include "train/cli/load_config.h"
#include "train/cli/picture_file.h"
#include "train/cli/preview_mixing.h"
#include "train/cli/verbs.h"

namespace vicinity {
namespace {

constexpr int kEpochs = 7;  // beside the picture itself: a row of the sheet

// The picture itself, then as the first epochs that meet it see it.
void add_row(const Source& source, const RunConfig& config, int64_t index,
             std::vector<SheetEntry>& entries) {
  const auto label = static_cast<size_t>(source.label(index));
  entries.push_back({source.load(index), "", source.class_names()[label]});
  const int repeats = config.data.transform.augment.repeats;
  Part part;
  for (int k = 0; k < kEpochs; ++k) {
    SheetEntry entry;
    entry.guess = str("epoch ", k / repeats, repeats == 1 ? "" : str(" copy ", k % repeats));
    load_train_sample(source, config.data.transform, config.seed, {index, static_cast<uint32_t>(k)},
                      part, entry.image);
    entries.push_back(std::move(entry));
  }
}

// Two rows of the sheet: the picture and the large views of the first epochs; the small views of
// the first epoch.
void add_views(const Source& source, const RunConfig& config, int64_t index,
               std::vector<SheetEntry>& entries) {
  const MultiCrop crops;
  Image picture = source.load(index);
  if (config.data.transform.channels() == 1) to_grey(picture);
  const auto label = static_cast<size_t>(source.label(index));
  entries.push_back({picture, "", source.class_names()[label]});
  const auto add = [&](int epoch, int view, const std::string& name) {
    const ViewStyle& style = crops.style(view);
    const Random random = random_of_view(config.seed, index, static_cast<uint32_t>(epoch), view);
    entries.push_back(
        {make_view(picture, style, draw_view(style, picture.width, picture.height, random)), "",
         name});
  };
  for (int i = 0; i < kEpochs; ++i) add(i / 2, i % 2, str("epoch ", i / 2, " global ", i % 2 + 1));
  for (int i = 0; i < crops.locals; ++i) add(0, 2 + i, str("local ", i + 1));
}

// The pictures of each epoch as a leaf of their own.
void mix_columns(const RunConfig& config, std::vector<SheetEntry>& entries) {
  for (size_t k = 1; k <= kEpochs; ++k) {
    std::vector<SheetEntry*> leaf;
    for (size_t i = k; i < entries.size(); i += kEpochs + 1) leaf.push_back(&entries[i]);
    mix_previews(leaf, config, static_cast<int64_t>(k) - 1);
  }
}

}  // namespace

int data_preview_verb(const Arguments& arguments) {
  refuse_positional(arguments, "data preview");
  VIC_CHECK(UsageError, arguments.has("--out"), "vicinity data preview needs --out FILE.png");
  check_picture_file(arguments.get("--out"), "--out");
  const RunConfig config = load_run_config(arguments.all("--config"), arguments.overrides);
  const DataSets data = open_data(config.data.source, config.seed);
  const Source& source = *data.train;
  const int64_t wanted = arguments.number("--images", 8, 1);
  const int64_t images = std::min(wanted, source.size());
  const bool views = makes_views(config.data.transform.augment);
  std::vector<SheetEntry> entries;
  for (int64_t i = 0; i < images; ++i)
    (views ? add_views : add_row)(source, config, shuffled_index(config.seed, 0, i, source.size()),
                                  entries);
  if (!views) mix_columns(config, entries);
  const std::string out = arguments.get("--out");
  write_sheet(entries, out);
  log_info("images     ", views ? describe(MultiCrop{}) : describe_train(config.data.transform));
  std::cout << out << ": the first " << format_count(images)
            << " training images, each as it is and ";
  if (views) std::cout << "in views of self-distillation\n";
  if (!views) std::cout << "in " << kEpochs << " epochs\n";
  return 0;
}

}  // namespace vicinity
