// libvicinity_mpi.so: MPI behind the table of mpi_calls.h. It throws nothing and links nothing of
// the program.
#include <mpi.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "core/comm/mpi_calls.h"

namespace {

constexpr size_t kUnit = 64;  // parameters are laid out in multiples of it

MPI_Datatype unit_type = MPI_DATATYPE_NULL;
int ranks = 0;

// Counts of MPI are ints: 2 GB of bytes, 128 GB of units.
struct Layout {
  std::vector<int> counts, offsets;
};

// Its layouts are alive while it runs.
struct Operation {
  MPI_Request request = MPI_REQUEST_NULL;
  Layout to = {}, from = {};
};
std::deque<Operation> begun;  // in their order; none moves

Operation& begin() { return begun.emplace_back(); }

bool in_units(const VicinityBlock* blocks) {
  return std::all_of(blocks, blocks + ranks, [](const VicinityBlock& b) {
    return b.offset % kUnit == 0 && b.bytes % kUnit == 0;
  });
}

bool fill(Layout& layout, const VicinityBlock* blocks, size_t unit) {
  layout.counts.clear();
  layout.offsets.clear();
  for (int r = 0; r < ranks; ++r) {
    if (std::max(blocks[r].bytes, blocks[r].offset) / unit > INT_MAX) return false;
    layout.counts.push_back(static_cast<int>(blocks[r].bytes / unit));
    layout.offsets.push_back(static_cast<int>(blocks[r].offset / unit));
  }
  return true;
}

int start(int* rank, int* size) {
  int provided = 0;
  if (const int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided))
    return code;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, rank);
  MPI_Comm_size(MPI_COMM_WORLD, size);
  ranks = *size;
  if (const int code = MPI_Type_contiguous(kUnit, MPI_BYTE, &unit_type)) return code;
  return MPI_Type_commit(&unit_type);
}

int all_to_all(const char* send, const VicinityBlock* to, char* receive,
               const VicinityBlock* from) {
  const bool units = in_units(to) && in_units(from);
  const size_t unit = units ? kUnit : 1;
  MPI_Datatype type = units ? unit_type : MPI_BYTE;
  Operation& own = begin();
  if (!fill(own.to, to, unit) || !fill(own.from, from, unit)) return MPI_ERR_COUNT;
  return MPI_Ialltoallv(send, own.to.counts.data(), own.to.offsets.data(), type, receive,
                        own.from.counts.data(), own.from.offsets.data(), type, MPI_COMM_WORLD,
                        &own.request);
}

int all_gather(char* data, const VicinityBlock* blocks) {
  const bool units = in_units(blocks);
  MPI_Datatype type = units ? unit_type : MPI_BYTE;
  Operation& own = begin();
  if (!fill(own.to, blocks, units ? kUnit : 1)) return MPI_ERR_COUNT;
  return MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, data, own.to.counts.data(),
                         own.to.offsets.data(), type, MPI_COMM_WORLD, &own.request);
}

int broadcast(char* data, size_t bytes, int root) {
  if (bytes > INT_MAX) return MPI_ERR_COUNT;
  return MPI_Ibcast(data, static_cast<int>(bytes), MPI_BYTE, root, MPI_COMM_WORLD,
                    &begin().request);
}

int barrier() { return MPI_Ibarrier(MPI_COMM_WORLD, &begin().request); }

// A test of one drives all.
int test(int* running) {
  int done = 1;
  while (!begun.empty() && done != 0) {
    if (const int code = MPI_Test(&begun.front().request, &done, MPI_STATUS_IGNORE)) return code;
    if (done != 0) begun.pop_front();
  }
  *running = static_cast<int>(begun.size());
  return MPI_SUCCESS;
}

int finish() {
  MPI_Type_free(&unit_type);
  return MPI_Finalize();
}

void put(char* text, size_t size, const std::string& from) {
  const size_t n = std::min(from.size(), size - 1);
  std::memcpy(text, from.data(), n);
  text[n] = '\0';
}

void error_text(int code, char* text, size_t size) {
  std::string buffer(MPI_MAX_ERROR_STRING, '\0');
  int length = 0;
  MPI_Error_string(code, buffer.data(), &length);
  put(text, size, buffer.substr(0, static_cast<size_t>(length)));
}

void library(char* text, size_t size) {
  std::string buffer(MPI_MAX_LIBRARY_VERSION_STRING, '\0');
  int length = 0;
  MPI_Get_library_version(buffer.data(), &length);
  put(text, size, buffer.substr(0, buffer.find_first_of(",\n")));
}

constexpr VicinityMpiCalls kCalls = {start, all_to_all, all_gather, broadcast, barrier,
                                     test,  finish,     error_text, library};

}  // namespace

extern "C" const VicinityMpiCalls* vicinity_mpi_calls() { return &kCalls; }
