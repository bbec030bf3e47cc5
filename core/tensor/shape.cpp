#include "core/tensor/shape.h"

#include <algorithm>

#include "core/base/error.h"

namespace vicinity {

Shape::Shape(std::initializer_list<int64_t> dims) : Shape(std::vector<int64_t>(dims)) {}

Shape::Shape(const std::vector<int64_t>& dims) {
  VIC_CHECK(ShapeError, dims.size() <= kMaxRank, "a tensor has at most ", kMaxRank, " axes, got ",
            dims.size());
  for (const int64_t dim : dims) {
    VIC_CHECK(ShapeError, dim >= 0, "an axis cannot have length ", dim);
    dims_[rank_++] = dim;
  }
}

int Shape::checked(int axis) const {
  const int index = axis < 0 ? axis + rank_ : axis;
  VIC_CHECK(ShapeError, index >= 0 && index < rank_, "no axis ", axis, " in shape ", *this);
  return index;
}

int64_t Shape::dim(int axis) const { return dims_[checked(axis)]; }
void Shape::set(int axis, int64_t value) { dims_[checked(axis)] = value; }

int64_t Shape::size() const { return size(0, rank_); }

int64_t Shape::size(int begin, int end) const {
  int64_t product = 1;
  for (int i = begin; i < end; ++i) product *= dims_[i];
  return product;
}

Shape Shape::with_last(int64_t value) const {
  Shape result = *this;
  result.set(-1, value);
  return result;
}

bool operator==(const Shape& a, const Shape& b) {
  return a.rank_ == b.rank_ &&
         std::equal(a.dims_.begin(), a.dims_.begin() + a.rank_, b.dims_.begin());
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '[';
  for (int i = 0; i < shape.rank(); ++i) out << (i > 0 ? ", " : "") << shape.dim(i);
  return out << ']';
}

}  // namespace vicinity
