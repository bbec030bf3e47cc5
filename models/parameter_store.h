// All parameters of a model in one flat tensor, with their gradients and bf16 copies beside it:
// what optimisers, the gradient tree, checkpoints and ranks work on.
#pragma once

#include <functional>

#include "models/parameter.h"

namespace vicinity {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// One published tensor and where its elements lie in the flat tensors.
struct Published {
  std::string name;
  Shape shape;
  int64_t offset = 0;
  bool channels_last = false;  // stored [out, kh, kw, in]

  int64_t size() const { return shape.size(); }
};

class ParameterStore {
 public:
  /// Lays out the parameters in visiting order, each aligned to 16 elements, and binds them to
  /// slices.
  ParameterStore(const std::function<void(ParameterVisitor&)>& visit_all, DType dtype,
                 Device device);

  Tensor& value() { return value_; }
  const Tensor& value() const { return value_; }
  /// The gradient of the last backward, zero where none arrived.
  const Tensor& grad();
  void clear_grads();
  /// Keeps bf16 copies from now on (matrix products in bf16).
  void enable_copies();
  /// Writes the copies anew: after every change of the values but an optimiser's, which writes them
  /// itself.
  void refresh_copies();
  /// The bf16 copies, flat; absent unless enabled.
  Tensor& copies() { return copy_; }

  const std::vector<Published>& published() const { return published_; }
  int64_t parameter_count() const;
  /// Draws every value from (seed, its place in the list); the same bits on any number of threads.
  /// `init`: original, hf or fan_in. `hf_range`: deviation of every normal draw of hf.
  void initialise(uint64_t seed, const std::string& init, double hf_range);

  /// A flat tensor (values, gradients, moments) taken apart under published names and shapes, on
  /// the CPU.
  std::vector<NamedTensor> publish(const Tensor& on_device) const;
  /// Puts one published tensor (any float dtype) back into a flat tensor. ShapeError if the shapes
  /// differ.
  void adopt(Tensor& flat, const Published& entry, const Tensor& tensor) const;

 private:
  struct Stored {
    Parameter* parameter;
    int64_t offset;
  };
  void bind();

  std::vector<Stored> stored_;
  std::vector<Published> published_;
  Tensor value_, grad_, copy_;
};

}  // namespace vicinity
