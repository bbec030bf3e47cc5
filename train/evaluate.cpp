#include "train/evaluate.h"

#include <cmath>
#include <cstring>

#include "autograd/record.h"
#include "core/base/text.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/elementwise.h"
#include "core/ops/normalize_images.h"
#include "core/ops/transfer.h"

namespace vicinity {
namespace {

// Position of the label among the logits of a row: how many are larger, or equal and earlier.
int64_t rank_of(const double* logits, int64_t classes, int32_t label) {
  int64_t rank = 0;
  for (int64_t k = 0; k < classes; ++k) {
    rank += logits[k] > logits[label] || (logits[k] == logits[label] && k < label);
  }
  return rank;
}

void count_row(const double* logits, int64_t classes, int32_t label, EvalReport& report) {
  const int64_t rank = rank_of(logits, classes, label);
  const int64_t guess = std::max_element(logits, logits + classes) - logits;
  ++report.count;
  report.top1 += rank == 0;
  report.top5 += rank < 5;
  ++report.class_count[static_cast<size_t>(label)];
  report.class_correct[static_cast<size_t>(label)] += rank == 0;
  ++report.confusion[static_cast<size_t>(label * classes + guess)];
}

}  // namespace

std::string EvalReport::text() const {
  const std::string five =
      format_fixed(100.0 * static_cast<double>(top5) / static_cast<double>(count), 2);
  return str("top-1 ", format_fixed(top1_percent(), 2), " % (", format_count(top1), " of ",
             format_count(count), "), top-5 ", five, " %, loss ",
             format_fixed(loss_sum / static_cast<double>(count), 4));
}

Tensor images_of(const Batch& batch) {
  Tensor images = empty({batch.count, batch.height, batch.width, 3}, DType::u8);
  std::memcpy(images.raw(), batch.images.data(), batch.images.size());
  return images;
}

Tensor labels_of(const Batch& batch) { return tensor_of<int32_t>({batch.count}, batch.labels); }

EvalReport evaluate(Model& model, Loader& loader, const Normalization& normalization, DType act) {
  const NoGrad no_grad;
  EvalReport report;
  const int64_t classes = model.num_labels();
  report.class_count.resize(static_cast<size_t>(classes));
  report.class_correct.resize(static_cast<size_t>(classes));
  report.confusion.resize(static_cast<size_t>(classes * classes));
  loader.seek(0, 0);
  for (int64_t done = 0; done < loader.samples_per_epoch();) {
    const Batch batch = loader.next();
    Pass pass{.training = false, .act = act};
    const Tensor pixels = to_device(images_of(batch), model.store().value().device());
    const Tensor images = normalize_images(pixels, normalization.mean, normalization.std, act);
    const Tensor logits = to_device(model.logits(images, pass).value(), kCpu);
    const Tensor losses = cast(cross_entropy(logits, {.first = labels_of(batch)}), DType::f64);
    const Tensor wide = cast(logits, DType::f64);
    for (int64_t row = 0; row < batch.count; ++row) {
      count_row(wide.data<double>() + row * classes, classes,
                batch.labels[static_cast<size_t>(row)], report);
      report.loss_sum += losses.data<double>()[row];
    }
    done += batch.count;
  }
  return report;
}

}  // namespace vicinity
