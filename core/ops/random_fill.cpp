#include "core/ops/random_fill.h"

#include "core/ops/elementwise.h"
#include "core/ops/transfer.h"

namespace vicinity {
namespace {

// Drawn on the CPU: the same bits on every device, and it happens once a run.
template <class Draw>
void draw(const char* op, double flops, Tensor& x, Draw&& draw_into) {
  if (x.size() == 0) return;
  if (x.device() == kPlan) {
    return plan().add(op, {flops * static_cast<double>(x.size()), static_cast<double>(x.bytes())});
  }
  Tensor host = x.device() == kCpu ? x : empty(x.shape(), x.dtype());
  draw_into(host);
  if (x.device() != kCpu) copy_(x, to_device(host, x.device()));
}

}  // namespace

void normal_(Tensor& x, double deviation, const RandomStream& stream) {
  draw("normal_", 40, x,
       [&](Tensor& host) { kernels::normal_forward(cpu(), deviation, stream, host); });
}

void uniform_(Tensor& x, double low, double high, const RandomStream& stream) {
  draw("uniform_", 25, x,
       [&](Tensor& host) { kernels::uniform_forward(cpu(), low, high, stream, host); });
}

}  // namespace vicinity
