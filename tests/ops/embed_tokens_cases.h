#pragma once

#include "autograd/ops/embed_tokens.h"
#include "tests/reference/embed_tokens.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

/// Every third patch and the last one.
inline Tensor patch_mask(int64_t batch, int64_t count) {
  std::vector<uint8_t> bytes;
  for (int64_t i = 0; i < batch * count; ++i) bytes.push_back(i % 3 == 1 || i == batch * count - 1);
  return tensor_of<uint8_t>({batch, count}, bytes);
}

inline OpCase embed_tokens_case(int64_t batch, int64_t count, int64_t width, int64_t registers,
                                bool masked) {
  OpCase c;
  c.name = str("embed_tokens ", Shape{batch, count, width}, " registers ", registers,
               masked ? " masked" : "");
  c.inputs = {{.shape = {batch, count, width}},
              {.shape = {width}, .accumulator = true},
              {.shape = {1 + count, width}, .accumulator = true}};
  if (registers > 0) c.inputs.push_back({.shape = {registers, width}, .accumulator = true});
  if (masked) c.inputs.push_back({.shape = {width}, .accumulator = true});
  const Tensor mask = masked ? patch_mask(batch, count) : Tensor();
  c.run = [=](const auto& in) {
    return std::vector<Variable>{
        embed_tokens(in[0], in[1], in[2], registers > 0 ? in[3] : Variable(),
                     masked ? in.back() : Variable(), to_device(mask, in[0].value().device()))};
  };
  c.reference = [=](const auto& in) {
    return std::vector<Tensor>{reference::embed_tokens(in[0], in[1], in[2],
                                                       registers > 0 ? in[3] : Tensor(),
                                                       masked ? in.back() : Tensor(), mask)};
  };
  return c;
}

inline std::vector<OpCase> embed_tokens_cases() {
  return {embed_tokens_case(1, 1, 1, 0, false),  embed_tokens_case(3, 5, 7, 0, false),
          embed_tokens_case(2, 4, 8, 4, false),  embed_tokens_case(3, 6, 13, 0, true),
          embed_tokens_case(5, 9, 130, 1, true), embed_tokens_case(17, 49, 16, 4, true),
          embed_tokens_case(0, 4, 8, 2, true),   embed_tokens_case(8, 3, 36, 1, true),
          embed_tokens_case(9, 20, 64, 0, false)};
}

}  // namespace vicinity::testing
