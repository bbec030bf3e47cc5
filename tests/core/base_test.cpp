#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

TEST(Error, CarriesValuesContextAndExitCode) {
  try {
    in_context("running levels.1",
               [] { VIC_CHECK(ConfigError, 2 > 3, "kernel ", 7, " exceeds ", 5); });
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "kernel 7 exceeds 5");
    EXPECT_EQ(error.exit_code(), ExitCode::config);
    EXPECT_NE(std::string(error.what()).find("while running levels.1"), std::string::npos);
    EXPECT_FALSE(error.internal());
  }
}

TEST(Text, NearestForgivesSlips) {
  const std::vector<std::string> keys = {"epochs", "batch", "micro_batch", "precision"};
  EXPECT_EQ(nearest("epochz", keys), "epochs");
  EXPECT_EQ(nearest("bacth", keys), "batch");
  EXPECT_EQ(nearest("zzzzzz", keys), "");
}

TEST(Text, Units) {
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_count(-27901582), "-27,901,582");
  EXPECT_EQ(format_seconds(75), "1m15s");
  EXPECT_EQ(format_number(0.1), "0.1");
  EXPECT_EQ(json_quote("a\"b\n"), "\"a\\\"b\\u000a\"");
}

}  // namespace
}  // namespace vicinity
