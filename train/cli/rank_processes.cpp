#include "train/cli/rank_processes.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/error.h"

namespace vicinity {

namespace fs = std::filesystem;

std::vector<pid_t> children_of(pid_t process) {
  std::vector<pid_t> all;
  std::error_code gone;
  for (const auto& task : fs::directory_iterator(str("/proc/", process, "/task"), gone)) {
    std::ifstream file(task.path() / "children");
    for (pid_t child = 0; file >> child;) all.push_back(child);
  }
  return all;
}

int rank_of(pid_t process) {
  std::ifstream file(str("/proc/", process, "/environ"));
  const std::string name = "OMPI_COMM_WORLD_RANK=";
  for (std::string entry; std::getline(file, entry, '\0');)
    if (entry.rfind(name, 0) == 0) return std::atoi(entry.c_str() + name.size());
  return -1;
}

bool is_stopped(pid_t process) {
  std::ifstream file(str("/proc/", process, "/stat"));
  std::string text;
  std::getline(file, text);
  const size_t name_end = text.rfind(')');
  return name_end != std::string::npos && text.substr(name_end, 3) == ") T";
}

}  // namespace vicinity
