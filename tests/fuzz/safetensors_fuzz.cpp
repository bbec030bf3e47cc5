#include "models/weights/safetensors.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vicinity;
  static const fuzz::MemoryFile file;
  file.set({data, size});
  fuzz::answer([&] {
    const SafetensorsFile weights(file.path());
    for (const auto& [name, entry] : weights.entries())
      fuzz::answer([&, &tensor = name] { weights.read(tensor); });
  });
  return 0;
}
