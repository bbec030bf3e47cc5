// Tensor: contiguous, row-major, reference-counted. Views (reshape, slice of the first axis) share
// storage. Knows nothing of gradients (autograd/variable.h does).
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "core/tensor/allocator.h"
#include "core/tensor/device.h"
#include "core/tensor/dtype.h"
#include "core/tensor/shape.h"

namespace vicinity {

/// Owns bytes on a device.
class Storage {
 public:
  Storage(Device device, size_t bytes)
      : device_(device), bytes_(bytes), data_(allocator_of(device).allocate(bytes)) {}
  ~Storage() { allocator_of(device_).release(data_, bytes_); }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Device device() const { return device_; }
  char* data() const { return static_cast<char*>(data_); }

 private:
  Device device_;
  size_t bytes_;
  void* data_;
};

class Tensor {
 public:
  /// An absent tensor: defined() is false. Optional arguments (no bias, no gradient wanted) are
  /// absent tensors.
  Tensor() = default;
  Tensor(const Shape& shape, DType dtype, Device device);

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  int64_t dim(int axis) const { return shape_.dim(axis); }
  int64_t size() const { return shape_.size(); }
  size_t bytes() const { return static_cast<size_t>(size()) * size_of(dtype_); }
  DType dtype() const { return dtype_; }
  Device device() const { return storage_->device(); }
  /// Product of all axes but the last: the rows that a row-wise op walks over.
  int64_t rows() const { return shape_.size(0, rank() - 1); }

  /// Typed pointer to the first element; InternalError if T is not the dtype.
  template <class T>
  T* data() {
    check_type(dtype_of<T>);
    return reinterpret_cast<T*>(raw());
  }
  template <class T>
  const T* data() const {
    check_type(dtype_of<T>);
    return reinterpret_cast<const T*>(raw());
  }
  char* raw() const { return storage_->data() == nullptr ? nullptr : storage_->data() + offset_; }

  /// The same elements under another shape; one axis may be -1. ShapeError if the sizes differ.
  Tensor reshape(std::initializer_list<int64_t> dims) const;
  Tensor reshape(const Shape& shape) const;
  /// Rows [begin, end) of the first axis, sharing storage.
  Tensor slice(int64_t begin, int64_t end) const;
  /// `shape` elements of `dtype` from this byte on, sharing storage: for small tensors that travel
  /// as one. ShapeError if they reach past the end.
  Tensor part(size_t byte, const Shape& shape, DType dtype) const;
  /// Whether both begin at the same byte of the same storage.
  bool begins_with(const Tensor& other) const {
    return storage_ == other.storage_ && offset_ == other.offset_;
  }
  /// True if no other Tensor shares the storage, so that writing in place disturbs nobody.
  bool unique() const { return storage_.use_count() == 1; }

 private:
  void check_type(DType wanted) const {
    VIC_ASSERT(wanted == dtype_, "tensor holds ", dtype_, ", asked for ", wanted);
  }

  std::shared_ptr<Storage> storage_;
  size_t offset_ = 0;  // bytes
  Shape shape_;
  DType dtype_ = DType::f32;
};

/// Contents undefined.
inline Tensor empty(const Shape& shape, DType dtype, Device device = kCpu) {
  return {shape, dtype, device};
}
inline Tensor empty_like(const Tensor& x) { return {x.shape(), x.dtype(), x.device()}; }
inline Tensor empty_like(const Tensor& x, DType dtype) { return {x.shape(), dtype, x.device()}; }

/// For results that the caller may place: `into`, whose contents do not matter, or a new tensor
/// where that is absent. ShapeError if it has another shape or dtype.
inline Tensor empty_or(const Tensor& into, const Shape& shape, DType dtype, Device device) {
  if (!into.defined()) return empty(shape, dtype, device);
  VIC_CHECK(ShapeError, into.shape() == shape && into.dtype() == dtype, "result of ", shape, " ",
            dtype, " does not fit into ", into.shape(), " ", into.dtype());
  return into;
}

/// A CPU tensor with these values.
template <class T>
Tensor tensor_of(const Shape& shape, const std::vector<T>& values) {
  VIC_CHECK(ShapeError, shape.size() == static_cast<int64_t>(values.size()), "shape ", shape,
            " needs ", shape.size(), " values, got ", values.size());
  Tensor result(shape, dtype_of<T>, kCpu);
  std::copy(values.begin(), values.end(), result.data<T>());
  return result;
}

/// The elements of a CPU tensor.
template <class T>
std::vector<T> values_of(const Tensor& x) {
  return {x.data<T>(), x.data<T>() + x.size()};
}

}  // namespace vicinity
