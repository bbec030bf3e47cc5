// The hint of a run that waits for images names what is left to do, and nothing else.
#include "train/run/loading_hint.h"

#include <gtest/gtest.h>

#include "core/base/files.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"

namespace vicinity::testing {
namespace {

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

TEST(LoadingHint, NamesWhatIsLeftToDo) {
  const TempDir folder;
  write_class_folders(folder.path(), 2, 2, 16);
  write_file_atomically(folder.file("pack.h5"), "what it is called is enough");
  DataSection data;
  data.source.root = folder.path();
  data.loader_threads = 2;
  const std::string files = loading_hint(0.234, data, 8);
  for (const char* part : {"23.4 %", "data.loader_threads=0", "all 8 cores", "vicinity data pack",
                           "data.scaled_decoding=true", "vicinity bench loader"})
    EXPECT_TRUE(has(files, part)) << part << "\n" << files;

  EXPECT_EQ(loading_hint(0.1, data, 8), "");
  EXPECT_NE(loading_hint(0.101, data, 8), "");

  data.source.root = folder.file("pack.h5");
  data.loader_threads = 0;
  const std::string packed = loading_hint(0.5, data, 8);
  EXPECT_FALSE(has(packed, "data pack")) << packed;
  EXPECT_FALSE(has(packed, "loader_threads")) << packed;
  EXPECT_TRUE(has(packed, "scaled_decoding")) << packed;

  data.transform.scaled_decoding = true;
  const std::string nothing = loading_hint(0.5, data, 8);
  EXPECT_FALSE(has(nothing, "scaled_decoding")) << nothing;
  EXPECT_TRUE(has(nothing, "more cores")) << nothing;
}

}  // namespace
}  // namespace vicinity::testing
