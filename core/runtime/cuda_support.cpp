#include "core/runtime/cuda_support.h"

#include <cstdlib>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

std::string version_text(int version) { return str(version / 1000, ".", version % 1000 / 10); }

// A plain number in CMAKE_CUDA_ARCHITECTURES is machine code and PTX, which later devices
// translate.
bool runs_on(const std::string& architecture, int capability) {
  const int built = std::atoi(architecture.c_str());
  const bool code = architecture.find("-virtual") == std::string::npos;
  const bool ptx = architecture.find("-real") == std::string::npos;
  const bool same_family = built / 10 == capability / 10 && built <= capability;
  return (code && same_family) || (ptx && built <= capability);
}

std::string why_not_this_device(const CudaSupport& s) {
  if (s.index >= s.devices)
    return str("there is no device ", s.index, ", the driver sees ", s.devices, " (from 0 on)");
  for (const std::string& architecture : split(s.architectures, ';')) {
    if (runs_on(architecture, s.capability)) return "";
  }
  return str("this program has kernels for compute capability ", s.architectures, ", the ", s.name,
             " is ", s.capability, " (cmake -DVICINITY_CUDA_ARCHITECTURES=", s.capability, ")");
}

}  // namespace

std::string why_unavailable(const CudaSupport& s) {
  if (s.devices > 0) return why_not_this_device(s);
  if (s.driver == 0) return "there is no NVIDIA driver on this machine (nvidia-smi shows it)";
  if (s.driver_too_old || s.driver < s.runtime / 1000 * 1000) {
    return str("the NVIDIA driver is for CUDA ", version_text(s.driver), ", this program needs ",
               version_text(s.runtime), ": update the driver");
  }
  if (!s.error.empty()) return str("the CUDA runtime says: ", s.error);
  return "the NVIDIA driver sees no device (CUDA_VISIBLE_DEVICES hides them all?)";
}

}  // namespace vicinity
