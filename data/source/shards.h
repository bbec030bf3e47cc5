#pragma once

#include "data/source/member_source.h"

namespace vicinity {

/// Tar shards as WebDataset writes them: members `KEY.EXTENSION`, those of one sample behind each
/// other; KEY ends at the first point of the file's name. A sample has one image (jpg, jpeg, png,
/// webp) and a label: the text of `cls`, else "label" in `json`, else the text of `txt`, of the
/// same kind in all shards. Members of other extensions are passed over. Images are read where they
/// lie; shards are opened side by side.
class ShardSource : public MemberSource {
 public:
  /// `names`: lines of a classes.txt that number labels stand for; empty: labels name themselves.
  /// `classes`: those of the training shards. DataError as TarReader's; for a sample without image
  /// or label, or with two images; for a key that comes twice in a row of members.
  ShardSource(const std::vector<std::string>& paths, const std::string& where,
              const std::vector<std::string>& names = {},
              const std::vector<std::string>& classes = {});
};

/// Archives (*.tar) in a folder, sorted by name, or the file itself.
std::vector<std::string> tar_files(const std::string& path);

}  // namespace vicinity
