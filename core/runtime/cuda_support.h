// Whether this program's kernels can run on a device, decided from what NVIDIA's driver and runtime
// say of it.
#pragma once

#include <string>

namespace vicinity {

struct CudaSupport {
  int driver = 0;               // as 12080 for CUDA 12.8; 0: there is none
  int runtime = 0;              // that this program was built with
  bool driver_too_old = false;  // as the runtime says
  std::string error;  // the runtime's words where devices could not be counted for another reason
  int devices = 0;
  int index = 0;  // of the device that is asked about
  std::string name;
  int capability = 0;         // 90 for 9.0
  std::string architectures;  // of the kernels in this program, as CMake names them ("80-real;90")
};

/// Empty if the device can be used; else why not and what helps: no driver, one older than this
/// program needs, no device, none with this index, no kernels for its compute capability.
std::string why_unavailable(const CudaSupport& support);

}  // namespace vicinity
