#include "data/pack/writer.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "data/pack/hdf5_file.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kReportEvery = 4096;  // images between two notes of progress

struct Plan {
  std::string split;
  const Source* source;
  std::vector<int64_t> offsets;
  std::vector<int32_t> labels, shapes;
  std::vector<uint32_t> checksums;
  std::string keys;  // one behind the other, zero bytes between
};

// First pass: sizes and checksums, since a contiguous data set cannot grow.
Plan measure(const std::string& split, const Source& source) {
  Plan plan{split, &source, {0}, {}, {}, {}, {}};
  for (int64_t i = 0; i < source.size(); ++i) {
    const Source::Stored s = source.stored(i);
    plan.offsets.push_back(plan.offsets.back() + static_cast<int64_t>(s.bytes.size()));
    plan.labels.push_back(source.label(i));
    plan.keys += (i > 0 ? std::string(1, '\0') : "") + source.key(i);
    plan.shapes.insert(plan.shapes.end(), {s.width, s.height, s.channels});
    plan.checksums.push_back(static_cast<uint32_t>(crc32(
        0, reinterpret_cast<const Bytef*>(s.bytes.data()), static_cast<uInt>(s.bytes.size()))));
    if (i % kReportEvery == 0) log_progress(str("measuring ", split, " ", i, "/", source.size()));
  }
  return plan;
}

void write_tables(Hdf5File& file, const Plan& plan) {
  const hsize_t n = plan.labels.size();
  file.make_group(plan.split);
  file.write(plan.split + "/offsets", H5T_NATIVE_INT64, {n + 1}, plan.offsets.data());
  file.write(plan.split + "/labels", H5T_NATIVE_INT32, {n}, plan.labels.data());
  file.write(plan.split + "/shapes", H5T_NATIVE_INT32, {n, 3}, plan.shapes.data());
  file.write(plan.split + "/crc32", H5T_NATIVE_UINT32, {n}, plan.checksums.data());
  file.write_text(plan.split + "/keys", plan.keys);
  file.reserve(plan.split + "/images", H5T_NATIVE_UINT8,
               {static_cast<hsize_t>(plan.offsets.back())});
}

std::string identity(const std::vector<Plan>& plans) {
  std::string text;
  for (const Plan& plan : plans) {
    const auto* bytes = reinterpret_cast<const Bytef*>(plan.checksums.data());
    text += str(plan.split, " ", plan.labels.size(), " ", plan.offsets.back(), " ",
                crc32(0, bytes, static_cast<uInt>(plan.checksums.size() * 4)), " ",
                plan.source->fingerprint(), "\n");
  }
  return text;
}

// Second pass: images by pwrite at the blob's offset. `done`: how many of all images are already
// there.
void write_images(const std::vector<Plan>& plans, const std::vector<uint64_t>& blobs,
                  const std::string& part, const std::string& progress, const std::string& id,
                  int64_t done) {
  const int file = open(part.c_str(), O_WRONLY | O_CLOEXEC);
  VIC_CHECK(IoError, file >= 0, "cannot open '", part, "': ", std::strerror(errno));
  int64_t number = 0;
  try {
    for (size_t p = 0; p < plans.size(); ++p) {
      for (int64_t i = 0; i < plans[p].source->size(); ++i, ++number) {
        if (number < done) continue;
        const std::string bytes = plans[p].source->stored(i).bytes;
        write_at(file, bytes,
                 blobs[p] + static_cast<uint64_t>(plans[p].offsets[static_cast<size_t>(i)]), part);
        if (number % kReportEvery == 0) {
          fdatasync(file);
          write_file_atomically(progress, id + std::to_string(number));
          log_progress(str("packing ", plans[p].split, " ", i, "/", plans[p].source->size()));
        }
      }
    }
    VIC_CHECK(IoError, fsync(file) == 0, "cannot sync '", part, "': ", std::strerror(errno));
  } catch (...) {
    close(file);
    throw;
  }
  close(file);
  log_progress("");
}

// Number of images that a killed build of the same data left in PATH.part.
int64_t resumable(const std::string& part, const std::string& progress, const std::string& id) {
  if (!fs::exists(part) || !fs::exists(progress)) return -1;
  const std::string text = read_file(progress);
  return starts_with(text, id) ? std::stoll(text.substr(id.size())) : -1;
}

}  // namespace

void write_pack(const DataSets& data, const std::string& path, bool overwrite) {
  VIC_CHECK(UsageError, overwrite || !fs::exists(path), "'", path,
            "' exists; use --overwrite to replace it");
  const std::string part = path + ".part", progress = path + ".part.progress";
  const fs::path folder = fs::path(path).parent_path();
  if (!folder.empty()) make_directories(folder.string());
  const std::vector<Plan> plans = {measure("train", *data.train), measure("val", *data.val)};
  const std::string id = identity(plans);
  int64_t done = resumable(part, progress, id);
  if (done >= 0) {
    log_info("going on with '", part, "' at image ", done);
  } else {
    check_room(path, static_cast<uint64_t>(plans[0].offsets.back() + plans[1].offsets.back()));
    fs::remove(progress);  // before the file, whose state it tells
    Hdf5File file = Hdf5File::create(part);
    file.write_text("vicinity_pack",
                    nlohmann::json{{"version", 1}, {"classes", data.train->class_names()}}.dump());
    for (const Plan& plan : plans) write_tables(file, plan);
    file.finish();
    done = 0;
  }
  std::vector<uint64_t> blobs;
  {
    const Hdf5File file = Hdf5File::open(part);
    for (const Plan& plan : plans) blobs.push_back(file.offset(plan.split + "/images"));
  }
  write_images(plans, blobs, part, progress, id, done);
  rename_durably(part, path);
  fs::remove(progress);
}

}  // namespace vicinity
