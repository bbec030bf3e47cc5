// The few calls of MPI that are used, as a table that the module libvicinity_mpi.so fills. The
// program loads the module when a launcher has started several ranks: without one it needs no MPI
// to be installed, and starts as fast as it did (Open MPI brings 20 libraries).
#pragma once

#include <cstddef>

extern "C" {

/// A run of bytes, as core/comm/communicator.h has it.
struct VicinityBlock {
  size_t offset;
  size_t bytes;
};

/// Each returns 0, or MPI's error code. What begins an operation returns at once; `test` drives all
/// and says how many are not done yet. They are done in the order in which they were begun.
struct VicinityMpiCalls {
  int (*start)(int* rank, int* size);
  int (*all_to_all)(const char* send, const VicinityBlock* to, char* receive,
                    const VicinityBlock* from);
  int (*all_gather)(char* data, const VicinityBlock* blocks);
  int (*broadcast)(char* data, size_t bytes, int root);
  int (*barrier)();
  int (*test)(int* running);
  int (*finish)();
  void (*error_text)(int code, char* text, size_t size);
  void (*library)(char* text, size_t size);
};

const VicinityMpiCalls* vicinity_mpi_calls();

}  // extern "C"
