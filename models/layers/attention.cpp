#include "models/layers/attention.h"

#include "autograd/ops/attention.h"
#include "autograd/ops/residual.h"
#include "core/ops/attention.h"
#include "core/ops/elementwise.h"
#include "core/ops/transfer.h"

namespace vicinity {
namespace {

// probabilities: [B, A, N, N], times factors[A].
Tensor head_scaled(const Tensor& probabilities, const std::vector<double>& factors) {
  Tensor scaled = empty_like(probabilities);
  copy_(scaled, probabilities);
  const int64_t tokens = scaled.dim(2), rows = scaled.dim(0) * scaled.dim(1);
  const Tensor heads = scaled.reshape({rows, tokens, tokens});
  for (int64_t row = 0; row < rows; ++row) {
    Tensor head = heads.slice(row, row + 1);
    scale_(head, factors[static_cast<size_t>(row) % factors.size()]);
  }
  return scaled;
}

// Scaled probabilities give scaled sums of values: x [B, N, C] times the factor of its head, by the
// layer scale of a residual sum with nothing.
Variable scaled_heads(const Variable& x, const std::vector<double>& factors) {
  std::vector<double> gamma;
  for (const double factor : factors)
    gamma.insert(gamma.end(), static_cast<size_t>(x.dim(2)) / factors.size(), factor);
  const Tensor by_channel = to_device(
      cast(tensor_of<double>({x.dim(2)}, gamma), accumulator_of(x.dtype())), x.value().device());
  return residual(zeros(x.shape(), x.dtype(), x.value().device()), x, by_channel, {}, {}, {}, 1)
      .sum;
}

}  // namespace

Attention::Attention(int64_t channels, int64_t heads, bool qkv_bias)
    : heads_(heads),
      qkv_(channels, 3 * channels, qkv_bias, {"query", "key", "value"}),
      proj_(channels, channels, true) {}

Variable Attention::operator()(const Variable& x, const Pass& pass, int64_t layer) const {
  const Variable qkv = qkv_(x, pass);
  const std::vector<double> factors = head_factors(pass, layer);
  if (pass.wants(&OutputRequest::attentions)) {
    OutputSink::Finish scale;
    if (!factors.empty()) scale = [factors](const Tensor& p) { return head_scaled(p, factors); };
    pass.outputs->keep(&Outputs::attentions, attention_probabilities(qkv.value(), heads_), scale);
  }
  const Variable attended = attention(qkv, heads_);
  return proj_(factors.empty() ? attended : scaled_heads(attended, factors), pass);
}

std::vector<double> Attention::head_factors(const Pass& pass, int64_t layer) const {
  if (!pass.head_mask.defined()) return {};
  const std::vector<double> all = values_of<double>(cast(pass.head_mask, DType::f64));
  const auto first = all.begin() + (pass.head_mask.rank() == 2 ? layer * heads_ : 0);
  return {first, first + heads_};
}

void Attention::parameters(ParameterVisitor& v) {
  v("attention", qkv_);
  v("output.dense", proj_);
}

}  // namespace vicinity
