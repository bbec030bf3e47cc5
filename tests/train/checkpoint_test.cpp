// Checkpoints under everything that goes wrong with disks and processes: at every moment a whole
// one is there, it is found, and the next save succeeds.
#include "train/checkpoint.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "core/base/files.h"
#include "core/base/log.h"
#include "tests/support/temp_dir.h"
#include "train/checkpoint_write.h"

namespace vicinity::testing {
namespace {

namespace fs = std::filesystem;

// Two files, the second of more than one write; what is in them tells the step.
Checkpoint sample(int64_t step, int64_t best = 0, bool scheduled = true, int keep = 1) {
  Checkpoint checkpoint;
  checkpoint.state.step = step;
  checkpoint.state.best_step = best;
  checkpoint.state.scheduled = scheduled;
  checkpoint.state.data_fingerprint = "data";
  checkpoint.keep = keep;
  Tensor numbers = empty({1000}, DType::f32);
  std::fill_n(numbers.data<float>(), 1000, static_cast<float>(step));
  checkpoint.files = {safetensors_file("model.safetensors", {{"w", numbers}, {"v", numbers}}),
                      {"config.json", "{\"step\": " + std::to_string(step) + "}", {}}};
  return checkpoint;
}

// Waits for no disk: what a power cut takes is not what these tests can see.
class Unsynced : public FileSystem {
 public:
  int fsync(int) override { return 0; }
};
Unsynced unsynced;

void save(const std::string& folder, const Checkpoint& checkpoint) {
  write_checkpoint(folder, checkpoint, unsynced);
}

std::optional<FoundCheckpoint> newest(const std::string& folder) {
  return newest_checkpoint(
      folder, [](const RunState&) { return true; }, unsynced);
}

void overwrite(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::vector<std::string> names(const std::string& folder) {
  std::vector<std::string> all;
  for (const auto& entry : fs::directory_iterator(folder))
    all.push_back(entry.path().filename().string());
  std::sort(all.begin(), all.end());
  return all;
}

// Does something else than the system at the call number `at`, counted over all kinds.
class Faulty : public Unsynced {
 public:
  enum class What { kill, no_space, io_error, short_writes };
  Faulty(What what, int at) : what_(what), at_(at) {}
  int calls() const { return calls_; }

  int open(const std::string& path, int flags, mode_t mode) override {
    return fails() ? -1 : FileSystem::open(path, flags, mode);
  }
  ssize_t write(int file, const void* data, size_t bytes) override {
    if (fails()) return -1;
    const bool part = what_ == What::short_writes && bytes > 1;
    return FileSystem::write(file, data, part ? (bytes + 2) / 3 : bytes);
  }
  int fsync(int file) override { return fails() ? -1 : Unsynced::fsync(file); }
  int close(int file) override {
    const bool fail = fails();
    const int result = FileSystem::close(file);
    if (fail) errno = EIO;
    return fail ? -1 : result;
  }
  int rename(const std::string& from, const std::string& to) override {
    return fails() ? -1 : FileSystem::rename(from, to);
  }
  int mkdir(const std::string& path, mode_t mode) override {
    return fails() ? -1 : FileSystem::mkdir(path, mode);
  }
  int symlink(const std::string& target, const std::string& path) override {
    return fails() ? -1 : FileSystem::symlink(target, path);
  }
  int unlink(const std::string& path) override { return fails() ? -1 : FileSystem::unlink(path); }
  int rmdir(const std::string& path) override { return fails() ? -1 : FileSystem::rmdir(path); }

 private:
  bool fails() {
    if (++calls_ != at_) return false;
    if (what_ == What::kill) ::kill(getpid(), SIGKILL);
    errno = what_ == What::no_space ? ENOSPC : EIO;
    return what_ != What::short_writes;
  }

  What what_;
  int at_;
  int calls_ = 0;
};

// The process that writes is killed before its call number `at`; false if it made fewer calls.
bool killed_at(const std::string& folder, const Checkpoint& checkpoint, int at) {
  const pid_t child = fork();
  if (child == 0) {
    Faulty system(Faulty::What::kill, at);
    try {
      write_checkpoint(folder, checkpoint, system);
    } catch (...) {
      _exit(2);
    }
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "it failed by itself";
  return WIFSIGNALED(status);
}

// Whatever happened to the save of step 40: a whole checkpoint is found, `last` and `best` lead to
// whole ones, and the run goes on from there.
void expect_nothing_lost(const std::string& folder) {
  const auto found = newest(folder);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->state.step == 30 || found->state.step == 40) << found->state.step;
  EXPECT_EQ(found->path, folder + "/" + name_of_step(found->state.step));
  for (const char* link : {"/last", "/best"})
    EXPECT_NO_THROW(check_files(folder + link, read_state(folder + link))) << link;
  save(folder, sample(50, 20));
  EXPECT_EQ(newest(folder)->state.step, 50);
  EXPECT_EQ(names(folder), (std::vector<std::string>{"best", "last", "step_20", "step_50"}))
      << "leftovers";
}

class CheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override { log_to_stderr(false); }
  void TearDown() override { log_to_stderr(true); }

  // A folder with two checkpoints, the best and the last; and how many calls a save takes there.
  std::string begin(int number) {
    const std::string folder = dir_.file(std::to_string(number));
    fs::create_directory(folder);
    save(folder, sample(20, 20));
    save(folder, sample(30, 20));
    return folder;
  }
  TempDir dir_;
};

TEST_F(CheckpointTest, SurvivesAKillBetweenAnyTwoSystemCalls) {
  int at = 1;
  for (bool killed = true; killed; ++at) {
    const std::string folder = begin(at);
    killed = killed_at(folder, sample(40, 20), at);
    SCOPED_TRACE(str("before call ", at));
    expect_nothing_lost(folder);
  }
  EXPECT_GT(at, 25) << "a save makes more system calls than that";
}

// A signal asked for a checkpoint of a step that is then evaluated and saved again.
TEST_F(CheckpointTest, SurvivesAKillWhileAStepIsSavedAgain) {
  int at = 1;
  for (bool killed = true; killed; ++at) {
    const std::string folder = dir_.file("again" + std::to_string(at));
    fs::create_directory(folder);
    save(folder, sample(40, 0, /*scheduled=*/false));
    killed = killed_at(folder, sample(40, 40), at);
    SCOPED_TRACE(str("before call ", at));
    const auto found = newest(folder);
    ASSERT_TRUE(found) << "the only checkpoint is lost";
    EXPECT_EQ(found->path, folder + "/step_40");
    EXPECT_EQ(found->state.scheduled, found->state.best_step == 40);
    save(folder, sample(40, 40));
    EXPECT_EQ(names(folder), (std::vector<std::string>{"best", "last", "step_40"}));
  }
}

TEST_F(CheckpointTest, SaysWhatTheSystemRefusedAndLosesNothing) {
  for (const auto what : {Faulty::What::no_space, Faulty::What::io_error}) {
    int refusals = 0;
    for (int at = 1;; ++at) {
      const std::string folder = begin(1000 * (1 + static_cast<int>(what)) + at);
      Faulty system(what, at);
      SCOPED_TRACE(str("call ", at));
      try {
        write_checkpoint(folder, sample(40, 20), system);
      } catch (const IoError& error) {
        ++refusals;
        EXPECT_NE(error.message().find("'"), std::string::npos) << error.message();
        const bool close = error.message().find("cannot close") == 0;
        const char* why =
            what == Faulty::What::no_space && !close ? "No space left" : "Input/output error";
        EXPECT_NE(error.message().find(why), std::string::npos) << error.message();
      }
      if (system.calls() < at) break;
      expect_nothing_lost(folder);
    }
    EXPECT_GT(refusals, 20);
  }
}

TEST_F(CheckpointTest, GoesOnWhereAWriteFallsShort) {
  const std::string folder = begin(0);
  Faulty system(Faulty::What::short_writes, 0);
  write_checkpoint(folder, sample(40, 20), system);
  EXPECT_GT(system.calls(), 40) << "writes were whole";
  EXPECT_EQ(newest(folder)->state.step, 40);
}

TEST_F(CheckpointTest, NoticesEveryFlippedBitAndUsesTheOneBefore) {
  const std::string folder = begin(0);
  for (const char* name : {"model.safetensors", "config.json", "state.json"}) {
    const std::string path = folder + "/step_30/" + name;
    const std::string whole = read_file(path);
    for (size_t at = 0; at < whole.size(); at += 1 + whole.size() / 40) {
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
      overwrite(path, flipped);
      const auto found = newest(folder);
      ASSERT_TRUE(found);
      EXPECT_EQ(found->state.step, 20) << name << ", byte " << at;
      EXPECT_TRUE(fs::exists(folder + "/damaged.step_30")) << "set aside, not removed";
      fs::rename(folder + "/damaged.step_30", folder + "/step_30");
    }
    overwrite(path, whole);
  }
  fs::remove(folder + "/step_30/config.json");
  EXPECT_EQ(newest(folder)->state.step, 20) << "a missing file";
  fs::resize_file(folder + "/step_20/model.safetensors", 100);
  EXPECT_THROW(newest(folder), DataError) << "none is whole";
}

TEST_F(CheckpointTest, KeepsTheNewestAndTheBest) {
  const std::string folder = dir_.file("kept");
  fs::create_directory(folder);
  for (const int64_t step : {10, 20, 30, 40, 50}) save(folder, sample(step, 10, true, 2));
  EXPECT_EQ(names(folder),
            (std::vector<std::string>{"best", "last", "step_10", "step_40", "step_50"}));
  save(folder, sample(53, 10, /*scheduled=*/false, 2));
  EXPECT_EQ(names(folder),
            (std::vector<std::string>{"best", "last", "step_10", "step_40", "step_50", "step_53"}))
      << "one for a signal takes nobody's place";
  EXPECT_EQ(newest_checkpoint(
                folder, [](const RunState& s) { return s.scheduled; }, unsynced)
                ->state.step,
            50);
  save(folder, sample(60, 60, true, 2));
  EXPECT_EQ(names(folder), (std::vector<std::string>{"best", "last", "step_50", "step_60"}));
  EXPECT_EQ(fs::read_symlink(folder + "/best"), "step_60");
}

TEST_F(CheckpointTest, ADamagedOneBehindItEndsNoRun) {
  const std::string folder = begin(0);
  overwrite(folder + "/step_20/state.json", "{}");
  save(folder, sample(40, 20));
  EXPECT_EQ(newest(folder)->state.step, 40);
  EXPECT_EQ(names(folder), (std::vector<std::string>{"best", "last", "step_20", "step_40"}));
  fs::remove(folder + "/step_20/state.json");
  save(folder, sample(50, 50));
  EXPECT_EQ(names(folder), (std::vector<std::string>{"best", "last", "step_20", "step_50"}));
}

TEST_F(CheckpointTest, IsAbsentWhereNoneWasWritten) {
  EXPECT_FALSE(newest(dir_.file("nothing")));
  fs::create_directories(dir_.file("empty/tmp.step_10"));
  overwrite(dir_.file("empty/tmp.step_10/model.safetensors"), "half");
  EXPECT_FALSE(newest(dir_.file("empty"))) << "half-written";
  save(dir_.file("empty"), sample(10));
  EXPECT_EQ(names(dir_.file("empty")), (std::vector<std::string>{"last", "step_10"}));
}

}  // namespace
}  // namespace vicinity::testing
