#pragma once

#include <memory>
#include <vector>

#include "core/base/input_file.h"
#include "data/source/name_table.h"
#include "data/source/source.h"

namespace vicinity {

/// Images that are byte ranges of a few large files: members of archives. 32 bytes and a name an
/// image; files stay open.
class MemberSource : public Source {
 public:
  int64_t size() const override { return static_cast<int64_t>(members_.size()); }
  int32_t label(int64_t index) const override { return members_[static_cast<size_t>(index)].label; }
  std::string name(int64_t index) const override;
  std::string key(int64_t index) const override {
    return std::string(keys_[members_[static_cast<size_t>(index)].key]);
  }
  Layout layout(int64_t index) const override {
    return {members_[static_cast<size_t>(index)].size, 0, 0, 0};
  }
  Stored stored(int64_t index) const override;
  bool looks_whole(int64_t index) const override;

 protected:
  using Files = std::vector<std::shared_ptr<const InputFile>>;
  /// DataError for an image of 4 GiB or more.
  void add(size_t file, uint64_t at, uint64_t size, int32_t label, std::string_view key);
  /// By class, then by key: the order of the same images in class folders.
  void sort_by_class();

  Files files_;

 private:
  struct Member {
    uint64_t at;
    uint32_t size;
    uint32_t file;
    uint32_t key;
    int32_t label;
  };
  std::vector<Member> members_;
  NameTable keys_;
};

}  // namespace vicinity
