#include "train/report/page.h"

#include "core/base/error.h"
#include "train/report/sections.h"
#include "train/report/style.h"

namespace vicinity {

const char* const kReportMark = "<!DOCTYPE html>\n<!-- vicinity report -->\n";

namespace {

Html sections_of_run(const RunRecord& run, const std::string& prefix) {
  return confusion_section(run, prefix + "confusion") + classes_section(run, prefix + "classes") +
         mistakes_section(run, prefix + "mistakes") +
         calibration_section(run, prefix + "calibration");
}

Html link(const std::string& id, const std::string& text) {
  return element("a", {{"href", "#" + id}}, text);
}

Html one_run(const RunRecord& run) {
  return headline_section({run}) + curves_section({run}) + sections_of_run(run, "") +
         timing_section({run}) + configuration_section(run, "configuration");
}

Html many_runs(const std::vector<RunRecord>& runs) {
  Html body = headline_section(runs) + curves_section(runs) + timing_section(runs);
  for (size_t r = 0; r < runs.size(); ++r) {
    const std::string prefix = str("run", r, "-");
    body += element("h2", {{"class", "run"}, {"id", str("run", r)}}, runs[r].name);
    body +=
        sections_of_run(runs[r], prefix) + configuration_section(runs[r], prefix + "configuration");
  }
  return body;
}

Html links(const std::vector<RunRecord>& runs) {
  Html html = link("result", "Result") + link("curves", "Curves");
  if (runs.size() == 1) {
    html += link("confusion", "Confusion") + link("classes", "Classes") +
            link("mistakes", "Mistakes") + link("calibration", "Calibration");
  }
  html += link("time", "Time");
  if (runs.size() == 1) html += link("configuration", "Configuration");
  for (size_t r = 0; r < runs.size() && runs.size() > 1; ++r)
    html += link(str("run", r), runs[r].name);
  return element("nav", {{"aria-label", "Parts of this page"}}, html);
}

Html head(const std::string& title) {
  const std::string policy =
      str("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-",
          kReportScriptHash, "'");
  return element(
      "head",
      Html::raw("<meta charset=\"utf-8\">"
                "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                "<meta name=\"color-scheme\" content=\"light dark\">") +
          lone_element("meta", {{"http-equiv", "Content-Security-Policy"}, {"content", policy}}) +
          element("title", title) + element("style", Html::raw(kReportStyle)));
}

}  // namespace

std::string report_page(const std::vector<RunRecord>& runs) {
  std::string names;
  for (const RunRecord& run : runs) names += (names.empty() ? "" : ", ") + run.name;
  const Html header =
      element("header", element("h1", names) +
                            element("p", runs.size() == 1 ? "A training run of Vicinity"
                                                          : "Training runs of Vicinity") +
                            links(runs));
  const Html body =
      header + element("main", runs.size() == 1 ? one_run(runs[0]) : many_runs(runs)) +
      element("footer", "Made by vicinity report. Everything on this page is inside this file.") +
      element("script", Html::raw(kReportScript));
  return kReportMark +
         element("html", {{"lang", "en"}},
                 head(names + " - vicinity report") +
                     element("body", {{"class", runs.size() == 1 ? "single" : "several"}}, body))
             .code() +
         "\n";
}

}  // namespace vicinity
