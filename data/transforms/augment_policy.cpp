#include "data/transforms/augment_policy.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/transforms/augment_lists.h"

namespace vicinity {
namespace {

constexpr const char* kRandParts =
    "m (magnitude), n (1 to 100 operations), p (probability), mstd, mmax, inc, w0, tweights, t3a, "
    "t3aw";

const std::map<std::string, std::vector<SubPolicy>>& named_lists() {
  static const std::map<std::string, std::vector<SubPolicy>> lists = {
      {"original", paper_lists(AugmentOp::posterize_original)},
      {"originalr", paper_lists(AugmentOp::posterize_increasing)},
      {"v0", efficientnet_lists(AugmentOp::posterize)},
      {"v0r", efficientnet_lists(AugmentOp::posterize_increasing)},
      {"3a", three_lists()}};
  return lists;
}

std::span<const WeightedOp> ops_of(const std::string& set, bool increasing) {
  static const std::vector<WeightedOp> plain = equal_ops(false), growing = equal_ops(true),
                                       w0 = weighted_ops(false), w0_growing = weighted_ops(true),
                                       weights = newer_weighted_ops(), three = three_ops(),
                                       weighted_three = weighted_three_ops();
  if (set == "w0") return increasing ? w0_growing : w0;
  if (set == "tweights") return weights;
  if (set == "t3a") return three;
  if (set == "t3aw") return weighted_three;
  return increasing ? growing : plain;
}

// "mstd0.5" -> "mstd" and 0.5.
struct PolicyPart {
  std::string name;
  double value = 0;
};

PolicyPart parse_part(const std::string& text, const std::string& part, const char* known) {
  const size_t digit = part.find_first_of("0123456789.");
  PolicyPart parsed{part.substr(0, digit)};
  const char *from = part.data() + std::min(digit, part.size()), *to = part.data() + part.size();
  const auto [end, error] = std::from_chars(from, to, parsed.value, std::chars_format::fixed);
  VIC_CHECK(ConfigError, error == std::errc() && end == to, "data.augment=", text, ": '", part,
            "' is not a name and a number; there are ", known);
  return parsed;
}

double spread_of(double mstd) {
  return mstd > 100 ? std::numeric_limits<double>::infinity() : mstd;
}

// Part by part; `set` names the operations.
struct RandParts {
  AugmentPolicy policy;
  std::string set;
  bool increasing = false;

  void take(const std::string& text, const std::string& part) {
    if (part == "w0" || part == "tweights" || part == "t3a" || part == "t3aw") {
      set = part;
      return;
    }
    const auto [name, value] = parse_part(text, part, kRandParts);
    const bool whole = value == std::floor(value);
    if (name == "m") {
      policy.magnitude = value;
    } else if (name == "n" && whole && value >= 1 && value <= 100) {
      policy.count = static_cast<int>(value);
    } else if (name == "p" && value <= 1) {
      policy.probability = value;
    } else if (name == "mstd") {
      policy.spread = spread_of(value);
    } else if (name == "mmax" && value > 0) {
      policy.most = value;
    } else if (name == "inc" && whole) {
      increasing = value != 0;
    } else {
      throw ConfigError(
          str("data.augment=", text, ": unknown part '", part, "'; there are ", kRandParts));
    }
  }
};

AugmentPolicy parse_rand(const std::string& text, const std::vector<std::string>& parts) {
  RandParts rand;
  for (size_t i = 1; i < parts.size(); ++i) rand.take(text, parts[i]);
  AugmentPolicy& policy = rand.policy;
  policy.ops = ops_of(rand.set, rand.increasing);
  policy.weighted = rand.set == "w0" || rand.set == "tweights" || rand.set == "t3aw";
  const auto used = std::count_if(policy.ops.begin(), policy.ops.end(),
                                  [](const WeightedOp& op) { return op.weight > 0; });
  VIC_CHECK(ConfigError, !policy.weighted || policy.count <= used, "data.augment=", text,
            ": n = ", policy.count, " operations are drawn without replacement, but '", rand.set,
            "' has only ", used);
  return policy;
}

AugmentPolicy parse_lists(const std::string& text, const std::vector<std::string>& parts) {
  const auto lists = named_lists().find(parts[0]);
  VIC_CHECK(ConfigError, lists != named_lists().end(), "data.augment=", text, ": '", parts[0],
            "' is not known; it is none, rand (as rand-m9-mstd0.5-inc1), original, originalr, v0, "
            "v0r or 3a");
  AugmentPolicy policy{.lists = lists->second};
  for (size_t i = 1; i < parts.size(); ++i) {
    const auto [name, value] = parse_part(text, parts[i], "mstd (as mstd0.5)");
    VIC_CHECK(ConfigError, name == "mstd", "data.augment=", text, ": unknown part '", parts[i],
              "'; ", parts[0], " takes mstd only");
    policy.spread = spread_of(value);
  }
  return policy;
}

// An index with a probability that grows with its weight; those already taken have none.
size_t draw_weighted(std::span<const WeightedOp> ops, const std::vector<size_t>& taken,
                     Random& random) {
  const auto weight = [&](size_t i) {
    return std::find(taken.begin(), taken.end(), i) == taken.end() ? ops[i].weight : 0;
  };
  double sum = 0;
  for (size_t i = 0; i < ops.size(); ++i) sum += weight(i);
  double rest = random.uniform(0, sum);
  size_t last = 0;
  for (size_t i = 0; i < ops.size(); ++i) {
    if (weight(i) <= 0) continue;
    last = i;
    rest -= weight(i);
    if (rest < 0) break;
  }
  return last;
}

// An operation at a magnitude; draws what that leaves open: direction, radius, filter.
void draw_and_apply(AugmentOp op, double magnitude, const AffineStyle& style, Random& random,
                    Image& image) {
  double argument = argument_of(op, magnitude, has_direction(op) && random.chance(0.5));
  if (op == AugmentOp::gaussian_blur_random) argument = random.uniform(0.1, 2.0 * argument);
  Interpolation interpolation = style.interpolation.value_or(Interpolation::bilinear);
  if (is_affine(op) && !style.interpolation && random.chance(0.5))
    interpolation = Interpolation::bicubic;
  apply_op(op, argument, interpolation, style.fill, image);
}

void apply_step(const PolicyStep& step, const AugmentPolicy& policy, const AffineStyle& style,
                Random& random, Image& image) {
  if (!random.chance(step.probability)) return;
  double magnitude = step.magnitude;
  if (policy.spread == std::numeric_limits<double>::infinity()) {
    magnitude = random.uniform(0, magnitude);
  } else if (policy.spread > 0) {
    magnitude += policy.spread * random.normal();
  }
  draw_and_apply(step.op, std::clamp(magnitude, 0.0, policy.most), style, random, image);
}

}  // namespace

AugmentPolicy parse_policy(const std::string& text) {
  const std::vector<std::string> parts = split(text, '-');
  return parts[0] == "rand" ? parse_rand(text, parts) : parse_lists(text, parts);
}

void apply_policy(const AugmentPolicy& policy, const AffineStyle& style, Random& random,
                  Image& image) {
  if (!policy.lists.empty()) {
    for (const PolicyStep& step : policy.lists[random.below(policy.lists.size())])
      apply_step(step, policy, style, random, image);
    return;
  }
  // All are drawn before the first is applied.
  std::vector<size_t> drawn;
  for (int k = 0; k < policy.count; ++k)
    drawn.push_back(policy.weighted ? draw_weighted(policy.ops, drawn, random)
                                    : random.below(policy.ops.size()));
  for (const size_t i : drawn)
    apply_step({policy.ops[i].op, policy.probability, policy.magnitude}, policy, style, random,
               image);
}

}  // namespace vicinity
