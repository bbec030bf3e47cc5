// Names of parameters in the formats that others publish, translated to and from Hugging Face's.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace vicinity {

/// Who named the tensors of a file.
enum class NameFormat { hf, original, timm };
/// "Hugging Face", "original", "timm".
const char* name_of(NameFormat format);
/// hf, original, timm. UsageError lists them.
NameFormat parse_name_format(const std::string& name);

/// How one tensor, or a few that belong together, is called here and there. Names have parts
/// between dots: `#` is a number, `*` is weight or bias, `a|b` either of them, in this order.
/// Alternatives in `published`: the other format holds one tensor, whose equal parts along the
/// first axis they are. Alternatives in `other`: the rows of the one published tensor.
struct NameRule {
  const char* published;  // without the prefix of the base model
  const char* other;
};

/// The table of a family ("dinat", "dinov2"). Empty for hf, whose names are the published ones.
/// `swiglu`: the feed-forward network, which timm names alike for both kinds.
std::vector<NameRule> name_rules(const std::string& family, NameFormat format, bool swiglu);
std::vector<NameRule> dinat_original_rules();   // names_dinat.cpp
std::vector<NameRule> dinov2_original_rules();  // names_dinov2.cpp
std::vector<NameRule> dinov2_timm_rules(bool swiglu);

/// Where a published tensor lies in another format: in one tensor, in one of the equal first-axis
/// parts of a tensor, or row by row in several.
struct Place {
  std::vector<std::string> names;
  int64_t part = 0;
  int64_t parts = 1;
};
/// Absent where the format has no such tensor.
std::optional<Place> place_of(const std::vector<NameRule>& rules, const std::string& published);
/// The published tensors that a tensor of the other format takes part in; empty if it has no rule.
std::vector<std::string> published_of(const std::vector<NameRule>& rules, const std::string& other);

/// "dinat.encoder..." -> "encoder...": the name in a file of the bare model.
std::string bare_name(const std::string& name);

}  // namespace vicinity
