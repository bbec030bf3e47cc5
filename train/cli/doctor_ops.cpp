#include "train/cli/doctor_ops.h"

#include "autograd/ops/activation.h"
#include "autograd/ops/attention.h"
#include "autograd/ops/conv3x3.h"
#include "autograd/ops/cross_entropy.h"
#include "autograd/ops/dropout.h"
#include "autograd/ops/embed_tokens.h"
#include "autograd/ops/layer_norm.h"
#include "autograd/ops/linear.h"
#include "autograd/ops/neighborhood_attention.h"
#include "autograd/ops/pad_map.h"
#include "autograd/ops/patch_embed.h"
#include "autograd/ops/position_interpolation.h"
#include "autograd/ops/residual.h"
#include "autograd/ops/swiglu.h"
#include "autograd/ops/token_pool.h"
#include "core/base/random.h"
#include "core/ops/adamw.h"
#include "core/ops/attention.h"
#include "core/ops/class_weights.h"
#include "core/ops/elementwise.h"
#include "core/ops/ema.h"
#include "core/ops/grad_norm.h"
#include "core/ops/label_rank.h"
#include "core/ops/mix_labels.h"
#include "core/ops/neighborhood_attention.h"
#include "core/ops/normalize_images.h"
#include "core/ops/sgd.h"
#include "core/ops/transfer.h"

namespace vicinity {
namespace {

using In = std::vector<Variable>;

Tensor labels_on(Device device) {
  return to_device(tensor_of<int32_t>({5}, {0, 129, 64, 3, 100}), device);
}

OpCheck neighborhood_check(const std::string& what, const Shape& qkv, NeighborhoodWindow window) {
  const int64_t side = 2 * window.kernel - 1;
  return {"neighborhood_attention, " + what,
          {qkv, {window.heads, side, side}},
          {false, true},
          [window](const In& in) { return neighborhood_attention(in[0], in[1], window); }};
}

OpCheck layer_norm_check(int64_t channels) {
  return {str("layer_norm of ", channels),
          {{33, channels}, {channels}, {channels}},
          {false, true, true},
          [](const In& in) { return layer_norm(in[0], in[1], in[2], 1e-5); }};
}

OpCheck residual_check(int64_t channels) {
  return {str("residual of ", channels),
          {{3, 11, channels}, {3, 11, channels}, {channels}, {channels}, {channels}},
          {false, false, true, true, true},
          [](const In& in) {
            return residual(in[0], in[1], in[2], Tensor(), in[3], in[4], 1e-5).normed;
          }};
}

std::vector<OpCheck> attention_checks() {
  return {
      neighborhood_check("dense groups", {2, 14, 14, 192}, {2, 7, 2}),
      neighborhood_check("sliding windows", {1, 19, 18, 192}, {2, 7, 1}),
      neighborhood_check("wide windows", {1, 13, 14, 192}, {2, 11, 1}),
      neighborhood_check("other sizes", {2, 15, 16, 96}, {2, 7, 2}),
      {"attention, head dim 64",
       {{2, 50, 384}},
       {false},
       [](const In& in) { return attention(in[0], 2); }},
      {"attention, head dim 32",
       {{2, 50, 192}},
       {false},
       [](const In& in) { return attention(in[0], 2); }},
      {"attention, other head dims",
       {{2, 50, 144}},
       {false},
       [](const In& in) { return attention(in[0], 2); }},
  };
}

std::vector<OpCheck> row_checks() {
  return {
      layer_norm_check(64),
      layer_norm_check(65),
      residual_check(64),
      residual_check(65),
      {"activation",
       {{33, 65}},
       {false},
       [](const In& in) { return activation(in[0], Activation::gelu); }},
      {"swiglu", {{33, 64}}, {false}, [](const In& in) { return swiglu(in[0]); }},
      {"dropout",
       {{4, 33}},
       {false},
       [](const In& in) {
         const Tensor x = in[0].value();
         return dropout(in[0], full(x.shape(), 1.25, accumulator_of(x.dtype()), x.device()));
       }},
      {"token_pool",
       {{3, 17, 33}},
       {false},
       [](const In& in) { return token_pool(in[0], 1, true); }},
      {"cross_entropy",
       {{5, 130}},
       {true},
       [](const In& in) {
         return cross_entropy(in[0],
                              {.first = labels_on(in[0].value().device()), .smoothing = 0.1});
       }},
  };
}

std::vector<OpCheck> map_checks() {
  return {
      {"linear",
       {{67, 48}, {96, 48}, {96}},
       {false, false, true},
       [](const In& in) { return linear(in[0], in[1], in[2]); }},
      {"conv3x3",
       {{2, 15, 14, 8}, {16, 3, 3, 8}, {16}},
       {false, false, true},
       [](const In& in) { return conv3x3(in[0], in[1], in[2]); }},
      {"patch_embed",
       {{2, 29, 28, 3}, {24, 7, 7, 3}, {24}},
       {false, false, true},
       [](const In& in) { return patch_embed(in[0].value(), in[1], in[2]); }},
      {"pad_map", {{2, 5, 6, 16}}, {false}, [](const In& in) { return pad_map(in[0], 9, 7); }},
      {"embed_tokens",
       {{3, 12, 48}, {48}, {13, 48}, {2, 48}},
       {false, true, true, true},
       [](const In& in) { return embed_tokens(in[0], in[1], in[2], in[3], Variable(), Tensor()); }},
      {"interpolate_positions",
       {{26, 24}},
       {true},
       [](const In& in) { return interpolate_positions(in[0], 8, 7, PositionMode::size); }},
  };
}

// --- ops without gradients

Tensor single(const Tensor& x, Device device) { return to_device(cast(x, DType::f32), device); }

std::vector<Tensor> back(const std::vector<Tensor>& results) {
  std::vector<Tensor> all;
  for (const Tensor& x : results) all.push_back(to_device(x, kCpu));
  return all;
}

constexpr int64_t kParameters = 20011;  // more than a chunk, and no multiple of a vector

std::vector<Tensor> run_optimizers(Device device) {
  const Tensor grad = single(random_tensor({kParameters}, 1), device);
  const UpdateRanges ranges({{0, 9001, 0.5, false}, {9001, kParameters}});
  const Tensor squares = sum_of_squares(grad), scale = grad_scale(squares, 1);
  const auto parameters = [&] { return single(random_tensor({kParameters}, 2), device); };
  const auto state = [&] { return zeros({kParameters}, DType::f32, device); };
  Tensor adamw = parameters(), first = state(), second = state(), sgd = parameters();
  Tensor momentum = state(), average = parameters(), no_copy;
  const Tensor adamw_factors =
      to_device(AdamwStep{.lr = 1e-3, .weight_decay = 0.05, .step = 3}.factors(), device);
  const Tensor sgd_factors = to_device(
      SgdStep{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.05, .nesterov = true}.factors(),
      device);
  adamw_(adamw, grad, first, second, no_copy, ranges, adamw_factors, scale);
  sgd_(sgd, grad, momentum, no_copy, ranges, sgd_factors, scale);
  ema_(average, adamw, 0.9, scale);
  return back({squares, scale, adamw, first, second, sgd, momentum, average});
}

std::vector<Tensor> run_images(Device device) {
  Tensor images = empty({3, 10, 12, 3}, DType::u8);
  for (int64_t i = 0; i < images.size(); ++i)
    images.data<uint8_t>()[i] = static_cast<uint8_t>(37 * i + i / 7);
  const Tensor mix = tensor_of<float>({6}, {0.7f, 0.3f, 2, 3, 5, 9});
  const std::vector<float> mean = {0.485f, 0.456f, 0.406f}, std = {0.229f, 0.224f, 0.225f};
  const Tensor x = to_device(images, device);
  return back({normalize_images(x, mean, std, DType::f32),
               normalize_images(x, mean, std, DType::f32, {.mix = to_device(mix, device)})});
}

std::vector<Tensor> run_labels(Device device) {
  const Tensor labels = labels_on(device);
  const Tensor weight = to_device(tensor_of<float>({5}, {0.2f, 0.9f, 0.5f, 0.4f, 0.8f}), device);
  const MixedLabels mixed = mix_labels(labels, weight);
  const Targets targets{.first = labels, .second = mixed.partner, .weight = weight};
  Tensor class_weights = empty({130}, DType::f32);
  for (int64_t k = 0; k < 130; ++k) class_weights.data<float>()[k] = 0.5f + 0.01f * k;
  return back({mixed.partner, mixed.heavier,
               label_rank(single(random_tensor({5, 130}, 3), device), labels),
               weighted_targets(targets, to_device(class_weights, device), labels)});
}

std::vector<Tensor> run_probabilities(Device device) {
  const Tensor tokens = single(random_tensor({2, 20, 96}, 5), device);
  const Tensor map = single(random_tensor({1, 11, 10, 96}, 6), device);
  const Tensor rpb = single(random_tensor({2, 9, 9}, 7), device);
  return back({attention_probabilities(tokens, 2),
               neighborhood_attention_probabilities(map, rpb, {2, 5, 2})});
}

std::vector<Tensor> run_elementwise(Device device) {
  const Tensor x = single(random_tensor({1001}, 4), device);
  Tensor y = add(x, full({1001}, 2, DType::f32, device));
  add_(y, x);
  scale_(y, 0.3);
  return back({y, cast(cast(y, DType::bf16), DType::f32)});
}

}  // namespace

Tensor random_tensor(const Shape& shape, uint64_t seed) {
  Tensor x = empty(shape, DType::f64);
  Random random(seed, Purpose::test);
  for (int64_t i = 0; i < x.size(); ++i) x.data<double>()[i] = random.normal();
  return x;
}

std::vector<OpCheck> differentiable_ops() {
  std::vector<OpCheck> all;
  for (const auto& some : {map_checks(), attention_checks(), row_checks()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

std::vector<PlainCheck> plain_ops() {
  return {{"norm and clip of gradients, adamw, sgd, ema", run_optimizers},
          {"normalize_images, mixed and not", run_images},
          {"mix_labels, class_weights, label_rank", run_labels},
          {"probabilities of attention", run_probabilities},
          {"add, scale, fill, copy", run_elementwise}};
}

}  // namespace vicinity
