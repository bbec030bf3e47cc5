// The frame of a chart over epochs: where values lie in the drawing, its grid and its axes.
#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "train/report/axis.h"
#include "train/report/html.h"

namespace vicinity {

/// The least and the greatest of what was added.
struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool any() const { return low <= high; }
};

/// A place or a length in the drawing.
std::string number(double value);

class Frame {
 public:
  // In units of the drawing, which is as wide as a phone shows.
  static constexpr double kWidth = 400, kHeight = 230, kLeft = 52, kRight = 8, kTop = 10,
                          kBottom = 30;

  Frame(Axis x, Axis y) : x_(std::move(x)), y_(std::move(y)) {}
  double x(double value) const { return kLeft + x_.at(value) * (kWidth - kLeft - kRight); }
  double y(double value) const {
    return kHeight - kBottom - y_.at(value) * (kHeight - kTop - kBottom);
  }
  Html grid() const;

  static std::string view_box();
  /// Where curves may be drawn.
  static Html clip_path(const std::string& id);

 private:
  Axis x_, y_;
};

}  // namespace vicinity
