#include "core/base/text.h"
#include "models/weights/load.h"

namespace vicinity {
namespace {

constexpr size_t kFew = 8, kFirst = 4;

std::string listed(const std::vector<std::string>& names) {
  if (names.empty()) return "";
  if (names.size() <= kFew) return "  (" + join(names, ", ") + ")";
  const std::vector<std::string> first(names.begin(), names.begin() + kFirst);
  return str("  (", join(first, ", "), " and ", names.size() - kFirst, " more)");
}

std::string row(const char* what, const std::vector<std::string>& names) {
  return str("\n  ", what, names.size(), listed(names));
}

}  // namespace

std::string LoadReport::text() const {
  std::string text =
      str("weights: ", file, "; ", format_fixed(100 * matched, 1), " % of the backbone matched",
          row("loaded   ", loaded), "\n  resized  ", resized.size());
  for (size_t i = 0; i < resized.size() && i < kFew; ++i) {
    const Resized& r = resized[i];
    text += str("\n    ", r.name, " ", r.from, " -> ", r.to, ", ", r.method);
  }
  if (resized.size() > kFew) text += str("\n    and ", resized.size() - kFew, " more");
  text += row("new      ", fresh) + row("unused   ", unused);
  for (const std::string& remark : remarks) text += "\n  " + remark;
  return text;
}

}  // namespace vicinity
