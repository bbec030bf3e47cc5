#include "train/cli/queries.h"

#include <atomic>
#include <filesystem>
#include <new>
#include <thread>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/runtime/cpu.h"
#include "data/image/decode.h"
#include "data/image/orientation.h"
#include "data/image/sheet.h"

namespace vicinity {
namespace {

Image read_image(const std::string& path, bool upright) {
  VIC_CHECK(DataError, std::filesystem::exists(path), "no image '", path,
            "': there is no such file or folder");
  const std::string bytes = read_file(path);
  const auto decode = upright ? decode_upright_part : decode_part;
  Part part;
  decode({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, path, whole_box, part, 0);
  return std::move(part.pixels);
}

Query read_query(const QuerySource& source, const TransformConfig& transform, int thumbnail_side) {
  Query query{source.name, source.truth, {}, {}, ""};
  try {
    const Image image = source.read();
    query.seen =
        in_context("preparing " + source.name, [&] { return apply_eval(image, transform); });
    if (thumbnail_side > 0) query.small = thumbnail(image, thumbnail_side);
  } catch (const Error& error) {
    query.error = error.user_text();
  } catch (const std::bad_alloc&) {
    query.error = str("'", source.name, "' has more pixels than the memory holds");
  }
  return query;
}

}  // namespace

std::vector<QuerySource> file_queries(const std::vector<std::string>& paths, bool upright) {
  std::vector<QuerySource> sources;
  for (const std::string& path : paths)
    sources.push_back({path, "", [path, upright] { return read_image(path, upright); }});
  return sources;
}

size_t end_of_one_size(const std::vector<Query>& queries, size_t begin) {
  const Image& first = queries[begin].seen;
  size_t end = begin + 1;
  while (end < queries.size() && queries[end].error.empty() &&
         queries[end].seen.width == first.width && queries[end].seen.height == first.height)
    ++end;
  return end;
}

std::vector<Query> read_queries(const std::vector<QuerySource>& sources, size_t begin, size_t end,
                                const TransformConfig& transform, int thumbnail_side, int threads) {
  std::vector<Query> queries(end - begin);
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < queries.size(); i = next++)
      queries[i] = read_query(sources[begin + i], transform, thumbnail_side);
  };
  std::vector<std::jthread> others;
  const auto most = static_cast<size_t>(threads > 0 ? threads : available_cores());
  for (size_t t = 1; t < std::min(most, queries.size()); ++t) others.emplace_back(work);
  work();
  return queries;
}

}  // namespace vicinity
