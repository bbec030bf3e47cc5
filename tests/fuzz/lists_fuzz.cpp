// Lists of images and labels; the first byte says of which kind the rest is.
#include "data/source/csv_reader.h"
#include "data/source/mat_synsets.h"
#include "data/source/val_labels.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vicinity;
  static const fuzz::MemoryFile memory;
  if (size < 1) return 0;
  memory.set({data + 1, size - 1});
  fuzz::answer([&] {
    if (data[0] == 'c') {
      CsvReader reader(memory.path());
      for (std::vector<std::string> fields; reader.next(fields);) {
      }
    } else if (data[0] == 'm') {
      mat_synsets(memory.path());
    } else {
      ValLabels(memory.path()).of({"a.JPEG", "b.JPEG"});
    }
  });
  return 0;
}
