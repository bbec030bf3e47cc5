#pragma once

#include "models/parameter.h"
#include "models/pass.h"

namespace vicinity {

/// y = x W^T + b. Parameters: weight [out, in], bias [out]. `parts` > 1: one stored matrix that is
/// published as that many (query, key, value).
class Linear {
 public:
  Linear() = default;
  Linear(int64_t in, int64_t out, bool bias, std::vector<std::string> parts = {""});

  /// For inputs that are wider than activations, such as pooled means: not an operand in bf16.
  Linear& on_means();

  Variable operator()(const Variable& x, const Pass& pass) const;
  void parameters(ParameterVisitor& v);

 private:
  std::vector<std::string> parts_;
  Parameter weight_, bias_;
  bool has_bias_ = false;
};

}  // namespace vicinity
