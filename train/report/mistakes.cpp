#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "train/report/sections.h"

namespace vicinity {
namespace {

constexpr size_t kShown = 24;

std::string share(double p) { return format_fixed(100 * p, 1) + "\xc2\xa0%"; }  // one word

// The file and its folder.
std::string end_of(const std::string& path) {
  const size_t file = path.rfind('/');
  const size_t folder = file == std::string::npos || file == 0 ? file : path.rfind('/', file - 1);
  return folder == std::string::npos ? path : path.substr(folder + 1);
}

Html entry(const RunRecord& run, size_t i) {
  const EvaluationRecord& e = *run.evaluation;
  const EvaluationRecord::Mistake& m = e.worst[i];
  const std::string &truth = e.classes[m.label].name, &guess = e.classes[m.guess].name;
  Html picture;
  if (i < run.mistake_images.size() && !run.mistake_images[i].url.empty()) {
    const MistakeImage& image = run.mistake_images[i];
    picture = lone_element("img", {{"src", image.url},
                                   {"alt", truth + ", taken for " + guess},
                                   {"width", str(image.width)},
                                   {"height", str(image.height)}});
  }
  return element("li", picture +
                           element("p", element("b", {{"class", "guess"}}, guess) + " " +
                                            share(m.confidence)) +
                           element("p", element("span", {{"class", "truth"}}, truth) + " " +
                                            share(m.true_probability)) +
                           element("p", {{"class", "file"}, {"title", m.file}}, end_of(m.file)));
}

}  // namespace

Html mistakes_section(const RunRecord& run, const std::string& id) {
  if (!run.evaluation) return section(id, "Worst mistakes", no_evaluation(run));
  const size_t count = std::min(kShown, run.evaluation->worst.size());
  if (count == 0)
    return section(id, "Worst mistakes", element("p", "Every validation image was right."));
  Html list;
  for (size_t i = 0; i < count; ++i) list += entry(run, i);
  return section(id, "Worst mistakes",
                 element("p",
                         "Most confident first: what was predicted and how surely; below it the "
                         "true class and the probability that it got.") +
                     element("ol", {{"class", "mistakes"}}, list));
}

}  // namespace vicinity
