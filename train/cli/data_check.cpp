// vicinity data check: what is wrong with a data set, before training meets it.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/base/log.h"
#include "core/base/text.h"
#include "data/check/check.h"
#include "train/cli/class_histogram.h"
#include "train/cli/list_progress.h"
#include "train/cli/load_config.h"
#include "train/cli/verbs.h"

namespace vicinity {
namespace {

constexpr size_t kNamedInText = 10, kNamedInJson = 1000;
constexpr int kMostEnlarged = 4;  // a picture that is enlarged more is called tiny

using nlohmann::ordered_json;

std::string percent(int64_t part, int64_t whole) {
  const double share =
      whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  return format_fixed(share, 2) + " %";
}

std::string text_of(const Range& range) {
  return str(range.least, " to ", range.most, ", middle ", range.median);
}

const Source& side_of(const DataSets& data, bool val) { return val ? *data.val : *data.train; }

// "tulip/2.jpg (val) repeats daisy/1.jpg (train): same bytes"
std::string text_of(const DataSets& data, const Repeat& r) {
  const Source &a = side_of(data, r.first_in_val), &b = side_of(data, r.second_in_val);
  return str(b.key(r.second), r.second_in_val ? " (val)" : " (train)", " repeats ", a.key(r.first),
             r.first_in_val ? " (val): " : " (train): ",
             r.same_bytes ? "same bytes" : str("looks alike, ", r.distance, " of 128 bits differ"),
             a.label(r.first) == b.label(r.second)
                 ? ""
                 : str(", classes ", b.class_names()[static_cast<size_t>(b.label(r.second))],
                       " and ", a.class_names()[static_cast<size_t>(a.label(r.first))]));
}

template <class List, class Text>
void print_some(const List& list, const Text& text) {
  for (size_t i = 0; i < std::min(list.size(), kNamedInText); ++i)
    std::cout << "      " << text(list[i]) << "\n";
  if (list.size() > kNamedInText)
    std::cout << "      and " << list.size() - kNamedInText << " more (--json lists "
              << kNamedInJson << ")\n";
}

void print_split(const std::string& name, const Source& source, const SplitFacts& facts,
                 int tiny_side) {
  const auto& f = facts.formats;
  std::cout << name << ": " << format_count(facts.images) << " images\n  files       "
            << format_count(f[0]) << " JPEG, " << format_count(f[1]) << " PNG, "
            << format_count(f[2]) << " WebP, " << format_count(f[3]) << " raw; bytes "
            << text_of(facts.bytes) << "\n  pixels      width " << text_of(facts.width)
            << "; height " << text_of(facts.height) << "\n  kinds       " << facts.grey << " grey, "
            << facts.alpha << " with alpha (dropped), " << facts.cmyk << " CMYK, " << facts.wide
            << " of 16 bits (cut to 8), " << facts.turned << " turned by EXIF (data.exif), "
            << facts.flat << " of one colour\n  broken      " << facts.bad.size() << "\n";
  print_some(facts.bad, [](const BadImage& bad) { return bad.reason; });
  std::cout << "  tiny        " << facts.tiny.size() << " with a side below " << tiny_side
            << " pixels\n";
  print_some(facts.tiny, [&](int64_t i) { return source.key(i); });
}

void print_repeats(const DataSets& data, const std::string& what,
                   const std::vector<Repeat>& repeats) {
  const auto same =
      std::count_if(repeats.begin(), repeats.end(), [](const Repeat& r) { return r.same_bytes; });
  std::cout << "  " << what << repeats.size() << " (" << same << " of the same bytes, "
            << static_cast<int64_t>(repeats.size()) - same << " that look alike)\n";
  print_some(repeats, [&](const Repeat& r) { return text_of(data, r); });
}

void print_classes(const DataSets& data, const DataReport& report) {
  std::vector<std::string> absent;
  for (size_t c = 0; c < report.val.per_class.size(); ++c) {
    if (report.val.per_class[c] == 0) absent.push_back(data.train->class_names()[c]);
  }
  std::cout << class_histogram(data.train->class_names(), report.train.per_class,
                               report.val.per_class);
  if (absent.empty()) return;
  std::cout << "  without validation images: " << absent.size() << "\n";
  print_some(absent, [](const std::string& name) { return name; });
}

ordered_json to_json(const Range& range) {
  return {{"least", range.least}, {"median", range.median}, {"most", range.most}};
}

ordered_json to_json(const Source& source, const SplitFacts& facts) {
  ordered_json bad = ordered_json::array(), tiny = ordered_json::array();
  for (size_t i = 0; i < std::min(facts.bad.size(), kNamedInJson); ++i)
    bad.push_back({{"file", source.key(facts.bad[i].index)}, {"reason", facts.bad[i].reason}});
  for (size_t i = 0; i < std::min(facts.tiny.size(), kNamedInJson); ++i)
    tiny.push_back(source.key(facts.tiny[i]));
  return {{"images", facts.images},
          {"broken", facts.bad.size()},
          {"broken_files", bad},
          {"tiny", facts.tiny.size()},
          {"tiny_files", tiny},
          {"jpeg", facts.formats[0]},
          {"png", facts.formats[1]},
          {"webp", facts.formats[2]},
          {"raw", facts.formats[3]},
          {"grey", facts.grey},
          {"alpha", facts.alpha},
          {"cmyk", facts.cmyk},
          {"bits16", facts.wide},
          {"exif_turned", facts.turned},
          {"flat", facts.flat},
          {"width", to_json(facts.width)},
          {"height", to_json(facts.height)},
          {"bytes", to_json(facts.bytes)},
          {"per_class", facts.per_class}};
}

ordered_json to_json(const DataSets& data, const std::vector<Repeat>& repeats) {
  ordered_json list = ordered_json::array();
  for (size_t i = 0; i < std::min(repeats.size(), kNamedInJson); ++i) {
    const Repeat& r = repeats[i];
    list.push_back({{"file", side_of(data, r.second_in_val).key(r.second)},
                    {"split", r.second_in_val ? "val" : "train"},
                    {"repeats", side_of(data, r.first_in_val).key(r.first)},
                    {"repeats_split", r.first_in_val ? "val" : "train"},
                    {"same_bytes", r.same_bytes},
                    {"distance", r.distance}});
  }
  return {{"count", repeats.size()}, {"images", list}};
}

void print_json(const DataSets& data, const DataReport& report, const std::string& refusal) {
  std::cout << ordered_json{{"classes", data.train->class_names()},
                            {"train", to_json(*data.train, report.train)},
                            {"val", to_json(*data.val, report.val)},
                            {"leaks", to_json(data, report.leaks)},
                            {"repeated_in_train", to_json(data, report.within_train)},
                            {"repeated_in_val", to_json(data, report.within_val)},
                            {"repeated_with_two_classes", to_json(data, report.two_classes)},
                            {"training_refuses", refusal}}
                   .dump(-1, ' ', false, ordered_json::error_handler_t::replace)
            << "\n";
}

void print_text(const DataSets& data, const DataReport& report, int tiny_side,
                const std::string& refusal) {
  print_split("training", *data.train, report.train, tiny_side);
  print_split("validation", *data.val, report.val, tiny_side);
  std::cout << "classes: " << data.train->class_names().size() << "\n";
  print_classes(data, report);
  std::cout << "repeated images\n";
  print_repeats(data, "validation images that training sees too: ", report.leaks);
  if (!report.leaks.empty()) {
    std::cout << "    accuracy counts what was learned by heart: "
              << percent(static_cast<int64_t>(report.leaks.size()), report.val.images)
              << " of the validation images; remove them from one side\n";
  }
  print_repeats(data, "within training: ", report.within_train);
  print_repeats(data, "within validation: ", report.within_val);
  print_repeats(data, "with two classes: ", report.two_classes);
  std::cout << (refusal.empty() ? "training takes these data" : "training refuses: " + refusal)
            << "\n";
}

}  // namespace

int data_check_verb(const Arguments& arguments) {
  refuse_positional(arguments, "data check");
  RunConfig config = load_run_config(arguments.all("--config"), arguments.overrides);
  const bool skip = config.data.source.on_error == "skip";
  config.data.source.on_error = "fail";  // images that do not decode are for the report to name
  const DataSets data = open_data(config.data.source, config.seed, FileCheck::none);
  const int tiny_side = (config.data.transform.image_size + kMostEnlarged - 1) / kMostEnlarged;
  ListProgress progress(static_cast<size_t>(data.train->size() + data.val->size()));
  const DataReport report =
      check_data(data, tiny_side, [&](int64_t done) { progress.show(static_cast<size_t>(done)); });
  log_progress("");
  const size_t bad = report.train.bad.size() + report.val.bad.size();
  const std::string refusal =
      bad == 0 || skip ? ""
                       : str(bad, bad == 1 ? " image does" : " images do",
                             " not decode; remove or replace what is named, or go on without it "
                             "with data.on_error=skip");
  if (arguments.has("--json")) {
    print_json(data, report, refusal);
  } else {
    print_text(data, report, tiny_side, refusal);
  }
  return static_cast<int>(refusal.empty() ? ExitCode::ok : ExitCode::data);
}

}  // namespace vicinity
