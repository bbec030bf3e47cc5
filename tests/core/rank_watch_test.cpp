// The side channel between real processes, which end, stop and hang.
#include "core/comm/rank_watch.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "core/base/error.h"

namespace vicinity {
namespace {

constexpr double kTimeout = 2;

// Starts rank `rank` of `size` as a process that does `work` and then ends with `work`'s code.
template <class Work>
pid_t start_rank(int rank, int size, const std::string& meeting, Work&& work) {
  const pid_t child = fork();
  if (child != 0) return child;
  int code = 99;
  {
    RankWatch watch(rank, size, meeting);
    watch.set_timeout(kTimeout);
    code = work(watch);
  }
  _exit(code);
}

// What the watch says within `seconds` of waiting; "" if it finds nothing.
std::string loss(RankWatch& watch, double seconds) {
  watch.doing("all_gather", 4, /*waiting=*/true);
  for (int i = 0; i < seconds * 200; ++i) {
    try {
      watch.check();
    } catch (const CommError& error) {
      watch.leave("");
      return error.message();
    }
    usleep(5000);
  }
  return "";
}

int end_of(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int wait_for_loss(RankWatch& watch) {
  const std::string text = loss(watch, 10);
  return text.find("rank 1") == std::string::npos ? 1 : 6;
}

TEST(RankWatch, RanksThatSayGoodbyeAreNotLost) {
  const std::string meeting = RankWatch::open(true);
  const pid_t child = start_rank(1, 2, meeting, [](RankWatch& watch) {
    watch.doing("forward", 3, false);
    watch.leave("");
    return 0;
  });
  RankWatch watch(0, 2, meeting);
  watch.set_timeout(kTimeout);
  EXPECT_EQ(end_of(child), 0);
  EXPECT_EQ(loss(watch, 0.1), "");
  watch.leave("");
}

TEST(RankWatch, NamesARankThatWasKilledAndWhatItWasAt) {
  const std::string meeting = RankWatch::open(true);
  const pid_t killed = start_rank(1, 3, meeting, [](RankWatch& watch) {
    watch.doing("backward", 7, false);
    usleep(600000);
    raise(SIGKILL);
    return 0;
  });
  const pid_t other = start_rank(2, 3, meeting, wait_for_loss);
  RankWatch watch(0, 3, meeting);
  watch.set_timeout(kTimeout);
  const std::string text = loss(watch, 5);
  EXPECT_NE(text.find("rank 1 is gone"), std::string::npos) << text;
  EXPECT_NE(text.find("backward of step 7"), std::string::npos) << text;
  EXPECT_EQ(end_of(other), 6);
  EXPECT_EQ(end_of(killed), 128 + SIGKILL);
}

TEST(RankWatch, NoticesRankZeroGone) {
  const std::string meeting = RankWatch::open(true);
  const pid_t zero = start_rank(0, 2, meeting, [](RankWatch& watch) {
    watch.doing("checkpoint", 5, false);
    usleep(600000);
    raise(SIGKILL);
    return 0;
  });
  RankWatch watch(1, 2, meeting);
  watch.set_timeout(kTimeout);
  const std::string text = loss(watch, 5);
  EXPECT_NE(text.find("rank 0 is gone"), std::string::npos) << text;
  EXPECT_NE(text.find("checkpoint of step 5"), std::string::npos) << text;
  end_of(zero);
}

TEST(RankWatch, NoticesAStoppedRank) {
  const std::string meeting = RankWatch::open(true);
  const pid_t child = start_rank(1, 2, meeting, [](RankWatch& watch) {
    watch.doing("forward", 2, false);
    usleep(600000);
    raise(SIGSTOP);
    return 0;
  });
  RankWatch watch(0, 2, meeting);
  watch.set_timeout(kTimeout);
  const std::string text = loss(watch, 5);
  EXPECT_NE(text.find("rank 1 has given no sign of life"), std::string::npos) << text;
  EXPECT_NE(text.find("forward of step 2"), std::string::npos) << text;
  kill(child, SIGKILL);
  end_of(child);
}

TEST(RankWatch, EndsARankThatIsStuckForGood) {
  const std::string meeting = RankWatch::open(true);
  const pid_t child = start_rank(1, 2, meeting, [](RankWatch& watch) {
    watch.doing("decode", 4, false);
    sleep(20);
    return 0;
  });
  RankWatch watch(0, 2, meeting);
  watch.set_timeout(kTimeout);
  const std::string text = loss(watch, 5);
  EXPECT_NE(text.find("rank 1 is stuck"), std::string::npos) << text;
  EXPECT_NE(text.find("decode of step 4"), std::string::npos) << text;
  EXPECT_EQ(end_of(child), 6);
}

TEST(RankWatch, WhoComputesForLongIsNotStuck) {
  const std::string meeting = RankWatch::open(true);
  const pid_t child = start_rank(1, 2, meeting, [](RankWatch& watch) {
    watch.doing("forward", 4, false);
    const std::clock_t begin = std::clock();
    while (std::clock() - begin < 1.5 * kTimeout * CLOCKS_PER_SEC) continue;
    watch.leave("");
    return 0;
  });
  RankWatch watch(0, 2, meeting);
  watch.set_timeout(kTimeout);
  EXPECT_EQ(loss(watch, 1.8 * kTimeout), "");
  EXPECT_EQ(end_of(child), 0);
}

int wait_in_broadcast(RankWatch& watch) {
  watch.doing("broadcast", 3, /*waiting=*/true);
  for (int i = 0; i < 8000; ++i) {
    try {
      watch.check();
    } catch (const CommError&) {
      return 6;
    }
    usleep(2000);
  }
  return 0;
}

TEST(RankWatch, RanksThatAllWaitForEachOtherAreGivenUp) {
  const std::string meeting = RankWatch::open(true);
  const pid_t child = start_rank(1, 2, meeting, wait_in_broadcast);
  RankWatch watch(0, 2, meeting);
  watch.set_timeout(kTimeout);
  const std::string text = loss(watch, 5 * kTimeout);
  EXPECT_NE(text.find("all ranks have waited for each other for "), std::string::npos) << text;
  EXPECT_NE(text.find("rank 0 at: all_gather of step 4, rank 1 at: broadcast of step 3"),
            std::string::npos)
      << text;
  EXPECT_EQ(end_of(child), 6);
}

TEST(RankWatch, WhoWaitsForAWorkingRankIsPatient) {
  const std::string meeting = RankWatch::open(true);
  const pid_t child = start_rank(1, 2, meeting, [](RankWatch& watch) {
    for (int step = 0; step < 4 * kTimeout * 5; ++step) {  // each shorter than the time-out
      watch.doing("update", step, /*waiting=*/true);
      usleep(200000);
    }
    watch.leave("");
    return 0;
  });
  RankWatch watch(0, 2, meeting);
  watch.set_timeout(kTimeout);
  EXPECT_EQ(loss(watch, 3.8 * kTimeout), "");
  EXPECT_EQ(end_of(child), 0);
}

TEST(RankWatch, TellsWhyARankHasEnded) {
  const std::string meeting = RankWatch::open(true);
  const pid_t child = start_rank(1, 2, meeting, [](RankWatch& watch) {
    watch.leave("no room on the disk\n  while writing");
    return 3;
  });
  RankWatch watch(0, 2, meeting);
  const std::string text = loss(watch, 5);
  EXPECT_NE(text.find("rank 1 has ended: no room on the disk\n  while writing"), std::string::npos)
      << text;
  EXPECT_EQ(end_of(child), 3);
}

}  // namespace
}  // namespace vicinity
