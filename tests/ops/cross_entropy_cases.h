#pragma once

#include "autograd/ops/cross_entropy.h"
#include "tests/reference/cross_entropy.h"
#include "tests/support/op_cases.h"

namespace vicinity::testing {

inline Tensor some_labels(int64_t batch, int64_t classes, int64_t stride) {
  std::vector<int32_t> labels;
  for (int64_t b = 0; b < batch; ++b)
    labels.push_back(static_cast<int32_t>((b * stride + classes - 1) % classes));
  return tensor_of<int32_t>({batch}, labels);
}

/// Two labels a sample with a share for the first, some of them the same, one share each of 0
/// and 1.
inline Targets mixed_targets(int64_t batch, int64_t classes, double smoothing) {
  std::vector<float> shares;
  for (int64_t b = 0; b < batch; ++b) shares.push_back(static_cast<float>(b % 5) / 4);
  return {.first = some_labels(batch, classes, 3),
          .second = some_labels(batch, classes, 2),
          .weight = tensor_of<float>({batch}, shares),
          .smoothing = smoothing};
}

inline OpCase cross_entropy_case(const std::string& kind, int64_t batch, int64_t classes,
                                 const Targets& targets, double scale = 1) {
  const auto typed = [targets](DType dtype, Device device) {
    Targets t = targets;
    if (t.dense.defined()) t.dense = cast(t.dense, dtype);
    for (Tensor* part : {&t.first, &t.second, &t.weight, &t.dense})
      *part = to_device(*part, device);
    return t;
  };
  return {
      .name = str("cross_entropy ", batch, " x ", classes, " ", kind),
      .inputs = {{.shape = {batch, classes}, .accumulator = true, .scale = scale}},
      .run =
          [typed](const auto& in) {
            return std::vector<Variable>{
                cross_entropy(in[0], typed(in[0].dtype(), in[0].value().device()))};
          },
      .reference =
          [typed](const auto& in) {
            return std::vector<Tensor>{reference::cross_entropy(in[0], typed(DType::f64, kCpu))};
          }};
}

inline std::vector<OpCase> cross_entropy_cases() {
  std::vector<OpCase> cases;
  for (const auto& [batch, classes] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 2}, {3, 7}, {9, 64}, {17, 1000}, {2, 21841}, {0, 5}}) {
    const auto add = [&, batch = batch, classes = classes](const char* kind, const Targets& t) {
      cases.push_back(cross_entropy_case(kind, batch, classes, t));
    };
    add("hard", {.first = some_labels(batch, classes, 3)});
    add("smoothed", {.first = some_labels(batch, classes, 3), .smoothing = 0.1});
    add("mixed", mixed_targets(batch, classes, 0));
    add("mixed, smoothed", mixed_targets(batch, classes, 0.2));
    add("dense", {.dense = cast(random_tensor({batch, classes}, 77, 0.2, 0.5), DType::f32)});
  }
  cases.push_back(cross_entropy_case("sharp", 5, 21, {.first = some_labels(5, 21, 4)}, 30));
  return cases;
}

inline std::vector<OpCase> sum_scaled_cases() {
  std::vector<OpCase> cases;
  for (const int64_t count : {1, 7, 1000}) {
    cases.push_back(
        {.name = str("sum_scaled ", count),
         .inputs = {{.shape = {count}, .accumulator = true, .offset = 1}},
         .run = [](const auto& in) { return std::vector<Variable>{sum_scaled(in[0], 0.3)}; },
         .reference = [](const auto& in) -> std::vector<Tensor> {
           double sum = 0;
           for (const double x : values_of<double>(in[0])) sum += 0.3 * x;
           return {full({1}, sum, DType::f64)};
         }});
  }
  return cases;
}

}  // namespace vicinity::testing
