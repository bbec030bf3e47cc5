#include "train/report/line_chart.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/text.h"
#include "train/report/chart_frame.h"

namespace vicinity {
namespace {

constexpr size_t kMostPoints = 120, kTableRows = 20;

struct Drawn {
  const Line* line;
  std::vector<ThinPoint> points;
};

// Every mean, and the shades around nine of ten: single spikes are cut at the edge.
void add_reach(const std::vector<ThinPoint>& points, Range& y) {
  std::vector<double> highs, lows;
  for (const ThinPoint& point : points) {
    y.add(point.y);
    highs.push_back(point.high);
    lows.push_back(-point.low);
  }
  if (points.empty()) return;
  const auto tenth = static_cast<std::ptrdiff_t>(points.size() * 9 / 10);
  for (auto* ends : {&highs, &lows})
    std::nth_element(ends->begin(), ends->begin() + tenth, ends->end());
  y.add(highs[static_cast<size_t>(tenth)]);
  y.add(-lows[static_cast<size_t>(tenth)]);
}

Frame frame_of(const LineChart& chart, const std::vector<Drawn>& drawn) {
  Range x, y;
  for (const Drawn& d : drawn) {
    add_reach(d.points, y);
    for (const Point& point : d.line->points) x.add(point.x);
  }
  x.low = std::min(x.low, 0.0);
  if (chart.zero_based) y.low = std::min(y.low, 0.0);
  const bool logarithmic = chart.may_be_logarithmic && y.low > 0 && y.high / y.low > 100;
  return {Axis(x.low, x.high, 6, false, true), Axis(y.low, y.high, 5, logarithmic)};
}

const char* class_of(Line::Style style) {
  switch (style) {
    case Line::Style::steps:
      return "steps";
    case Line::Style::evaluations:
      return "evals";
    default:
      return "expected";
  }
}

std::string colour_class(const Line& line, const char* more) {
  return str("c", line.colour % 8, " ", more);
}

// From the least to the greatest of the steps that a point stands for.
Html band(const Drawn& d, const Frame& frame) {
  std::string path;
  for (const ThinPoint& p : d.points)
    path += (path.empty() ? "M" : "L") + number(frame.x(p.x)) + " " + number(frame.y(p.high));
  for (auto p = d.points.rbegin(); p != d.points.rend(); ++p)
    path += "L" + number(frame.x(p->x)) + " " + number(frame.y(p->low));
  return lone_element("path", {{"class", colour_class(*d.line, "band")}, {"d", path + "Z"}});
}

Html curve(const Drawn& d, const Frame& frame) {
  std::string path, values, epochs;
  Html dots;
  for (const ThinPoint& p : d.points) {
    const std::string x = number(frame.x(p.x)), y = number(frame.y(p.y));
    path += (path.empty() ? "M" : "L") + x + " " + y;
    values += (values.empty() ? "" : " ") + short_number(p.y);
    epochs += (epochs.empty() ? "" : " ") + short_number(p.x);
    if (d.line->style == Line::Style::evaluations && d.points.size() <= 60) {
      dots += lone_element(
          "circle", {{"class", colour_class(*d.line, "dot")}, {"cx", x}, {"cy", y}, {"r", "2.4"}});
    }
  }
  return lone_element("path", {{"class", colour_class(*d.line, class_of(d.line->style))},
                               {"data-name", d.line->name},
                               {"data-x", epochs},
                               {"data-y", values},
                               {"d", path}}) +
         dots;
}

Html crosses(const Line& line, const Frame& frame) {
  std::string path;
  for (const Point& p : line.points) {
    if (std::isfinite(p.y)) continue;
    const std::string x = number(frame.x(p.x) - 3);
    path += "M" + x + " " + number(Frame::kTop) + "l6 6m0 -6l-6 6";
  }
  if (path.empty()) return {};
  return lone_element("path", {{"class", "bad"}, {"d", path}});
}

Html drawing(const LineChart& chart, const std::vector<Drawn>& drawn, const Frame& frame) {
  std::string told = "Curves over epochs.";
  Html curves;
  for (const Drawn& d : drawn) {
    if (d.points.empty()) continue;
    told += str(" ", d.line->name, ": from ", short_number(d.points.front().y), " to ",
                short_number(d.points.back().y), " ", chart.unit, ".");
    if (d.line->style == Line::Style::steps && d.points.size() > 2) curves += band(d, frame);
  }
  for (const Drawn& d : drawn) {
    if (!d.points.empty()) curves += curve(d, frame);
    curves += crosses(*d.line, frame);
  }
  const std::string title = chart.id + "-t", description = chart.id + "-d", clip = chart.id + "-c";
  return element("svg",
                 {{"viewBox", Frame::view_box()},
                  {"role", "img"},
                  {"aria-labelledby", title + " " + description},
                  {"class", "chart"},
                  {"data-unit", chart.unit}},
                 element("title", {{"id", title}}, chart.title) +
                     element("desc", {{"id", description}}, told) + Frame::clip_path(clip) +
                     frame.grid() + element("g", {{"clip-path", "url(#" + clip + ")"}}, curves));
}

Html legend(const LineChart& chart) {
  if (chart.lines.size() == 1) return {};  // the title says it
  Html items;
  for (const Line& line : chart.lines) {
    if (line.points.empty()) continue;
    const Html sample = element(
        "svg", {{"viewBox", "0 0 24 10"}, {"class", "key"}, {"aria-hidden", "true"}},
        lone_element("path",
                     {{"class", colour_class(line, class_of(line.style))}, {"d", "M1 5H23"}}));
    items += element("li", sample + line.name);
  }
  return element("ul", {{"class", "legend"}}, items);
}

// The line's value at about this epoch, "" where there is none.
std::string value_near(const std::vector<ThinPoint>& points, double x, double reach) {
  const ThinPoint* best = nullptr;
  for (const ThinPoint& point : points) {
    if (std::abs(point.x - x) > reach) continue;
    if (best == nullptr || std::abs(point.x - x) < std::abs(best->x - x)) best = &point;
  }
  return best == nullptr ? "" : short_number(best->y);
}

Html numbers(const LineChart& chart, const std::vector<Drawn>& drawn) {
  Range x;
  for (const Drawn& d : drawn) {
    for (const ThinPoint& p : d.points) x.add(p.x);
  }
  std::vector<std::string> columns = {"#epoch"};
  for (const Drawn& d : drawn) columns.push_back("#" + d.line->name);
  std::vector<std::vector<Html>> rows;
  const double width = (x.high - x.low) / static_cast<double>(kTableRows - 1);
  for (size_t i = 0; i < (width > 0 ? kTableRows : 1); ++i) {
    const double at = x.low + static_cast<double>(i) * width;
    std::vector<Html> row = {short_number(at)};
    bool any = false;
    for (const Drawn& d : drawn) {
      row.emplace_back(value_near(d.points, at, width / 2 + 1e-12));
      any = any || !row.back().empty();
    }
    if (any) rows.push_back(std::move(row));
  }
  return details("Numbers",
                 table(chart.title + (chart.unit.empty() ? "" : ", " + chart.unit), columns, rows));
}

}  // namespace

std::vector<ThinPoint> thin(const std::vector<Point>& points, double width) {
  std::vector<ThinPoint> result;
  double part = 0;
  size_t count = 0;
  for (const Point& p : points) {
    if (!std::isfinite(p.y)) continue;
    const double here =
        width > 0 ? std::ceil(p.x / width - 1e-9) : static_cast<double>(result.size());
    if (result.empty() || here != part) {
      part = here;
      count = 0;
      result.push_back({0, 0, p.y, p.y});
    }
    ThinPoint& mean = result.back();
    ++count;
    mean.x += (p.x - mean.x) / static_cast<double>(count);
    mean.y += (p.y - mean.y) / static_cast<double>(count);
    mean.low = std::min(mean.low, p.y);
    mean.high = std::max(mean.high, p.y);
  }
  return result;
}

Html line_chart(const LineChart& chart) {
  Range x;
  for (const Line& line : chart.lines) {
    for (const Point& point : line.points) x.add(point.x);
  }
  std::vector<Drawn> drawn;
  bool any = false;
  for (const Line& line : chart.lines) {
    if (line.points.empty()) continue;
    const bool many = line.points.size() > kMostPoints;
    drawn.push_back({&line, thin(line.points, many ? (x.high - x.low) / kMostPoints : 0)});
    any = any || !drawn.back().points.empty();
  }
  const std::string unit = chart.unit.empty() ? "" : " (" + chart.unit + ")";
  const Html heading = element("h3", chart.title + unit);
  if (!any)
    return element("figure", heading + element("p", {{"class", "none"}}, "Nothing was recorded."));
  const Frame frame = frame_of(chart, drawn);
  return element("figure",
                 heading + legend(chart) + drawing(chart, drawn, frame) + numbers(chart, drawn));
}

}  // namespace vicinity
