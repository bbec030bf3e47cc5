#pragma once

#include "autograd/ops/pad_map.h"
#include "tests/reference/pad_map.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

/// Grown, cut, grown one way and cut the other, unchanged, empty.
inline std::vector<OpCase> pad_map_cases() {
  struct Sizes {
    Shape x;
    int64_t height, width;
  };
  std::vector<OpCase> cases;
  for (const Sizes& s :
       {Sizes{{2, 3, 4, 5}, 7, 7}, Sizes{{1, 7, 9, 8}, 4, 5}, Sizes{{3, 2, 6, 1}, 5, 3},
        Sizes{{3, 6, 2, 3}, 1, 9}, Sizes{{2, 4, 4, 7}, 4, 4}, Sizes{{5, 9, 9, 130}, 10, 11},
        Sizes{{0, 2, 2, 4}, 3, 3}, Sizes{{2, 7, 5, 32}, 8, 8}, Sizes{{1, 8, 9, 64}, 7, 7}}) {
    OpCase c;
    c.name = str("pad_map ", s.x, " to ", s.height, " x ", s.width);
    c.inputs = {{.shape = s.x}};
    c.run = [s](const auto& in) {
      return std::vector<Variable>{pad_map(in[0], s.height, s.width)};
    };
    c.reference = [s](const auto& in) {
      return std::vector<Tensor>{reference::pad_map(in[0], s.height, s.width)};
    };
    c.bf16_tolerance = 1e-30;  // copies
    cases.push_back(c);
  }
  return cases;
}

}  // namespace vicinity::testing
