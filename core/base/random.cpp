#include "core/base/random.h"

#include <cmath>
#include <numbers>

namespace vicinity {
namespace {

// Multipliers and key increments of the Philox4x32 definition.
constexpr uint32_t kMultiply0 = 0xD2511F53, kMultiply1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;

// Spreads a seed over all 64 bits, so that seeds 0, 1, 2 give unrelated keys (splitmix64
// finaliser).
uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

// ln of a variate of Gamma(shape, 1).
double log_gamma_variate(Random& random, double shape) {
  if (shape < 1) {
    const double power = std::log(1.0 - random.uniform_double()) / shape;
    return power + log_gamma_variate(random, shape + 1);
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = random.normal(), root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root, log_u = std::log(1.0 - random.uniform_double());
    if (log_u < x * x / 2 + d * (1 - v + std::log(v))) return std::log(d * v);
  }
}

}  // namespace

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{kMultiply0} * c[0];
    const uint64_t p1 = uint64_t{kMultiply1} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<uint32_t>(p0)};
    k[0] += kWeyl0;
    k[1] += kWeyl1;
  }
  return c;
}

std::array<uint32_t, 2> philox_key(uint64_t seed, Purpose purpose) {
  const uint64_t key = mix(mix(seed) ^ static_cast<uint64_t>(purpose));
  return {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
}

Random::Random(uint64_t seed, Purpose purpose, uint64_t a, uint32_t b)
    : key_(philox_key(seed, purpose)) {
  counter_ = {0, static_cast<uint32_t>(a), static_cast<uint32_t>(a >> 32), b};
}

uint32_t Random::next() {
  if (used_ == 4) {
    block_ = philox4x32(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

float Random::uniform() { return static_cast<float>(next() >> 8) * 0x1p-24f; }

double Random::uniform_double() {
  const uint64_t high = next() >> 5, low = next() >> 6;
  return static_cast<double>((high << 26) | low) * 0x1p-53;
}

uint64_t Random::below(uint64_t n) {
  const uint64_t limit =
      ~uint64_t{0} - (~uint64_t{0} % n);  // values from here on would favour small results
  for (;;) {
    const uint64_t value = (uint64_t{next()} << 32) | next();
    if (value < limit) return value % n;
  }
}

double Random::normal() {
  const double u = 1.0 - uniform_double();  // in (0, 1]
  const double v = uniform_double();
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

double Random::beta(double a, double b) {
  const double first = log_gamma_variate(*this, a), second = log_gamma_variate(*this, b);
  return 1 / (1 + std::exp(second - first));
}

}  // namespace vicinity
