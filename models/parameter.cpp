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

Variable Parameter::use(DType act) const {
  if (act != DType::bf16) return master();
  VIC_ASSERT(copy_.defined(), "bf16 copies were not enabled");
  return leaf_.use(copy_);
}

void Parameter::bind(Tensor value, Tensor copy, Leaf leaf) {
  value_ = std::move(value);
  copy_ = std::move(copy);
  leaf_ = std::move(leaf);
}

void ParameterVisitor::operator()(const std::string& names, Parameter& parameter) {
  std::vector<std::string> full;
  for (const std::string& name : split(names, '|')) full.push_back(prefix_ + name);
  visit(full, parameter);
}

}  // namespace vicinity
