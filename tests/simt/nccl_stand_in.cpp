// libvicinity_nccl.so of the emulated device: the table of core/comm/nccl_calls.h for processes of
// one machine, through a file that all of them map. Work waits in the emulated stream until its
// partners have come, as NCCL's kernels do. What each rank calls is written to
// $VICINITY_NCCL_FOLDER/rank_R.txt, and how much its device had done when a group came to work; the
// file lies there too.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/comm/nccl_calls.h"

namespace {

constexpr int kMostRanks = 8, kInvalid = 4;
constexpr size_t kChunk = 64 << 10;

/// What one rank says to another, a chunk at a time.
struct Mailbox {
  std::atomic<uint64_t> written, read;
  size_t bytes;
  char data[kChunk];
};
struct Shared {
  std::atomic<int> joined;
  Mailbox boxes[kMostRanks][kMostRanks];  // [from][to]
};

struct Transfer {
  bool sends;
  char* data;
  size_t bytes;
  int peer;
  size_t at = 0;
};

struct Comm {
  Shared* shared = nullptr;
  int rank = 0, size = 0;
  bool aborted = false;
  FILE* record = nullptr;
  std::vector<void*> streams;  // as they were met
};

/// A group, which a stream works on.
struct Group {
  Comm* comm = nullptr;
  void* stream = nullptr;
  std::vector<Transfer> transfers;
  bool begun = false;
};

std::unique_ptr<Group> group;  // that is being told

std::string folder() {
  const char* given = std::getenv("VICINITY_NCCL_FOLDER");
  return given == nullptr ? "/dev/shm" : given;
}

template <class... Parts>
void note(Comm& comm, const Parts&... parts) {
  if (comm.record == nullptr) return;
  std::ostringstream line;
  (line << ... << parts);
  std::fprintf(comm.record, "%s\n", line.str().c_str());
  std::fflush(comm.record);
}

size_t number_of(Comm& comm, void* stream) {
  const auto found = std::find(comm.streams.begin(), comm.streams.end(), stream);
  if (found == comm.streams.end()) comm.streams.push_back(stream);
  return static_cast<size_t>(std::find(comm.streams.begin(), comm.streams.end(), stream) -
                             comm.streams.begin());
}

void put(char* text, size_t size, const std::string& from) {
  std::snprintf(text, size, "%s", from.c_str());
}

void version(char* text, size_t size) {
  const char* other = std::getenv("VICINITY_NCCL_VERSION");
  put(text, size, other == nullptr ? "2.0.0 (stand-in)" : other);
}

int unique_id(char* id) {
  static int made = 0;
  put(id, kVicinityNcclIdBytes,
      folder() + "/nccl_" + std::to_string(getpid()) + "_" + std::to_string(made++));
  return 0;
}

int start(void** made, int size, const char* id, int rank) {
  if (size > kMostRanks) return kInvalid;
  const int file = open(id, O_RDWR | O_CREAT, 0600);
  if (file < 0 || ftruncate(file, sizeof(Shared)) != 0) return kInvalid;
  void* shared = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (shared == MAP_FAILED) return kInvalid;
  auto* comm = new Comm{static_cast<Shared*>(shared), rank, size};
  if (std::getenv("VICINITY_NCCL_FOLDER") != nullptr)
    comm->record = std::fopen((folder() + "/rank_" + std::to_string(rank) + ".txt").c_str(), "w");
  note(*comm, "start ", size);
  if (++comm->shared->joined == size) unlink(id);
  *made = comm;
  return kVicinityNcclInProgress;
}

// Moves what can be moved; whether all is.
bool move(const Comm& comm, Transfer& t) {
  while (t.at < t.bytes) {
    Mailbox& box =
        t.sends ? comm.shared->boxes[comm.rank][t.peer] : comm.shared->boxes[t.peer][comm.rank];
    const bool full = box.written != box.read;
    if (full == t.sends) return false;
    if (t.sends) {
      box.bytes = std::min(kChunk, t.bytes - t.at);
      std::memcpy(box.data, t.data + t.at, box.bytes);
      t.at += box.bytes;
      ++box.written;
    } else {
      std::memcpy(t.data + t.at, box.data, box.bytes);
      t.at += box.bytes;
      ++box.read;
    }
  }
  return true;
}

// A function of the emulated device.
template <class Function>
Function of_device(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

// Of one pair and direction one after the other.
bool work(void* data) {
  std::unique_ptr<Group> own(static_cast<Group*>(data));
  if (!std::exchange(own->begun, true) && !own->comm->aborted)
    note(*own->comm, "works after ", of_device<int64_t (*)()>("vicinity_simt_operations")());
  bool all = true;
  std::vector<std::pair<int, bool>> busy;
  for (Transfer& t : own->transfers) {
    const std::pair<int, bool> lane(t.peer, t.sends);
    const bool waits = std::find(busy.begin(), busy.end(), lane) != busy.end();
    if (own->comm->aborted || (!waits && move(*own->comm, t))) continue;
    busy.push_back(lane);
    all = false;
  }
  if (!all) [[maybe_unused]]
    Group* kept = own.release();
  return all;
}

int group_start() {
  if (group != nullptr) return kInvalid;
  group = std::make_unique<Group>();
  return 0;
}

int add(Comm* comm, void* stream, const Transfer& transfer) {
  if (group == nullptr || (group->comm != nullptr && group->stream != stream)) return kInvalid;
  group->comm = comm;
  group->stream = stream;
  group->transfers.push_back(transfer);
  return 0;
}

int group_end() {
  if (group == nullptr) return kInvalid;
  const std::unique_ptr<Group> told = std::move(group);
  if (told->comm == nullptr) return 0;
  note(*told->comm, "end of group");
  const auto enqueue = of_device<void (*)(void*, bool (*)(void*), void*)>("vicinity_simt_enqueue");
  if (enqueue == nullptr) return kInvalid;
  enqueue(told->stream, work, new Group(*told));
  return 0;
}

int send(const void* data, size_t bytes, int to, void* comm, void* stream) {
  Comm& own = *static_cast<Comm*>(comm);
  note(own, "send ", bytes, " u8 to ", to, " on stream ", number_of(own, stream));
  return add(&own, stream, {true, const_cast<char*>(static_cast<const char*>(data)), bytes, to});
}

int receive(void* data, size_t bytes, int from, void* comm, void* stream) {
  Comm& own = *static_cast<Comm*>(comm);
  note(own, "receive ", bytes, " u8 from ", from, " on stream ", number_of(own, stream));
  return add(&own, stream, {false, static_cast<char*>(data), bytes, from});
}

int broadcast(void* data, size_t bytes, int root, void* comm, void* stream) {
  Comm& own = *static_cast<Comm*>(comm);
  note(own, "broadcast ", bytes, " u8 of ", root, " on stream ", number_of(own, stream));
  auto* at = static_cast<char*>(data);
  if (own.rank != root) return add(&own, stream, {false, at, bytes, root});
  int code = 0;
  for (int r = 0; r < own.size; ++r)
    if (r != root) code = std::max(code, add(&own, stream, {true, at, bytes, r}));
  return code;
}

int all_gather(const void* own_part, void* all, size_t bytes, void* comm, void* stream) {
  Comm& own = *static_cast<Comm*>(comm);
  note(own, "all_gather ", bytes, " u8 of each on stream ", number_of(own, stream));
  auto* at = static_cast<char*>(all);
  if (at + static_cast<size_t>(own.rank) * bytes != own_part) return kInvalid;
  int code = 0;
  for (int r = 0; r < own.size; ++r) {
    if (r == own.rank) continue;
    code = std::max(code, add(&own, stream, {true, at + own.rank * bytes, bytes, r}));
    code = std::max(code, add(&own, stream, {false, at + r * bytes, bytes, r}));
  }
  return code;
}

int async_error(void* comm) {
  const Comm& own = *static_cast<Comm*>(comm);
  return own.shared->joined < own.size ? static_cast<int>(kVicinityNcclInProgress) : 0;
}

int finalize(void* comm) {
  note(*static_cast<Comm*>(comm), "finalize");
  return 0;
}
int destroy(void* comm) {
  note(*static_cast<Comm*>(comm), "destroy");
  return 0;
}
int abort_comm(void* comm) {
  note(*static_cast<Comm*>(comm), "abort");
  static_cast<Comm*>(comm)->aborted = true;
  return 0;
}
void error_text(int code, void*, char* text, size_t size) {
  put(text, size, "error " + std::to_string(code) + " of the stand-in");
}

constexpr VicinityNcclCalls kCalls = {version,  unique_id, start,      group_start, group_end,
                                      send,     receive,   broadcast,  all_gather,  async_error,
                                      finalize, destroy,   abort_comm, error_text};

}  // namespace

extern "C" const VicinityNcclCalls* vicinity_nccl_calls() { return &kCalls; }
