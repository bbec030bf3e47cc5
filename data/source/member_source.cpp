#include "data/source/member_source.h"

#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "data/image/probe.h"

namespace vicinity {

void MemberSource::add(size_t file, uint64_t at, uint64_t size, int32_t label,
                       std::string_view key) {
  constexpr uint64_t kMost = std::numeric_limits<uint32_t>::max();
  VIC_CHECK(DataError, size <= kMost, "'", key, "' in '", files_[file]->path(), "' has ", size,
            " bytes; an image has at most ", kMost);
  VIC_CHECK(DataError, keys_.size() < kMost, "more than ", kMost, " images");
  members_.push_back({at, static_cast<uint32_t>(size), static_cast<uint32_t>(file),
                      static_cast<uint32_t>(keys_.size()), label});
  keys_.add(key);
}

void MemberSource::sort_by_class() {
  std::sort(members_.begin(), members_.end(), [&](const Member& a, const Member& b) {
    return a.label != b.label ? a.label < b.label : keys_[a.key] < keys_[b.key];
  });
}

std::string MemberSource::name(int64_t index) const {
  return files_[members_[static_cast<size_t>(index)].file]->path() + ": " + key(index);
}

Source::Stored MemberSource::stored(int64_t index) const {
  const Member& m = members_[static_cast<size_t>(index)];
  return {files_[m.file]->text(m.at, m.size), 0, 0, 0};
}

bool MemberSource::looks_whole(int64_t index) const {
  const Member& m = members_[static_cast<size_t>(index)];
  return vicinity::looks_whole(*files_[m.file], m.at, m.size);
}

}  // namespace vicinity
