// A trainable tensor: stored as the kernels like it, published under the names and shapes of
// Hugging Face.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace vicinity {

/// How a parameter starts. `scale`: standard deviation, bound or the constant.
struct Init {
  enum class Kind { constant, normal, uniform } kind = Kind::constant;
  double scale = 0;

  static Init constant(double value) { return {Kind::constant, value}; }
  /// Published as truncated at an absolute +-2: at 0.02 that is 100 deviations, where no draw lies.
  static Init normal(double deviation) { return {Kind::normal, deviation}; }
  /// U(-bound, bound).
  static Init uniform(double bound) { return {Kind::uniform, bound}; }
};

/// The initialisations that a run can choose from (model.init).
struct Inits {
  Init original;
  Init hf;
  std::optional<Init> fan_in;  // absent: as the original
};

class Parameter {
 public:
  Parameter() = default;
  Parameter(const Shape& shape, const Inits& inits)
      : shape_(shape), published_(shape), inits_(inits) {}

  /// Published under another shape of the same elements in the same order (cls_token [D] as [1, 1,
  /// D]).
  Parameter& published_as(const Shape& shape);
  /// Stored [out, kh, kw, in], published [out, in, kh, kw].
  Parameter& stored_channels_last();
  /// Ops use each row of the first axis by itself, so each has its own gradient.
  Parameter& used_by_rows();
  /// A matrix operand, which passes read through use() alone, in the activations' dtype.
  Parameter& used_in_products(bool yes = true);

  const Shape& shape() const { return shape_; }
  const Shape& published_shape() const { return published_; }
  bool channels_last() const { return channels_last_; }
  bool is_operand() const { return operand_; }
  const Inits& inits() const { return inits_; }

  /// As an operand of a matrix product in the activations' dtype: the bf16 copy or the master.
  Variable use(DType act) const;
  /// The master: norm weights, biases, tables.
  Variable master() const;
  /// One row of it, without the first axis.
  Variable master_row(int64_t row) const;

  /// Given by ParameterStore: slices of its flat tensors. Without a gradient, constants.
  void bind(Tensor value, Tensor copy, const Tensor& grad);
  /// From now on a constant: ops that need no other gradient are not recorded.
  void freeze();
  /// None if it is frozen.
  std::vector<Leaf>& leaves() { return leaves_; }

 private:
  Variable leaf(size_t row, Tensor value) const {
    return leaves_.empty() ? Variable(std::move(value)) : leaves_.at(row).use(std::move(value));
  }

  Shape shape_, published_;
  bool channels_last_ = false, by_rows_ = false, operand_ = false, frozen_ = false;
  Inits inits_;
  Tensor value_, copy_;
  std::vector<Leaf> leaves_;  // one, or one for each row; none where nothing is trained
};

/// Walks over the parameters of a model. Names join with dots; "a.weight|b.weight" publishes equal
/// first-axis slices.
class ParameterVisitor {
 public:
  virtual ~ParameterVisitor() = default;

  void operator()(const std::string& names, Parameter& parameter);
  template <class M>
  requires requires(M& module, ParameterVisitor& v) { module.parameters(v); }
  void operator()(const std::string& name, M& module) {
    const std::string outer = prefix_;
    prefix_ += name.empty() ? "" : name + ".";
    module.parameters(*this);
    prefix_ = outer;
  }

 protected:
  virtual void visit(const std::vector<std::string>& names, Parameter& parameter) = 0;

 private:
  std::string prefix_;
};

}  // namespace vicinity
