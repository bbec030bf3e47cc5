#include "data/transforms/augment.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/transforms/blur.h"
#include "data/transforms/pixel_ops.h"
#include "data/transforms/point_ops.h"

namespace vicinity {
namespace {

using Jitter = std::array<double, 4>;

constexpr int kSolarizeFrom = 128;
constexpr double kLeastRadius = 0.1, kMostRadius = 2.0;

// "0.4" or "0.4,0.4,0.2" or "0.4,0.4,0.2,0.1"; nothing for any other text.
std::optional<Jitter> parse_jitter(const std::string& text) {
  Jitter jitter{};
  const std::vector<std::string> parts = split(text, ',');
  if (parts.size() != 1 && parts.size() != 3 && parts.size() != 4) return std::nullopt;
  for (size_t i = 0; i < parts.size(); ++i) {
    const char *from = parts[i].data(), *to = from + parts[i].size();
    const auto [end, error] = std::from_chars(from, to, jitter[i]);
    if (error != std::errc() || end != to || !std::isfinite(jitter[i]) || jitter[i] < 0)
      return std::nullopt;
  }
  if (parts.size() == 1) jitter[1] = jitter[2] = jitter[0];
  return jitter[3] <= 0.5 ? std::optional(jitter) : std::nullopt;
}

}  // namespace

JitterDraw draw_jitter(const std::array<double, 4>& jitter, Random& random) {
  JitterDraw draw;
  std::iota(draw.order.begin(), draw.order.end(), 0);
  for (size_t i = draw.order.size() - 1; i > 0; --i)
    std::swap(draw.order[i], draw.order[random.below(i + 1)]);
  for (size_t i = 0; i < 3; ++i)
    draw.factors[i] = random.uniform(std::max(0.0, 1 - jitter[i]), 1 + jitter[i]);
  draw.factors[3] = random.uniform(-jitter[3], jitter[3]);
  return draw;
}

void apply_jitter(const std::array<double, 4>& jitter, const JitterDraw& draw, Image& image) {
  constexpr void (*kAdjust[])(Image&, double) = {adjust_brightness, adjust_contrast,
                                                 adjust_saturation, adjust_hue};
  for (const int i : draw.order) {
    const auto at = static_cast<size_t>(i);
    if (jitter[at] > 0) kAdjust[i](image, draw.factors[at]);
  }
}

void AugmentConfig::check(Problems& problems) const {
  const auto none_beside = [&](const char* name, bool given) {
    if (given)
      problems.add(name, str("stands beside data.augment=", kManyViews,
                             ", whose views have their own; leave it out"));
  };
  if (augment == kManyViews) {
    none_beside("color_jitter", color_jitter != "0");
    none_beside("grayscale", grayscale > 0);
    none_beside("blur", blur > 0);
    none_beside("solarize", solarize > 0);
  } else if (augment != "none") {
    try {
      parse_policy(augment);
    } catch (const ConfigError& error) {
      problems.add("augment", error.message());
    }
  }
  if (!parse_jitter(color_jitter))
    problems.add("color_jitter",
                 "needs 1, 3 or 4 numbers with commas between them, none below 0 and the fourth up "
                 "to 0.5");
}

std::array<double, 4> jitter_in_effect(const AugmentConfig& c) {
  if (c.augment != "none" && c.augment.find("3a") == std::string::npos) return {};
  return parse_jitter(c.color_jitter).value_or(Jitter{});
}

void augment(const AugmentConfig& c, const AffineStyle& style, Random& random, Image& image) {
  if (c.augment != "none") apply_policy(parse_policy(c.augment), style, random, image);
  const Jitter jitter = jitter_in_effect(c);
  const bool jitters = std::any_of(jitter.begin(), jitter.end(), [](double j) { return j > 0; });
  if (jitters && random.chance(c.color_jitter_prob))
    apply_jitter(jitter, draw_jitter(jitter, random), image);
  if (c.grayscale > 0 && random.chance(c.grayscale)) to_grey(image);
  if (c.blur > 0 && random.chance(c.blur))
    gaussian_blur(image, random.uniform(kLeastRadius, kMostRadius));
  if (c.solarize > 0 && random.chance(c.solarize)) solarize(image, kSolarizeFrom);
}

std::string describe_augment(const AugmentConfig& c) {
  std::vector<std::string> parts;
  if (c.augment != "none") parts.push_back(c.augment);
  if (parse_jitter(c.color_jitter) != Jitter{}) {
    const bool acts = jitter_in_effect(c) == parse_jitter(c.color_jitter);
    parts.push_back(str("colour jitter ", c.color_jitter,
                        acts ? "" : " (without effect beside data.augment, as in timm)"));
  }
  const auto add = [&](const char* name, double p) {
    if (p > 0) parts.push_back(str(name, " ", format_number(p)));
  };
  add("grey", c.grayscale);
  add("blur", c.blur);
  add("solarize", c.solarize);
  if (c.repeats > 1) parts.push_back(str("each picture ", c.repeats, " times in a row"));
  return parts.empty() ? "none" : join(parts, ", ");
}

}  // namespace vicinity
