// Shape of a tensor: up to six axes.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <vector>

namespace vicinity {

class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims);
  explicit Shape(const std::vector<int64_t>& dims);

  int rank() const { return rank_; }
  /// Negative axes count from the end. ShapeError if there is no such axis.
  int64_t dim(int axis) const;
  int64_t operator[](int axis) const { return dim(axis); }
  void set(int axis, int64_t value);
  /// Number of elements; 1 for a shape without axes.
  int64_t size() const;
  /// Product of the axes [begin, end).
  int64_t size(int begin, int end) const;
  /// This shape with the last axis replaced.
  Shape with_last(int64_t value) const;
  std::vector<int64_t> to_vector() const { return {dims_.begin(), dims_.begin() + rank_}; }

  friend bool operator==(const Shape& a, const Shape& b);

 private:
  int checked(int axis) const;

  std::array<int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

/// Prints as [2, 56, 56, 64].
std::ostream& operator<<(std::ostream& out, const Shape& shape);

}  // namespace vicinity
