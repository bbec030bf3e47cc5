// libvicinity_nccl.so: NCCL behind the table of nccl_calls.h. It throws nothing and links nothing
// of the program. Communicators are non-blocking: no call here waits for another rank.
#include <nccl.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "core/comm/nccl_calls.h"

namespace {

static_assert(kVicinityNcclIdBytes == NCCL_UNIQUE_ID_BYTES);

int code_of(ncclResult_t result) {
  return result == ncclInProgress ? static_cast<int>(kVicinityNcclInProgress)
                                  : static_cast<int>(result);
}
ncclComm_t native(void* comm) { return static_cast<ncclComm_t>(comm); }
cudaStream_t stream_of(void* stream) { return static_cast<cudaStream_t>(stream); }

void put(char* text, size_t size, const std::string& from) {
  const size_t n = std::min(from.size(), size - 1);
  std::memcpy(text, from.data(), n);
  text[n] = '\0';
}

// Of the library that is loaded, which may be another than the header's.
void version(char* text, size_t size) {
  int number = 0;
  if (ncclGetVersion(&number) != ncclSuccess) return put(text, size, "unknown");
  put(text, size,
      std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." +
          std::to_string(number % 100));
}

int unique_id(char* id) {
  ncclUniqueId made;
  const int code = code_of(ncclGetUniqueId(&made));
  std::memcpy(id, made.internal, sizeof made.internal);
  return code;
}

int start(void** comm, int size, const char* id, int rank) {
  ncclUniqueId shared;
  std::memcpy(shared.internal, id, sizeof shared.internal);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  ncclComm_t made = nullptr;
  const int code = code_of(ncclCommInitRankConfig(&made, size, shared, rank, &config));
  *comm = made;
  return code;
}

int group_start() { return code_of(ncclGroupStart()); }
int group_end() { return code_of(ncclGroupEnd()); }

int send(const void* data, size_t bytes, int to, void* comm, void* stream) {
  return code_of(ncclSend(data, bytes, ncclUint8, to, native(comm), stream_of(stream)));
}
int receive(void* data, size_t bytes, int from, void* comm, void* stream) {
  return code_of(ncclRecv(data, bytes, ncclUint8, from, native(comm), stream_of(stream)));
}
int broadcast(void* data, size_t bytes, int root, void* comm, void* stream) {
  return code_of(
      ncclBroadcast(data, data, bytes, ncclUint8, root, native(comm), stream_of(stream)));
}

int all_gather(const void* own, void* all, size_t bytes, void* comm, void* stream) {
  return code_of(ncclAllGather(own, all, bytes, ncclUint8, native(comm), stream_of(stream)));
}

int async_error(void* comm) {
  ncclResult_t state = ncclSuccess;
  const ncclResult_t asked = ncclCommGetAsyncError(native(comm), &state);
  return code_of(asked != ncclSuccess ? asked : state);
}

int finalize(void* comm) { return code_of(ncclCommFinalize(native(comm))); }
int destroy(void* comm) { return code_of(ncclCommDestroy(native(comm))); }
int abort_comm(void* comm) { return code_of(ncclCommAbort(native(comm))); }

void error_text(int code, void* comm, char* text, size_t size) {
  std::string all = ncclGetErrorString(static_cast<ncclResult_t>(code));
  const char* last = ncclGetLastError(native(comm));
  if (last != nullptr && *last != '\0') all += std::string(" (") + last + ")";
  put(text, size, all);
}

constexpr VicinityNcclCalls kCalls = {version,  unique_id, start,      group_start, group_end,
                                      send,     receive,   broadcast,  all_gather,  async_error,
                                      finalize, destroy,   abort_comm, error_text};

}  // namespace

extern "C" const VicinityNcclCalls* vicinity_nccl_calls() { return &kCalls; }
