#include "data/pack/writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/input_file.h"
#include "core/base/log.h"
#include "data/pack/hdf5_file.h"
#include "data/pack/image_writer.h"
#include "data/pack/plan.h"

namespace vicinity {
namespace {

namespace fs = std::filesystem;

void refuse(const std::vector<BadImage>& bad, const std::vector<PackPlan>& plans) {
  if (bad.empty()) return;
  int64_t all = 0;
  for (const PackPlan& plan : plans) all += plan.source->size();
  VIC_FAIL(DataError, describe_bad_images(bad, all, ""),
           "\nremove or replace them, or pack the others with data.on_error=skip");
}

std::vector<PackPlan> plan_both(const DataSets& data) {
  std::vector<BadImage> bad;
  std::vector<PackPlan> plans;
  plans.push_back(plan_pack("train", *data.train, bad));
  plans.push_back(plan_pack("val", *data.val, bad));
  refuse(bad, plans);
  return plans;
}

void write_head(const std::string& part, const DataSets& data, const std::vector<PackPlan>& plans) {
  Hdf5File file = Hdf5File::create(part);
  nlohmann::json head = {{"version", 2}, {"classes", data.train->class_names()}};
  for (const PackPlan& plan : plans) head["fingerprints"][plan.split] = plan.fingerprint;
  file.write_text("vicinity_pack", head.dump());
  for (const PackPlan& plan : plans) write_tables(file, plan);
  file.finish();
}

// Number of stored images that a killed build of the same data left in PATH.part, or -1.
int64_t resumable(const std::string& part, const std::string& progress, const std::string& id) {
  if (!fs::exists(part) || !fs::exists(progress)) return -1;
  const std::string text = read_file(progress);
  if (text.size() <= id.size() || text.compare(0, id.size(), id) != 0) return -1;
  return std::stoll(text.substr(id.size()));
}

// Images that share bytes share their checksum.
void share_checksums(const std::string& part, const PackPlan& plan, uint64_t at) {
  if (plan.owners.size() == plan.owner.size()) return;
  std::vector<uint32_t> sums(plan.owner.size());
  InputFile(part).read(at, sums.data(), sums.size() * sizeof(uint32_t));
  for (size_t i = 0; i < sums.size(); ++i)
    sums[i] = sums[static_cast<size_t>(plan.owners[static_cast<size_t>(plan.owner[i])])];
  const int file = open(part.c_str(), O_WRONLY | O_CLOEXEC);
  VIC_CHECK(IoError, file >= 0, "cannot open '", part, "': ", std::strerror(errno));
  const std::string_view bytes(reinterpret_cast<const char*>(sums.data()),
                               sums.size() * sizeof(uint32_t));
  try {
    write_at(file, bytes, at, part);
    VIC_CHECK(IoError, fsync(file) == 0, "cannot sync '", part, "': ", std::strerror(errno));
  } catch (...) {
    close(file);
    throw;
  }
  close(file);
}

}  // namespace

void write_pack(const DataSets& data, const std::string& path, bool overwrite) {
  VIC_CHECK(UsageError, overwrite || !fs::exists(path), "'", path,
            "' exists; use --overwrite to replace it");
  const std::string part = path + ".part", progress = path + ".part.progress";
  const fs::path folder = fs::path(path).parent_path();
  if (!folder.empty()) make_directories(folder.string());
  const std::vector<PackPlan> plans = plan_both(data);
  const std::string id = identity_of(plans[0]) + identity_of(plans[1]);
  int64_t done = resumable(part, progress, id);
  if (done >= 0) {
    log_info("going on with '", part, "' at image ", done);
  } else {
    check_room(path, static_cast<uint64_t>(plans[0].bytes + plans[1].bytes));
    fs::remove(progress);  // before the file, whose state it tells
    write_head(part, data, plans);
    done = 0;
  }
  std::vector<PackPlaces> places;
  {
    const Hdf5File file = Hdf5File::open(part);
    for (const PackPlan& plan : plans) {
      places.push_back({file.offset(plan.split + "/images"), file.offset(plan.split + "/crc32")});
    }
  }
  ImageWriter writer(plans, places, part, progress, id);
  std::vector<BadImage> bad = writer.write(done);
  if (!bad.empty()) {
    fs::remove(progress);
    fs::remove(part);
    refuse(bad, plans);
  }
  for (size_t p = 0; p < plans.size(); ++p) share_checksums(part, plans[p], places[p].checksums);
  rename_durably(part, path);
  fs::remove(progress);
}

}  // namespace vicinity
