// The few calls of NCCL that are used, as a table that the module libvicinity_nccl.so fills, so
// that a program built with CUDA needs NCCL only where several ranks have GPUs. Bytes are moved,
// never added: NCCL's sums depend on the number of ranks and on how they are connected.
#pragma once

#include <cstddef>

extern "C" {

enum { kVicinityNcclIdBytes = 128, kVicinityNcclInProgress = -1 };

/// Each returns 0, kVicinityNcclInProgress or NCCL's error code. None of them waits for another
/// rank: what is in progress is done when async_error returns 0. Streams are cudaStream_t.
struct VicinityNcclCalls {
  void (*version)(char* text, size_t size);
  int (*unique_id)(char* id);
  int (*start)(void** comm, int size, const char* id, int rank);
  int (*group_start)();
  int (*group_end)();
  int (*send)(const void* data, size_t bytes, int to, void* comm, void* stream);
  int (*receive)(void* data, size_t bytes, int from, void* comm, void* stream);
  int (*broadcast)(void* data, size_t bytes, int root, void* comm, void* stream);
  /// `bytes`: of one rank; `own` lies in its place in `all`.
  int (*all_gather)(const void* own, void* all, size_t bytes, void* comm, void* stream);
  int (*async_error)(void* comm);
  int (*finalize)(void* comm);
  int (*destroy)(void* comm);
  int (*abort)(void* comm);
  void (*error_text)(int code, void* comm, char* text, size_t size);
};

const VicinityNcclCalls* vicinity_nccl_calls();

}  // extern "C"
