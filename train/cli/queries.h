// Images on their way to a model's answer: read, decoded and transformed by many threads.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/source/source.h"
#include "data/transforms/pipeline.h"

namespace vicinity {

struct Query {
  std::string name;
  std::string truth;  // empty: unknown
  Image seen;         // by the model
  Image small;        // for a sheet; empty if none was asked for
  std::string error;  // why there is no image, or empty
};

/// Reads one image. Throws an Error that names it.
struct QuerySource {
  std::string name, truth;
  std::function<Image()> read;
};
/// Image files; `upright`: turned as their EXIF orientation says.
std::vector<QuerySource> file_queries(const std::vector<std::string>& paths, bool upright);

/// The images of [begin, end), by so many threads, 0: one per core; each holds one decoded picture
/// at a time. thumbnail_side 0: none is made. An image that cannot be used has its `error` set.
std::vector<Query> read_queries(const std::vector<QuerySource>& sources, size_t begin, size_t end,
                                const TransformConfig& transform, int thumbnail_side,
                                int threads = 0);

/// One behind the last of the queries that follow `begin`, which has an image, with images of its
/// size: those go through a model together.
size_t end_of_one_size(const std::vector<Query>& queries, size_t begin);

}  // namespace vicinity
