// What a recipe promises.
#pragma once

#include <string>
#include <vector>

#include "core/config/fields.h"

namespace vicinity {

/// recipe.*: nothing of it changes a run; `vicinity report` draws it beside what happened.
struct RecipeSection {
  std::string name;
  double top1 = 0;
  std::string source;
  std::vector<double> curve_epochs, curve_top1;

  template <class V>
  void fields(V& v) {
    v("name", name, "the recipe that is followed; empty: none");
    v("top1", top1, "its validation top-1 at the end, percent; 0: unknown", between(0, 100));
    v("source", source, "where that result stands, and whether it was reached here");
    v("curve_epochs", curve_epochs, "epochs of its expected curve", at_least(0));
    v("curve_top1", curve_top1, "validation top-1 at each of these epochs, percent",
      between(0, 100));
  }
  void check(Problems& problems) const {
    if (curve_epochs.size() != curve_top1.size())
      problems.add("curve_top1", "must have one number for each of recipe.curve_epochs");
  }
};

}  // namespace vicinity
