#include "core/comm/module.h"

#include <dlfcn.h>

#include <filesystem>

#include "core/base/error.h"

namespace vicinity {

// It lies beside the program, or where it is installed.
void* entry_of_module(const ModuleName& module) {
  namespace fs = std::filesystem;
  const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
  const std::string file = "libvicinity_" + module.name + ".so";
  std::string why = str("it is not there: this program was built without ", module.name);
  for (const fs::path& path : {here / file, here / ".." / VICINITY_LIBDIR / "vicinity" / file}) {
    if (!fs::exists(path)) continue;
    if (void* opened =
            ::dlopen(path.c_str(), RTLD_NOW | (module.global ? RTLD_GLOBAL : RTLD_LOCAL))) {
      void* entry = ::dlsym(opened, ("vicinity_" + module.name + "_calls").c_str());
      VIC_ASSERT(entry != nullptr, file, " without its table");
      return entry;
    }
    why = ::dlerror();
  }
  VIC_FAIL(DeviceError, module.wanted, ", but ", file, " cannot be used: ", why, ". ",
           module.remedy);
}

}  // namespace vicinity
