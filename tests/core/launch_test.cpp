#include "core/comm/launch.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "core/base/error.h"

namespace vicinity {
namespace {

Launch launch_in(const std::map<std::string, std::string>& variables) {
  return find_launch([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

std::string refusal(const std::map<std::string, std::string>& variables) {
  try {
    launch_in(variables);
  } catch (const UsageError& error) {
    return error.message();
  }
  return "";
}

TEST(Launch, NobodyMeansOneRank) {
  const Launch launch = launch_in({{"HOME", "/"}});
  EXPECT_EQ(launch.by, "");
  EXPECT_EQ(launch.size, 1);
}

TEST(Launch, KnowsLaunchers) {
  const Launch open_mpi = launch_in({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "3"}});
  EXPECT_EQ(open_mpi.by, "mpirun");
  EXPECT_EQ(open_mpi.rank, 3);
  EXPECT_EQ(open_mpi.size, 4);
  EXPECT_EQ(launch_in({{"PMI_SIZE", "2"}, {"PMI_RANK", "1"}}).rank, 1);
  EXPECT_EQ(launch_in({{"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_PROCID", "7"}}).by, "srun");
  EXPECT_EQ(launch_in({{"WORLD_SIZE", "2"}, {"RANK", "0"}}).by, "torchrun");
}

TEST(Launch, ABatchScriptOfSlurmIsNoStep) {
  EXPECT_EQ(launch_in({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}}).size, 1);
}

TEST(Launch, SaysWhatIsMissing) {
  EXPECT_NE(refusal({{"OMPI_COMM_WORLD_SIZE", "4"}}).find("OMPI_COMM_WORLD_RANK is missing"),
            std::string::npos);
  EXPECT_NE(refusal({{"RANK", "1"}}).find("WORLD_SIZE is missing"), std::string::npos);
  EXPECT_NE(refusal({{"WORLD_SIZE", "2"}, {"RANK", "2"}}).find("not below"), std::string::npos);
  EXPECT_NE(refusal({{"WORLD_SIZE", "two"}, {"RANK", "1"}}).find("WORLD_SIZE=two"),
            std::string::npos);
}

TEST(Launch, NoLauncherIsTakenForGrantedByHalf) {
  const std::vector<std::pair<const char*, const char*>> families = {
      {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
      {"PMI_SIZE", "PMI_RANK"},
      {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"},
      {"WORLD_SIZE", "RANK"}};
  for (const auto& [size, rank] : families) {
    EXPECT_NE(refusal({{size, "4"}}).find(std::string(rank) + " is missing"), std::string::npos);
    const bool of_batch_scripts_too = std::string(rank) == "SLURM_PROCID";
    EXPECT_EQ(refusal({{rank, "1"}}).find(std::string(size) + " is missing") == std::string::npos,
              of_batch_scripts_too);
    EXPECT_NE(refusal({{size, "2"}, {rank, "2"}}).find("not below"), std::string::npos);
  }
}

TEST(Launch, KnowsWhichRankOfItsMachineItIs) {
  EXPECT_EQ(launch_in({{"OMPI_COMM_WORLD_SIZE", "4"},
                       {"OMPI_COMM_WORLD_RANK", "3"},
                       {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}})
                .local_rank,
            1);
  EXPECT_EQ(launch_in({{"PMI_SIZE", "2"}, {"PMI_RANK", "1"}, {"MPI_LOCALRANKID", "0"}}).local_rank,
            0);
  EXPECT_EQ(
      launch_in({{"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_PROCID", "7"}, {"SLURM_LOCALID", "3"}})
          .local_rank,
      3);
  const Launch unknown = launch_in({{"WORLD_SIZE", "2"}, {"RANK", "0"}});
  EXPECT_EQ(unknown.local_rank, -1);
  EXPECT_EQ(unknown.local_variable, "LOCAL_RANK");
}

MeetingPlace place_in(const std::map<std::string, std::string>& variables) {
  return find_meeting_place([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Launch, RanksOfTorchrunMeetBesideItsOwnPort) {
  const MeetingPlace given = place_in({{"MASTER_ADDR", "node1"}, {"MASTER_PORT", "29500"}});
  EXPECT_EQ(given.address, "node1");
  EXPECT_EQ(given.port, 29500);
  EXPECT_EQ(place_in({{"MASTER_ADDR", "node1"},
                      {"MASTER_PORT", "29500"},
                      {"TORCHELASTIC_USE_AGENT_STORE", "True"}})
                .port,
            29501);
  EXPECT_THROW(place_in({{"MASTER_ADDR", "node1"}}), UsageError);
  EXPECT_THROW(place_in({{"MASTER_ADDR", "node1"}, {"MASTER_PORT", "70000"}}), UsageError);
}

}  // namespace
}  // namespace vicinity
