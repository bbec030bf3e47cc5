// vicinity report: what happened in one or several runs, as one HTML page.
#include <filesystem>
#include <iostream>
#include <map>

#include "core/base/files.h"
#include "core/base/text.h"
#include "data/source/open.h"
#include "train/cli/verbs.h"
#include "train/report/mistake_images.h"
#include "train/report/page.h"

namespace vicinity {
namespace {

constexpr size_t kMistakes = 24;

void add_images(RunRecord& run) {
  if (!run.evaluation || !run.config || run.evaluation->worst.empty()) return;
  try {
    const DataSets data = open_data(run.config->data.source, run.config->seed);
    add_mistake_images(run, *data.val, kMistakes);
  } catch (const Error& error) {
    run.notes.push_back("the images of mistakes are not shown: " + error.user_text());
  }
}

// RUN/report.html, of several runs ./report.html.
std::string output_of(const Arguments& arguments) {
  if (arguments.has("--out")) return arguments.get("--out");
  const std::vector<std::string>& runs = arguments.positional;
  return runs.size() == 1 ? runs[0] + "/report.html" : "report.html";
}

// Of a report nothing is lost when it is made again.
void check_replaceable(const std::string& path) {
  if (!std::filesystem::exists(path)) return;
  VIC_CHECK(UsageError, starts_with(read_file(path), kReportMark), "'", path,
            "' exists and is no report of vicinity; choose another --out");
}

// exp1/seed0 and exp2/seed0 are both seed0.
void tell_apart(std::vector<RunRecord>& runs) {
  std::map<std::string, int> counts;
  for (const RunRecord& run : runs) ++counts[run.name];
  for (RunRecord& run : runs)
    if (counts[run.name] > 1) run.name = run.path;
}

}  // namespace

int report_verb(const Arguments& arguments) {
  VIC_CHECK(UsageError, !arguments.positional.empty(),
            "vicinity report takes one or more run directories");
  const std::string out = output_of(arguments);
  check_replaceable(out);
  std::vector<RunRecord> runs;
  for (const std::string& path : arguments.positional) {
    runs.push_back(read_run(path));
    add_images(runs.back());
  }
  tell_apart(runs);
  write_file_atomically(out, report_page(runs));
  std::cout << out << "\n";
  return 0;
}

}  // namespace vicinity
