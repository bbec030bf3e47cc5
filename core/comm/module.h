// Libraries that only some machines have, as modules beside the program: it loads one when it is
// needed, and says what is missing where it is not there.
#pragma once

#include <string>

namespace vicinity {

struct ModuleName {
  std::string name;     // "mpi": libvicinity_mpi.so, whose vicinity_mpi_calls() is its table
  bool global = false;  // its symbols are seen by libraries that are loaded later
  std::string wanted;   // why: "a launcher has started several ranks"
  std::string remedy;
};

/// The entry of the module. DeviceError says why it cannot be used.
void* entry_of_module(const ModuleName& module);

template <class Table>
const Table* table_of_module(const ModuleName& module) {
  return reinterpret_cast<const Table* (*)()>(entry_of_module(module))();
}

}  // namespace vicinity
