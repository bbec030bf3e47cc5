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
  bool in_copies = false;      // lies in copies() and nowhere else

  int64_t size() const { return shape.size(); }
};

/// Where the gradient of a leaf lies in the flat one: elements [begin, end).
struct GradientPlace {
  int64_t begin = 0;
  int64_t end = 0;
  Leaf* leaf = nullptr;
};

/// How the parameters of a model are kept.
struct Storing {
  DType dtype = DType::f32;  // of the masters
  Device device = kCpu;
  /// For passes in f32 or bf16 that train nothing: no gradients, and in bf16 matrix operands as
  /// copies alone, half the memory of their masters.
  bool inference = false;
  DType act = DType::f32;  // of these passes
};

class ParameterStore {
 public:
  /// Lays out the parameters in visiting order, each aligned to 16 elements, and binds them to
  /// slices.
  ParameterStore(const std::function<void(ParameterVisitor&)>& visit_all, const Storing& storing);

  Tensor& value() { return value_; }
  const Tensor& value() const { return value_; }
  /// Makes constants of the parameters all of whose published tensors `frozen(name)` says; their
  /// gradient is zero for good.
  void freeze(const std::function<bool(const std::string& name)>& frozen);
  /// The gradient of the last backward, zero where none arrived.
  const Tensor& grad();
  void clear_grads();
  /// The flat gradient during a backward: what lies where nothing has arrived is anything.
  const Tensor& arriving() const { return grad_; }
  /// Of all leaves, ascending. What is frozen has none, and a gradient of zero.
  std::vector<GradientPlace> gradient_places();
  /// Keeps bf16 copies from now on (matrix products in bf16).
  void enable_copies();
  /// Writes the copies anew: after every change of the values but an optimiser's, which writes them
  /// itself.
  void refresh_copies();
  /// The bf16 copies, flat; absent unless enabled.
  Tensor& copies() { return copy_; }

  const std::vector<Published>& published() const { return published_; }
  /// The name of the published tensor in whose gradient a part of the flat one (Leaf::sink) begins.
  std::string name_at(const Tensor& sink) const;
  int64_t parameter_count() const;
  /// Puts one published tensor where passes read it: into the masters, or the copies that stand in
  /// for them. ShapeError if the shapes differ.
  void load(const Published& entry, const Tensor& tensor);
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
    size_t first, parts;  // its published tensors
  };
  void lay_out(const std::function<void(ParameterVisitor&)>& visit_all);
  void make_gradients();
  void bind();
  bool in_copies(const Parameter& parameter) const { return split_ && parameter.is_operand(); }

  Storing storing_;
  bool split_;  // operands lie in copy_, all else in value_
  int64_t values_ = 0, operands_ = 0;
  std::vector<Stored> stored_;
  std::vector<Published> published_;
  Tensor value_, grad_, copy_;
};

}  // namespace vicinity
