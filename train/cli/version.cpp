#include "train/cli/version.h"

#include <H5public.h>
#include <oneapi/dnnl/dnnl.h>
#include <zlib.h>

#include "core/base/error.h"
#include "core/runtime/on_device.h"

namespace vicinity {
namespace {

std::string cuda_text() {
  if constexpr (kCudaBuilt) {
    const int version = cuda_api::runtime_version();
    return str(version / 1000, ".", version % 1000 / 10, ", kernels for ",
               cuda_api::built_architectures());
  }
  return "not built in";
}

}  // namespace

std::string version_text() {
  unsigned major = 0, minor = 0, patch = 0;
  H5get_libversion(&major, &minor, &patch);
  const dnnl_version_t* dnnl = dnnl_version();
  return str("vicinity ", VICINITY_VERSION, "\ncompiler       g++ ", __VERSION__,
             "\ninstructions   ", name_of(cpu_isa()), ", ", available_cores(),
             " cores\noneDNN         ", dnnl->major, ".", dnnl->minor, ".", dnnl->patch,
             "\nHDF5           ", major, ".", minor, ".", patch, "\nzlib           ", zlibVersion(),
             "\nCUDA           ", cuda_text(), "\n");
}

}  // namespace vicinity
