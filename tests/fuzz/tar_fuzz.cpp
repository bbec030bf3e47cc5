// An archive; members that are archives themselves are read where they lie.
#include "core/base/text.h"
#include "data/source/tar_reader.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vicinity;
  static const fuzz::MemoryFile memory;
  memory.set({data, size});
  fuzz::answer([&] {
    const InputFile file(memory.path());
    TarReader outer(file);
    for (TarMember member; outer.next(member);) {
      file.text(member.at, member.size);
      if (!ends_with(member.path, ".tar")) continue;
      TarReader inner(file, member.at, member.at + member.size);
      for (TarMember image; inner.next(image);) file.text(image.at, image.size);
    }
  });
  return 0;
}
