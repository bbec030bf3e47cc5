#pragma once

#include "autograd/ops/position_interpolation.h"
#include "tests/reference/position_interpolation.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

inline constexpr std::pair<const char*, PositionMode> kPositionModes[] = {
    {"hf437", PositionMode::hf437},
    {"size", PositionMode::size},
    {"antialias", PositionMode::antialias}};

/// Shrinking, growing, both at once, one row, a table of one cell, tables smaller than the taps.
inline std::vector<OpCase> position_interpolation_cases() {
  struct Sizes {
    int64_t side, height, width, channels;
  };
  std::vector<OpCase> cases;
  for (const auto& [name, mode] : kPositionModes) {
    for (const Sizes& s :
         {Sizes{5, 3, 7, 8}, Sizes{4, 4, 4, 3}, Sizes{7, 1, 2, 1}, Sizes{1, 2, 3, 5},
          Sizes{2, 5, 1, 17}, Sizes{9, 4, 11, 2}, Sizes{6, 9, 10, 130}}) {
      OpCase c;
      c.name = str("positions ", name, " ", s.side, " to ", s.height, " x ", s.width);
      c.inputs = {{.shape = {1 + s.side * s.side, s.channels}, .accumulator = true}};
      c.run = [s, mode = mode](const auto& in) {
        return std::vector<Variable>{interpolate_positions(in[0], s.height, s.width, mode)};
      };
      c.reference = [s, mode = mode](const auto& in) {
        return std::vector<Tensor>{
            reference::interpolate_positions(in[0], s.side, s.height, s.width, mode)};
      };
      cases.push_back(c);
    }
  }
  return cases;
}

}  // namespace vicinity::testing
