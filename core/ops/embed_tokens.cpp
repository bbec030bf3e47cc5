#include "core/ops/embed_tokens.h"

namespace vicinity {
namespace {

// Optional rows of parameters: [width] or [any, width].
void check_parameter(const char* name, const Tensor& parameter, const Tensor& patches) {
  if (!parameter.defined()) return;
  VIC_CHECK(ShapeError, parameter.dim(-1) == patches.dim(2), "embed_tokens: ", name, " ",
            parameter.shape(), " does not fit patches ", patches.shape());
  VIC_CHECK(DTypeError, parameter.dtype() == accumulator_of(patches.dtype()),
            "embed_tokens: ", name, " is ", parameter.dtype(), " beside patches of ",
            patches.dtype());
}

}  // namespace

Tensor embed_tokens(const Tensor& patches, const Tensor& cls, const Tensor& positions,
                    const Tensor& registers, const Tensor& mask_token, const Tensor& mask) {
  const int64_t batch = patches.dim(0), count = patches.dim(1), width = patches.dim(2);
  VIC_CHECK(ShapeError, positions.shape() == Shape({1 + count, width}), "embed_tokens: ", count,
            " patches need positions [", 1 + count, ", ", width, "], got ", positions.shape());
  VIC_CHECK(ShapeError, !mask.defined() || mask.shape() == Shape({batch, count}),
            "embed_tokens: the mask must be one byte a patch, [", batch, ", ", count, "]");
  VIC_CHECK(ShapeError, mask_token.defined() || !mask.defined(),
            "embed_tokens: a mask needs a mask token");
  check_parameter("class token", cls, patches);
  check_parameter("positions", positions, patches);
  check_parameter("registers", registers, patches);
  check_parameter("mask token", mask_token, patches);
  const int64_t extra = registers.defined() ? registers.dim(0) : 0;
  Tensor y = empty({batch, 1 + extra + count, width}, patches.dtype(), patches.device());
  if (y.size() > 0) {
    on_device("embed_tokens", y.device(),
              {static_cast<double>(y.size()), 2 * static_cast<double>(y.bytes())},
              [&](auto& context) {
                kernels::embed_tokens_forward(context, patches, cls, positions, registers,
                                              mask_token, mask, y);
              });
  }
  return y;
}

EmbedTokensGrads embed_tokens_backward(const Tensor& dy, int64_t registers, const Tensor& mask) {
  const int64_t batch = dy.dim(0), count = dy.dim(1) - 1 - registers, width = dy.dim(2);
  const DType wide = accumulator_of(dy.dtype());
  EmbedTokensGrads grads;
  grads.dpatches = empty({batch, count, width}, dy.dtype(), dy.device());
  grads.dcls = empty({width}, wide, dy.device());
  grads.dpositions = empty({1 + count, width}, wide, dy.device());
  if (registers > 0) grads.dregisters = empty({registers, width}, wide, dy.device());
  if (mask.defined()) grads.dmask_token = empty({width}, wide, dy.device());
  on_device(
      "embed_tokens_backward", dy.device(),
      {static_cast<double>(dy.size()), 2 * static_cast<double>(dy.bytes())},
      [&](auto& context) { kernels::embed_tokens_backward(context, dy, registers, mask, grads); });
  return grads;
}

}  // namespace vicinity
