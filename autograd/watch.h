// Someone who looks at every tensor that goes over the tape: to find where a step went wrong.
#pragma once

#include <vector>

#include "core/tensor/tensor.h"

namespace vicinity {

class TapeWatch {
 public:
  virtual ~TapeWatch() = default;
  /// An op has been recorded. `sinks`: for each input that is a parameter where its gradient goes
  /// (Leaf::sink), absent for the others. May throw: the pass ends there.
  virtual void output(const char* op, const Tensor& y, const std::vector<Tensor>& sinks) = 0;
  /// The backward of an op has given the gradient of an input; `sink` as above.
  virtual void gradient(const char* op, const Tensor& dx, const Tensor& sink) = 0;
};

/// While it lives, what this thread records and takes back is shown to `watch`. Without one, an op
/// pays a comparison.
class Watched {
 public:
  explicit Watched(TapeWatch& watch);
  ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
};

}  // namespace vicinity
