// What an op costs, said by the op itself: `Plan` adds it up, the profiler divides by time.
#pragma once

namespace vicinity {

struct Cost {
  double flops = 0;  // multiply and add count as two
  double bytes = 0;  // read and written, each tensor once
};

}  // namespace vicinity
