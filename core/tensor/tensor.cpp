#include "core/tensor/tensor.h"

namespace vicinity {

Tensor::Tensor(const Shape& shape, DType dtype, Device device)
    : storage_(
          std::make_shared<Storage>(device, static_cast<size_t>(shape.size()) * size_of(dtype))),
      shape_(shape),
      dtype_(dtype) {}

Tensor Tensor::reshape(std::initializer_list<int64_t> dims) const {
  std::vector<int64_t> wanted(dims);
  int64_t known = 1;
  int64_t* open = nullptr;
  for (int64_t& dim : wanted) {
    if (dim == -1) {
      VIC_CHECK(ShapeError, open == nullptr, "reshape: only one axis may be -1");
      open = &dim;
    } else {
      known *= dim;
    }
  }
  if (open != nullptr) *open = known == 0 ? 0 : size() / known;
  return reshape(Shape(wanted));
}

Tensor Tensor::reshape(const Shape& shape) const {
  VIC_CHECK(ShapeError, shape.size() == size(), "reshape: ", shape_, " has ", size(), " elements, ",
            shape, " has ", shape.size());
  Tensor result = *this;
  result.shape_ = shape;
  return result;
}

Tensor Tensor::slice(int64_t begin, int64_t end) const {
  VIC_CHECK(ShapeError, rank() > 0 && 0 <= begin && begin <= end && end <= dim(0), "slice: rows ",
            begin, " to ", end, " of ", shape_);
  Tensor result = *this;
  const auto row = static_cast<size_t>(shape_.size(1, rank())) * size_of(dtype_);
  result.offset_ += static_cast<size_t>(begin) * row;
  result.shape_.set(0, end - begin);
  return result;
}

Tensor Tensor::part(size_t byte, const Shape& shape, DType dtype) const {
  Tensor result = *this;
  result.offset_ += byte;
  result.shape_ = shape;
  result.dtype_ = dtype;
  VIC_CHECK(ShapeError, byte % size_of(dtype) == 0 && byte + result.bytes() <= bytes(),
            "part: ", shape, " ", dtype, " at byte ", byte, " of ", bytes());
  return result;
}

}  // namespace vicinity
