#include "data/pack/plan.h"

#include <zlib.h>

#include <limits>
#include <unordered_map>

#include "core/base/error.h"
#include "data/source/for_each_file.h"

namespace vicinity {
namespace {

constexpr int64_t kChunk = 1024;  // images whose sizes one thread asks for

// Sizes of files are asked for by many threads: each waits for the disk.
std::vector<Source::Layout> layouts_of(const Source& source, std::vector<BadImage>& bad) {
  std::vector<Source::Layout> layouts(static_cast<size_t>(source.size()));
  const int64_t chunks = (source.size() + kChunk - 1) / kChunk;
  std::vector<std::vector<BadImage>> found(static_cast<size_t>(chunks));
  for_each_file(chunks, [&](int64_t chunk) {
    const int64_t end = std::min(source.size(), (chunk + 1) * kChunk);
    for (int64_t i = chunk * kChunk; i < end; ++i) {
      try {
        layouts[static_cast<size_t>(i)] = source.layout(i);
      } catch (const DataError& error) {
        found[static_cast<size_t>(chunk)].push_back({i, error.message()});
      }
    }
  });
  for (const auto& chunk : found) bad.insert(bad.end(), chunk.begin(), chunk.end());
  return layouts;
}

// Images that share their bytes get one place in the blob.
void place(PackPlan& plan, const std::vector<Source::Layout>& layouts) {
  std::unordered_map<int64_t, int64_t> places;
  for (int64_t i = 0; i < plan.source->size(); ++i) {
    const Source::Layout& layout = layouts[static_cast<size_t>(i)];
    const auto fresh = static_cast<int64_t>(plan.owners.size());
    const auto [at, first] = places.try_emplace(plan.source->storage(i), fresh);
    VIC_CHECK(DataError, layout.bytes <= std::numeric_limits<uint32_t>::max(), plan.source->name(i),
              " has ", layout.bytes, " bytes; an image has less than 4 GiB");
    const int64_t offset =
        first ? plan.bytes
              : plan.offsets[static_cast<size_t>(plan.owners[static_cast<size_t>(at->second)])];
    if (first) {
      plan.owners.push_back(i);
      plan.bytes += static_cast<int64_t>(layout.bytes);
    }
    plan.owner.push_back(at->second);
    plan.offsets.push_back(offset);
    plan.sizes.push_back(static_cast<uint32_t>(layout.bytes));
  }
}

}  // namespace

PackPlan plan_pack(const std::string& split, const Source& source, std::vector<BadImage>& bad) {
  PackPlan plan;
  plan.split = split;
  plan.source = &source;
  const std::vector<Source::Layout> layouts = layouts_of(source, bad);
  place(plan, layouts);
  bool raw = false;
  for (int64_t i = 0; i < source.size(); ++i) {
    plan.labels.push_back(source.label(i));
    plan.keys += source.key(i);
    plan.key_ends.push_back(static_cast<int64_t>(plan.keys.size()));
    raw = raw || layouts[static_cast<size_t>(i)].channels > 0;
  }
  for (size_t i = 0; raw && i < layouts.size(); ++i) {
    plan.shapes.insert(plan.shapes.end(),
                       {layouts[i].width, layouts[i].height, layouts[i].channels});
  }
  plan.fingerprint = source.fingerprint();
  return plan;
}

void write_tables(Hdf5File& file, const PackPlan& plan) {
  const hsize_t n = plan.labels.size();
  const std::string at = plan.split + "/";
  file.make_group(plan.split);
  file.write(at + "offsets", H5T_NATIVE_INT64, {n}, plan.offsets.data());
  file.write(at + "sizes", H5T_NATIVE_UINT32, {n}, plan.sizes.data());
  file.write(at + "labels", H5T_NATIVE_INT32, {n}, plan.labels.data());
  if (!plan.shapes.empty()) file.write(at + "shapes", H5T_NATIVE_INT32, {n, 3}, plan.shapes.data());
  file.write_text(at + "keys", plan.keys);
  file.write(at + "key_ends", H5T_NATIVE_INT64, {n}, plan.key_ends.data());
  file.reserve(at + "crc32", H5T_NATIVE_UINT32, {n});
  file.reserve(at + "images", H5T_NATIVE_UINT8, {static_cast<hsize_t>(plan.bytes)});
}

std::string identity_of(const PackPlan& plan) {
  const auto* sizes = reinterpret_cast<const Bytef*>(plan.sizes.data());
  return str(plan.split, " ", plan.labels.size(), " ", plan.owners.size(), " ", plan.bytes, " ",
             crc32_z(0, sizes, plan.sizes.size() * sizeof(uint32_t)), " ", plan.fingerprint, "\n");
}

}  // namespace vicinity
