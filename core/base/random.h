// Randomness as a function: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as
// 1, 2, 3", sec. 5.3) keyed by (seed, purpose), at a counter that names the draw (step, sample,
// layer). Nothing depends on threads, ranks, micro-batches or on where a run was resumed.
#pragma once

#include <array>
#include <cstdint>

namespace vicinity {

/// The ten-round block function: 128 bits of counter, 64 of key -> 128 random bits.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// What a draw is for; each purpose has streams of its own. Values are part of the format of a run:
/// append only.
enum class Purpose : uint32_t {
  initialisation = 1,
  sample_order = 2,
  augmentation = 3,
  drop_path = 4,
  dropout = 5,
  mixing = 6,
  split = 7,
  token_mask = 8,
  erasing = 9,
  multi_crop = 10,
  test = 99,
};

/// The key under which the draws of a purpose are made.
std::array<uint32_t, 2> philox_key(uint64_t seed, Purpose purpose);

/// A stream of numbers that is a pure function of (seed, purpose, a, b). Copying it copies its
/// position. Typical: Random(seed, Purpose::augmentation, epoch, sample index).
class Random {
 public:
  Random(uint64_t seed, Purpose purpose, uint64_t a = 0, uint32_t b = 0);

  uint32_t next();
  /// In [0, 1), 24 bits.
  float uniform();
  /// In [0, 1), 53 bits.
  double uniform_double();
  /// In [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform_double(); }
  /// An integer in [0, n) without bias; n > 0.
  uint64_t below(uint64_t n);
  /// True with probability p.
  bool chance(double p) { return uniform_double() < p; }
  /// Standard normal (Box-Muller, one value a call).
  double normal();
  /// Beta(a, b), a and b > 0: the share of the first of two gamma variates. Those are Marsaglia &
  /// Tsang's (2000, "A simple method for generating gamma variables", ACM TOMS 26), exact; shapes
  /// below 1 by their section 6, Gamma(a) = Gamma(a + 1) U^(1 / a). In logarithms, so that small
  /// shapes do not become 0 / 0.
  double beta(double a, double b);

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace vicinity
