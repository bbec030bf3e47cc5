#include "train/run/run_directory.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "train/metrics/event_file.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

bool holds_something(const std::string& path) {
  if (!fs::is_directory(path)) return fs::exists(path);
  return std::any_of(fs::directory_iterator(path), {}, [](const fs::directory_entry& entry) {
    return entry.path().filename() != "config.yaml.tmp";  // of a run killed as it began
  });
}

// A start that was refused, killed or interrupted before its first step: nothing to keep.
bool took_no_step(const std::string& path) {
  const auto is_empty = [&](const char* name) {
    const fs::path inner = fs::path(path) / name;
    return !fs::exists(inner) || fs::is_empty(inner);
  };
  return RunDirectory::holds_run(path) && is_empty("metrics.jsonl") && is_empty("checkpoints") &&
         is_empty("DONE");
}

// What a run writes and nothing else: --overwrite on the wrong folder must not cost anybody his
// photographs.
std::vector<fs::path> parts_of_run(const fs::path& path) {
  std::vector<fs::path> parts;
  for (const char* name :
       {"checkpoints", "config.yaml", "command.txt", "classes.json", "train.log", "metrics.jsonl",
        "timing.jsonl", "summary.csv", "eval", "report.html", "DONE"}) {
    if (fs::exists(path / name)) parts.push_back(path / name);
  }
  if (!fs::exists(path)) return parts;
  for (const std::string& file : event_files(path.string())) parts.emplace_back(file);
  for (const auto& entry : fs::directory_iterator(path))
    if (starts_with(entry.path().filename().string(), "nan_step_")) parts.push_back(entry.path());
  return parts;
}

void remove_run(const fs::path& path) {
  for (const fs::path& part : parts_of_run(path)) fs::remove_all(part);
}

void move_run(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  for (const fs::path& part : parts_of_run(from)) fs::rename(part, to / part.filename());
}

std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789_-+./=,:@%") == std::string::npos;
  if (plain) return word;
  std::string result = "'";
  for (const char c : word) result += c == '\'' ? "'\\''" : std::string(1, c);
  return result + "'";
}

}  // namespace

std::string resume_command(const std::string& run) {
  return "vicinity train --out " + quoted(run) + " --resume";
}

RunDirectory::RunDirectory(std::string path, OpenMode mode)
    : path_(std::move(path)), writes_(mode != OpenMode::observe) {
  if (!writes_) return;
  if (mode == OpenMode::resume) {
    VIC_CHECK(UsageError, holds_run(path_), "--resume: there is no run in '", path_,
              "' (no config.yaml); start one without --resume");
    lock();
    return;
  }
  if (fs::exists(aside())) {  // a start was killed
    lock();
    if (!holds_run(path_) || took_no_step(path_)) put_back();
  }
  const bool replaces = mode == OpenMode::overwrite || took_no_step(path_);
  if (replaces) replace(mode);
  VIC_CHECK(UsageError, replaces || !holds_something(path_), "--out '", path_,
            "' is not empty; continue that run with --resume, replace it with --overwrite, or "
            "choose another folder");
  make_directories(path_);
  if (lock_ == nullptr) lock();
}

void RunDirectory::replace(OpenMode mode) {
  VIC_CHECK(UsageError, holds_run(path_) || !holds_something(path_), "--overwrite: '", path_,
            "' does not look like a run (it has no config.yaml); remove it yourself or choose "
            "another --out");
  if (!fs::exists(path_)) return;
  if (lock_ == nullptr) lock();
  if (mode != OpenMode::overwrite) return remove_run(path_);
  fs::remove_all(aside());
  move_run(path_, aside());
  may_come_back_ = true;
}

void RunDirectory::put_back() const {
  remove_run(path_);
  move_run(aside(), path_);
  fs::remove_all(aside());
}

void RunDirectory::started() {
  may_come_back_ = false;
  if (writes_) fs::remove_all(aside());
}

RunDirectory::~RunDirectory() {
  if (!may_come_back_) return;
  try {
    put_back();
  } catch (const std::exception& error) {
    log_warning("what was in '", path_, "' before lies in '", aside(), "': ", error.what());
  }
}

void RunDirectory::lock() {
  lock_ = std::make_unique<DirectoryLock>(path_);
  VIC_CHECK(UsageError, lock_->held(), "another process trains in '", path_,
            "' now; let it end or stop it, or choose another --out");
}

bool RunDirectory::holds_run(const std::string& path) { return fs::exists(path + "/config.yaml"); }

void RunDirectory::write_done(const std::string& text) const {
  if (!writes_) return;
  write_file_atomically(file("DONE"), text + "\n");
}

void RunDirectory::remove_done() const {
  if (writes_) fs::remove(file("DONE"));
}

std::optional<std::string> RunDirectory::done_text() const {
  if (!fs::exists(file("DONE"))) return std::nullopt;
  const std::string text = read_file(file("DONE"));
  return text.substr(0, text.find('\n'));
}

void RunDirectory::write_config(const std::string& yaml) const {
  if (!writes_) return;
  write_file_atomically(file("config.yaml"), yaml);
}

void RunDirectory::write_command(const std::vector<std::string>& words) const {
  if (!writes_) return;
  std::string line;
  if (fs::exists(file("command.txt"))) line = read_file(file("command.txt"));
  line += "vicinity";
  for (const std::string& word : words) line += " " + quoted(word);
  write_file_atomically(file("command.txt"), line + "\n");
}

void RunDirectory::write_classes(const std::vector<std::string>& names) const {
  if (!writes_) return;
  if (fs::exists(file("classes.json"))) {
    const auto before =
        nlohmann::json::parse(read_file(file("classes.json"))).get<std::vector<std::string>>();
    VIC_CHECK(DataError, before.size() == names.size(), "this run was started with ", before.size(),
              " classes, the data now has ", names.size(),
              "; point data.root at the data that the run was started with");
    for (size_t i = 0; i < names.size(); ++i) {
      VIC_CHECK(DataError, before[i] == names[i], "class ", i, " of this run is '", before[i],
                "', of the data now '", names[i],
                "'; point data.root at the data that the run was started with");
    }
  }
  write_file_atomically(file("classes.json"), nlohmann::json(names).dump(2) + "\n");
}

std::string default_run_path(const std::string& model_name) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 32> date;
  std::strftime(date.data(), date.size(), "%Y%m%d-%H%M%S", &local);
  const std::string base = str("runs/", date.data(), "-", model_name);
  std::string path = base;
  for (int i = 2; fs::exists(path); ++i) path = str(base, "-", i);
  return path;
}

}  // namespace vicinity
