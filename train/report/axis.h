// A range of values along one side of a chart.
#pragma once

#include <string>
#include <vector>

namespace vicinity {

struct Tick {
  double value = 0;
  std::string text;
};

class Axis {
 public:
  /// Around [low, high], rounded outwards to its ticks unless `tight`. `logarithmic` needs low > 0.
  Axis(double low, double high, int ticks, bool logarithmic = false, bool tight = false);

  /// 0 at the low end, 1 at the high end; beyond them outside of that.
  double at(double value) const;
  const std::vector<Tick>& ticks() const { return ticks_; }

 private:
  void place_linear(int ticks, bool tight);
  void place_logarithmic();

  double low_, high_;
  bool logarithmic_;
  std::vector<Tick> ticks_;
};

}  // namespace vicinity
