// Which GPU is a rank's, and which ranks share a machine. Built with CUDA or its emulation only
// (kCudaBuilt).
#pragma once

#include <string>
#include <vector>

#include "core/comm/communicator.h"

namespace vicinity {

/// Makes cuda() the GPU of this rank: the one of its number on its machine, or the only one that
/// its launcher shows it. DeviceError where the machine has fewer, UsageError where the environment
/// does not say which number it has.
void choose_device_of_rank(const Launch& launch);

/// Names of the machines of all ranks.
std::vector<std::string> hosts_of(Communicator& ranks);
/// DeviceError where two ranks of one machine have the same GPU, which NCCL does not say clearly.
void check_devices(Communicator& ranks, const std::vector<std::string>& hosts);
/// DeviceCollectives::ranks_inside() (nccl.h) of ranks on these machines.
int ranks_inside_of(const std::vector<std::string>& hosts);

}  // namespace vicinity
