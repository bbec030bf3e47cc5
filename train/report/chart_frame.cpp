#include "train/report/chart_frame.h"

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

Html line_between(const char* kind, double x1, double y1, double x2, double y2) {
  return lone_element("line", {{"class", kind},
                               {"x1", number(x1)},
                               {"y1", number(y1)},
                               {"x2", number(x2)},
                               {"y2", number(y2)}});
}

}  // namespace

std::string number(double value) { return format_fixed(value, 1); }

Html Frame::grid() const {
  Html html;
  for (const Tick& tick : y_.ticks()) {
    html += line_between("grid", kLeft, y(tick.value), kWidth - kRight, y(tick.value));
    html += element("text",
                    {{"class", "end"}, {"x", number(kLeft - 6)}, {"y", number(y(tick.value) + 4)}},
                    tick.text);
  }
  for (const Tick& tick : x_.ticks()) {
    html += line_between("axis", x(tick.value), kHeight - kBottom, x(tick.value),
                         kHeight - kBottom + 4);
    html += element("text",
                    {{"class", "mid"}, {"x", number(x(tick.value))}, {"y", number(kHeight - 13)}},
                    tick.text);
  }
  html += line_between("axis", kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom);
  html += element("text",
                  {{"class", "end"}, {"x", number(kWidth - kRight)}, {"y", number(kHeight - 2)}},
                  "epoch");
  return html;
}

std::string Frame::view_box() { return str("0 0 ", kWidth, " ", kHeight); }

Html Frame::clip_path(const std::string& id) {
  return element("clipPath", {{"id", id}},
                 lone_element("rect", {{"x", number(kLeft)},
                                       {"y", number(kTop - 4)},
                                       {"width", number(kWidth - kLeft - kRight + 4)},
                                       {"height", number(kHeight - kTop - kBottom + 8)}}));
}

}  // namespace vicinity
