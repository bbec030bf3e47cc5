#include "models/weights/state_dict.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "models/weights/torch_names.h"

namespace vicinity {
namespace {

using Kind = PickleValue::Kind;
using Pairs = std::vector<std::pair<uint32_t, uint32_t>>;

constexpr int kMostWrappers = 8, kDeepest = 32;
constexpr size_t kLongestName = 512;
constexpr const char* kWrappers[] = {"state_dict", "model_state_dict", "model", "teacher",
                                     "student"};

class Search {
 public:
  Search(const Pickle& pickle, const std::string& path, bool use_ema)
      : pickle_(pickle), path_(path), use_ema_(use_ema) {}

  StateDict run() {
    find_holding();
    VIC_CHECK(DataError, is_mapping(pickle_.root), "'", path_,
              "' holds no dictionary of weights; write one with torch.save(model.state_dict(), "
              "path)");
    uint32_t weights = pickle_.root;
    for (int i = 0; i < kMostWrappers; ++i) {
      const std::optional<uint32_t> inner = wrapped(weights);
      if (!inner) break;
      for (const auto& [key, value] : pairs_of(weights))
        if (value != *inner) note(name_of(key), value);
      weights = *inner;
    }
    VIC_CHECK(DataError, !use_ema_ || averaged_, "'", path_, "' holds no averaged weights (",
              kAverages[0], ", ", kAverages[1], "): leave model.use_ema out to take those it has");
    flatten(weights, "", 0);
    VIC_CHECK(DataError, !found_.tensors.empty(), "'", path_, "' holds no tensors");
    check_unique();
    return std::move(found_);
  }

 private:
  const PickleValue& at(uint32_t value) const { return pickle_.at(value); }

  std::string_view maker(uint32_t value) const {
    return at(value).kind == Kind::object ? at(at(value).made_by).text : std::string_view();
  }
  bool is_mapping(uint32_t value) const {
    return at(value).kind == Kind::dict || maker(value) == "collections.OrderedDict" ||
           maker(value) == "collections.defaultdict";
  }
  bool is_tensor(uint32_t value) const { return makes_tensor(maker(value)); }

  Pairs pairs_of(uint32_t mapping) const {
    const std::vector<uint32_t>& items = at(mapping).items;
    Pairs pairs;
    for (size_t i = 0; i + 1 < items.size(); i += 2) pairs.emplace_back(items[i], items[i + 1]);
    return pairs;
  }

  std::optional<uint32_t> wrapped(uint32_t mapping) {
    const Pairs pairs = pairs_of(mapping);
    for (const char* average : kAverages) {
      const std::optional<uint32_t> found = use_ema_ ? under(average, pairs) : std::nullopt;
      if (!found) continue;
      averaged_ = true;
      return found;
    }
    for (const char* wrapper : kWrappers) {
      if (const std::optional<uint32_t> found = under(wrapper, pairs)) return found;
    }
    return std::nullopt;
  }

  // The dictionary with tensors that is kept under this name.
  std::optional<uint32_t> under(std::string_view wanted, const Pairs& pairs) const {
    for (const auto& [key, value] : pairs) {
      if (at(key).kind == Kind::text && at(key).text == wanted && is_mapping(value) &&
          holds_tensors(value))
        return value;
    }
    return std::nullopt;
  }

  bool holds_tensors(uint32_t value) const { return holding_.contains(value); }

  // From the dictionaries that hold tensors themselves outwards: once through the pickle, however
  // its dictionaries share each other.
  void find_holding() {
    std::unordered_map<uint32_t, std::vector<uint32_t>> outer;
    std::vector<uint32_t> todo;
    for (uint32_t mapping = 0; mapping < pickle_.values.size(); ++mapping) {
      if (!is_mapping(mapping)) continue;
      for (const auto& [key, value] : pairs_of(mapping)) {
        if (is_tensor(value)) todo.push_back(mapping);
        if (is_mapping(value)) outer[value].push_back(mapping);
      }
    }
    while (!todo.empty()) {
      const uint32_t next = todo.back();
      todo.pop_back();
      if (holding_.insert(next).second)
        todo.insert(todo.end(), outer[next].begin(), outer[next].end());
    }
  }

  std::string name_of(uint32_t key) const {
    if (at(key).kind == Kind::text) return std::string(at(key).text.substr(0, kLongestName + 1));
    return at(key).kind == Kind::integer ? std::to_string(at(key).integer) : "?";
  }

  // Each dictionary once: shared between places they could make a small file into endless names.
  void flatten(uint32_t mapping, const std::string& prefix, int depth) {
    VIC_CHECK(DataError, depth <= kDeepest, "'", path_, "': dictionaries nest more than ", kDeepest,
              " deep at '", printable(prefix), "'");
    VIC_CHECK(DataError, flattened_.insert(mapping).second, "'", path_, "': the dictionary '",
              printable(prefix), "' is in another place as well");
    for (const auto& [key, value] : pairs_of(mapping)) {
      const std::string name = prefix + name_of(key);
      if (is_tensor(value)) {
        VIC_CHECK(
            DataError,
            name.size() <= kLongestName &&
                std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; }),
            "'", path_, "': a tensor has the name '", printable(name), "' of ", name.size(),
            " bytes; names are printable ASCII of at most ", kLongestName);
        found_.tensors.emplace_back(name, value);
      } else if (is_mapping(value) && holds_tensors(value)) {
        flatten(value, name + ".", depth + 1);
      } else {
        note(name, value);
      }
    }
  }

  void note(const std::string& name, uint32_t value) {
    const PickleValue& v = at(value);
    const std::string shown = printable(name);
    if (v.kind == Kind::text) {
      found_.metadata[shown] = printable(v.text);
    } else if (v.kind == Kind::integer && v.text.empty()) {
      found_.metadata[shown] = std::to_string(v.integer);
    } else if (v.kind == Kind::boolean) {
      found_.metadata[shown] = v.integer != 0 ? "true" : "false";
    } else if (v.kind == Kind::real) {
      found_.metadata[shown] = format_number(v.real);
    } else {
      found_.ignored.push_back(shown);
    }
  }

  void check_unique() const {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : found_.tensors) names.push_back(name);
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    VIC_CHECK(DataError, twice == names.end(), "'", path_, "' names '", *twice, "' twice");
  }

  const Pickle& pickle_;
  const std::string& path_;
  bool use_ema_, averaged_ = false;
  StateDict found_;
  std::unordered_set<uint32_t> holding_, flattened_;  // dictionaries: with tensors in them; done
};

}  // namespace

StateDict find_state_dict(const Pickle& pickle, const std::string& path, bool use_ema) {
  return Search(pickle, path, use_ema).run();
}

}  // namespace vicinity
