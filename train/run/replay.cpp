#include "train/run/replay.h"

#include <cmath>
#include <cstring>

#include "autograd/watch.h"
#include "core/base/text.h"
#include "core/ops/elementwise.h"
#include "core/ops/transfer.h"

namespace vicinity {
namespace {

struct Counts {
  int64_t nans = 0, infinite = 0;
};

Counts count_not_finite(const Tensor& x) {
  Counts counts;
  if (!x.defined() || !is_float(x.dtype())) return counts;  // an op may give less than it can
  const Tensor wide = cast(to_device(x, kCpu), DType::f64);
  const double* values = wide.data<double>();
  for (int64_t i = 0; i < wide.size(); ++i) {
    counts.nans += std::isnan(values[i]);
    counts.infinite += std::isinf(values[i]);
  }
  return counts;
}

std::string describe(const Tensor& x, const Counts& counts) {
  return str(x.dtype(), " ", x.shape(), ": ", format_count(counts.nans), " NaN and ",
             format_count(counts.infinite), " infinite of ", format_count(x.size()), " elements");
}

// Throws at the first tensor that is not finite; the contexts of the layers that are running add
// where it was.
class FiniteWatch : public TapeWatch {
 public:
  explicit FiniteWatch(const ParameterStore& store) : store_(store) {}

  void check_parameters() const {
    for (const NamedTensor& p : store_.publish(store_.value())) {
      const Counts counts = count_not_finite(p.tensor);
      if (counts.nans + counts.infinite > 0)
        VIC_FAIL(DivergedError, "the parameter ", p.name,
                 " was not finite before the step: ", describe(p.tensor, counts));
    }
  }

  void output(const char* op, const Tensor& y, const std::vector<Tensor>& sinks) override {
    bool own = false;
    for (const Tensor& sink : sinks) {
      if (own || !sink.defined()) continue;
      nearest_ = store_.name_at(sink);
      own = true;
    }
    look("the output of ", op, y, (own ? " with " : " after ") + nearest_);
  }

  void gradient(const char* op, const Tensor& dx, const Tensor& sink) override {
    if (sink.defined()) nearest_ = store_.name_at(sink);
    look("a gradient from ", op, dx,
         sink.defined() ? ", that of " + nearest_ : " before " + nearest_);
  }

 private:
  static void look(const char* what, const char* op, const Tensor& x, const std::string& where) {
    const Counts counts = count_not_finite(x);
    if (counts.nans + counts.infinite > 0)
      VIC_FAIL(DivergedError, what, op, where, " is not finite: ", describe(x, counts));
  }

  const ParameterStore& store_;
  std::string nearest_ = "the images";
};

std::vector<LeafBatch> leaves_on_device(const RunParts& parts, const TrainBatch& batch) {
  return parts.trainer->leaves(to_device(batch.images, parts.device),
                               to_device(batch.labels, parts.device));
}

// Empty where nothing was found.
std::string look_closely(RunParts& parts, const std::vector<LeafBatch>& leaves) {
  FiniteWatch watch(parts.model->store());
  try {
    watch.check_parameters();
    const Watched watched(watch);
    for (const LeafBatch& leaf : leaves) {
      in_context(str("replaying images ", leaf.first, " to ", leaf.first + leaf.images.dim(0) - 1,
                     " of the batch"),
                 [&] { parts.trainer->replay(leaf); });
    }
  } catch (const DivergedError& error) {
    return error.user_text();
  }
  return "";
}

// Losses in the order of ranks, which is that of the images, and the first text.
ReplayFinding join_ranks(Communicator& comm, const ReplayFinding& own) {
  const std::string bytes(reinterpret_cast<const char*>(own.losses.data()),
                          own.losses.size() * sizeof(double));
  ReplayFinding all;
  for (const std::string& part : comm.all_gather_texts(bytes)) {
    const size_t before = all.losses.size();
    all.losses.resize(before + part.size() / sizeof(double));
    std::memcpy(all.losses.data() + before, part.data(), part.size());
  }
  for (const std::string& text : comm.all_gather_texts(own.text))
    if (all.text.empty()) all.text = text;
  return all;
}

}  // namespace

ReplayFinding replay_step(RunParts& parts, const TrainBatch& batch) {
  ReplayFinding finding;
  const std::vector<LeafBatch> leaves = leaves_on_device(parts, batch);
  for (const LeafBatch& leaf : leaves) {
    const Tensor losses = parts.trainer->replay(leaf).losses;
    for (const double loss : values_of<double>(cast(to_device(losses, kCpu), DType::f64)))
      finding.losses.push_back(loss);
  }
  finding.text = look_closely(parts, leaves);
  if (parts.comm != nullptr) finding = join_ranks(*parts.comm, finding);
  if (finding.text.empty())
    finding.text =
        "run again, every tensor of the step is finite: only the sum over its leaves is not, or "
        "this machine does not compute the same twice (memory, overclocking)";
  return finding;
}

}  // namespace vicinity
