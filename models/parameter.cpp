#include "models/parameter.h"

#include "core/base/text.h"

namespace vicinity {

Parameter& Parameter::published_as(const Shape& shape) {
  VIC_ASSERT(shape.size() == shape_.size(), shape, " for ", shape_);
  published_ = shape;
  return *this;
}

Parameter& Parameter::stored_channels_last() {
  channels_last_ = true;
  published_ = {shape_[0], shape_[3], shape_[1], shape_[2]};
  return *this;
}

Parameter& Parameter::used_by_rows() {
  by_rows_ = true;
  return *this;
}

Parameter& Parameter::used_in_products(bool yes) {
  operand_ = yes;
  return *this;
}

Variable Parameter::use(DType act) const {
  if (act != DType::bf16) return master();
  VIC_ASSERT(operand_, "a parameter of ", shape_, " is not an operand in bf16");
  VIC_ASSERT(copy_.defined(), "bf16 copies were not enabled");
  return leaf(0, copy_);
}

Variable Parameter::master() const {
  VIC_ASSERT(value_.defined(), "weights of products are kept in bf16 alone, for passes in bf16");
  return leaf(0, value_);
}

Variable Parameter::master_row(int64_t row) const {
  VIC_ASSERT(by_rows_, "rows of ", shape_);
  return leaf(static_cast<size_t>(row), value_.slice(row, row + 1).reshape({-1}));
}

void Parameter::bind(Tensor value, Tensor copy, const Tensor& grad) {
  value_ = std::move(value);
  copy_ = std::move(copy);
  leaves_.clear();
  if (frozen_ || !grad.defined()) return;
  if (!by_rows_) leaves_.emplace_back(grad);
  for (int64_t row = 0; by_rows_ && row < shape_[0]; ++row)
    leaves_.emplace_back(grad.slice(row, row + 1).reshape({-1}));
}

void Parameter::freeze() {
  frozen_ = true;
  leaves_.clear();
}

void ParameterVisitor::operator()(const std::string& names, Parameter& parameter) {
  std::vector<std::string> full;
  for (const std::string& name : split(names, '|')) full.push_back(prefix_ + name);
  visit(full, parameter);
}

}  // namespace vicinity
