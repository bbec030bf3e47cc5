// The report's small parts: text that cannot break out, scales, curves with few points.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "train/report/axis.h"
#include "train/report/html.h"
#include "train/report/line_chart.h"
#include "train/report/mistake_images.h"

namespace vicinity::testing {
namespace {

TEST(Html, TextCannotBreakOut) {
  EXPECT_EQ(escape_html("<b a=\"x\" c='y'>&amp;"),
            "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp;");
  EXPECT_EQ(escape_html("B\xc3\xa4r \xe2\x98\x82 \xf0\x9f\x8c\xb7\n"),
            "B\xc3\xa4r \xe2\x98\x82 \xf0\x9f\x8c\xb7\n");
  const std::string bad = "\xef\xbf\xbd";
  for (const char* bytes : {"\xff", "\x80", "\xc3", "\x01", "\x7f"})
    EXPECT_EQ(escape_html(bytes), bad) << bytes;
  EXPECT_EQ(escape_html("\xc0\xbc"), bad + bad) << "an overlong <";
  EXPECT_EQ(escape_html("\xed\xa0\x80"), bad + bad + bad) << "a surrogate";
  EXPECT_EQ(escape_html("\xf4\x90\x80\x80"), bad + bad + bad + bad) << "above U+10FFFF";
  EXPECT_EQ(escape_html("\xe2\x98<"), bad + bad + "&lt;") << "a sequence cut by a tag";
  EXPECT_EQ(element("p", {{"title", "\"><i>"}}, "<i>").code(),
            "<p title=\"&quot;&gt;&lt;i&gt;\">&lt;i&gt;</p>");
}

TEST(Axis, HasRoundTicksWithinItsRange) {
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{
           {0, 1}, {0.013, 0.99}, {-3, 7}, {97.1, 97.3}, {0, 3e-5}, {5, 5}, {0, 0}, {1e9, 3e9}}) {
    const Axis axis(low, high, 5);
    EXPECT_GE(axis.ticks().size(), 2u) << low << " to " << high;
    EXPECT_LE(axis.ticks().size(), 8u) << low << " to " << high;
    EXPECT_GE(axis.at(low), -1e-9) << low;
    EXPECT_LE(axis.at(high), 1 + 1e-9) << high;
    for (const Tick& tick : axis.ticks()) {
      EXPECT_GE(axis.at(tick.value), -1e-9);
      EXPECT_LE(axis.at(tick.value), 1 + 1e-9);
      EXPECT_NEAR(std::stod(tick.text), tick.value, 1e-4 * std::max(1e-5, std::abs(high)));
    }
  }
  const Axis logarithmic(0.01, 100, 5, true);
  EXPECT_NEAR(logarithmic.at(1), 0.5, 1e-12);
  EXPECT_EQ(logarithmic.ticks().size(), 5u);
}

TEST(Thin, KeepsMeansAndExtremes) {
  std::vector<Point> points;
  double sum = 0, low = 1e9, high = -1e9;
  for (int i = 0; i < 10000; ++i) {
    const double y = std::sin(0.1 * i);
    points.push_back({(i + 1) / 100.0, y});
    sum += y;
    low = std::min(low, y);
    high = std::max(high, y);
  }
  points.push_back({50, std::numeric_limits<double>::quiet_NaN()});
  const std::vector<ThinPoint> kept = thin(points, 1);
  ASSERT_EQ(kept.size(), 100u);
  double kept_sum = 0, kept_low = 1e9, kept_high = -1e9;
  for (const ThinPoint& p : kept) {
    kept_sum += p.y;
    kept_low = std::min(kept_low, p.low);
    kept_high = std::max(kept_high, p.high);
    EXPECT_TRUE(p.low <= p.y && p.y <= p.high);
  }
  EXPECT_NEAR(100 * kept_sum, sum, 1e-6) << "parts have 100 points each";
  EXPECT_EQ(kept_low, low);
  EXPECT_EQ(kept_high, high);

  points.resize(7);
  EXPECT_EQ(thin(points, 0).size(), 7u);
  EXPECT_TRUE(thin({{1, std::nan("")}}, 1).empty());
}

TEST(Base64, AgreesWithRfc4648) {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {std::string("\xff\xfe\0", 3), "//4A"}};
  for (const auto& [plain, coded] : vectors) EXPECT_EQ(base64(plain), coded) << plain;
}

}  // namespace
}  // namespace vicinity::testing
