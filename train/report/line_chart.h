// Curves over epochs as inline SVG.
#pragma once

#include <string>
#include <vector>

#include "train/report/html.h"

namespace vicinity {

struct Point {
  double x = 0, y = 0;
};

/// What one point of a drawn line stands for: the mean of neighbours, and how far they reach.
struct ThinPoint {
  double x = 0, y = 0, low = 0, high = 0;
};
/// One point, with the mean, for each part (i width, (i + 1) width] of the range of x; width 0: all
/// points. What is not finite is left out.
std::vector<ThinPoint> thin(const std::vector<Point>& points, double width);

struct Line {
  enum class Style { steps, evaluations, expected };
  std::string name;  // in the legend
  int colour = 0;
  Style style = Style::steps;
  std::vector<Point> points;
};

struct LineChart {
  std::string id;           // of the page
  std::string title, unit;  // "Loss", "%"
  std::vector<Line> lines;
  bool zero_based = false;
  /// Logarithmic where values above zero spread over a factor of more than 100.
  bool may_be_logarithmic = false;
};

/// A figure: title, legend, drawing with title and description, and the same numbers as a table.
/// Values that are not finite are crosses at the upper edge. Without any point it says so.
Html line_chart(const LineChart& chart);

}  // namespace vicinity
