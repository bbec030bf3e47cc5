// A config.json; what is written of a model that was read reads back to the same text.
#include "core/base/log.h"
#include "models/weights/config_json.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vicinity;
  static const fuzz::MemoryFile file, again;
  log_to_stderr(false);  // of fields that are not known
  file.set({data, size});
  std::string text;
  fuzz::answer([&] { text = config_json_text(read_config_json(file.path()), {}); });
  if (text.empty()) return 0;
  again.set({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  if (config_json_text(read_config_json(again.path()), {}) != text) std::abort();
  return 0;
}
