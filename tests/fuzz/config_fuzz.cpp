// A file of YAML, then each of its entries once more as it would be typed on the command line:
// what the tree holds is YAML that means the same.
#include "core/config/config_tree.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vicinity;
  static const fuzz::MemoryFile file;
  file.set({data, size});
  ConfigTree tree;
  bool read = false;
  fuzz::answer([&] {
    tree.add_file(file.path());
    read = true;
  });
  if (!read) return 0;
  for (const ConfigEntry& entry : tree.entries()) {
    if (entry.key.empty() || entry.key.find('=') != std::string::npos || entry.key == "model")
      continue;
    ConfigTree typed;
    typed.add_override(entry.key + "=" + entry.text);
    const ConfigEntry* again = typed.find(entry.key);
    if (entry.text != "{}" && (again == nullptr || again->text != entry.text)) std::abort();
  }
  return 0;
}
