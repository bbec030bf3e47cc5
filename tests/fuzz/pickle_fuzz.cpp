// A pickle alone: within an archive its checksum would stop most changes to it.
#include "models/weights/pickle.h"
#include "models/weights/state_dict.h"
#include "models/weights/torch_names.h"
#include "models/weights/torch_tensor.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vicinity;
  fuzz::answer([&] {
    const std::string path = "input";
    const Pickle pickle({reinterpret_cast<const char*>(data), size}, torch_globals(), path);
    for (const auto& [name, value] : find_state_dict(pickle, path).tensors)
      fuzz::answer([&, &tensor = name, at = value] { torch_tensor(pickle, at, tensor, path); });
  });
  return 0;
}
