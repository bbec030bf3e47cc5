// Ranks that torchrun has started meet at MASTER_ADDR:MASTER_PORT and tell each other there what
// their hosts have to say, through rank 0; what their GPUs have goes by NCCL (nccl.h).
#pragma once

#include <memory>

#include "core/comm/communicator.h"

namespace vicinity {

/// Waits `patience` seconds for all to come. CommError, which names the address, where somebody
/// does not; UsageError where a variable is missing. Collectives take 2 times the bytes of all
/// ranks through rank 0: texts and numbers. all_to_all is not among them.
std::unique_ptr<Communicator> make_tcp(const Launch& launch, double patience);

}  // namespace vicinity
