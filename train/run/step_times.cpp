#include "train/run/step_times.h"

#include <algorithm>
#include <numeric>

#include "core/base/random.h"
#include "core/runtime/profile.h"
#include "train/run/batches.h"

namespace vicinity {
namespace {

constexpr int64_t kWarmUp = 2;

/// Noise of the size that the network sees.
class RandomPictures : public Source {
 public:
  RandomPictures(int64_t count, int side, std::vector<std::string> classes)
      : count_(count), side_(side) {
    class_names_ = std::move(classes);
  }

  int64_t size() const override { return count_; }
  int32_t label(int64_t index) const override {
    return static_cast<int32_t>(index % static_cast<int64_t>(class_names_.size()));
  }
  std::string name(int64_t index) const override { return key(index); }
  std::string key(int64_t index) const override { return str("#", index); }
  Stored stored(int64_t index) const override {
    Stored picture{std::string(static_cast<size_t>(3) * side_ * side_, '\0'), side_, side_, 3};
    Random random(0, Purpose::test, static_cast<uint64_t>(index));
    for (char& byte : picture.bytes) byte = static_cast<char>(random.next());
    return picture;
  }
  Layout layout(int64_t) const override {
    return {3 * static_cast<uint64_t>(side_) * static_cast<uint64_t>(side_), side_, side_, 3};
  }
  bool looks_whole(int64_t) const override { return true; }

 private:
  int64_t count_;
  int side_;
};

}  // namespace

StepTimes time_steps(RunConfig config, DataSets data, int64_t steps) {
  config.optim.lr = 0;
  if (data.train == nullptr) {
    const auto pictures = std::make_shared<RandomPictures>(
        4 * config.train.batch, config.data.transform.image_size, config.model.architecture.labels);
    data = {pictures, pictures};
  }
  RunParts parts;
  parts.device = device_of(config.device);
  parts.act = activation_dtype(config.train.precision, parts.device);
  parts.length = length_of(config.train, data.train->size());
  parts.config = std::move(config);
  parts.data = std::move(data);
  build_parts(parts, /*fresh=*/true);
  Batches batches(parts);
  std::vector<double> seconds;
  for (int64_t step = -kWarmUp; step < steps; ++step) {
    if (step == 0) batches.take_wait();
    const auto start = std::chrono::steady_clock::now();
    const TrainBatch batch = batches.next();
    parts.trainer->step(batch.images, batch.labels, [&] { batches.prefetch(); });
    if (step >= 0) seconds.push_back(seconds_since(start));
  }
  const double waited = batches.take_wait();
  const double all = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  std::nth_element(seconds.begin(), seconds.begin() + steps / 2, seconds.end());
  return {steps, seconds[static_cast<size_t>(steps / 2)], waited / all};
}

}  // namespace vicinity
