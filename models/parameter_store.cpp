#include "models/parameter_store.h"

#include <algorithm>

#include "core/ops/elementwise.h"
#include "core/ops/random_fill.h"
#include "core/ops/transfer.h"

namespace vicinity {
namespace {

constexpr int64_t kAlignment = 16;

class Collector : public ParameterVisitor {
 public:
  struct Found {
    std::vector<std::string> names;
    Parameter* parameter;
  };
  std::vector<Found> found;

 protected:
  void visit(const std::vector<std::string>& names, Parameter& parameter) override {
    found.push_back({names, &parameter});
  }
};

Init chosen(const Inits& inits, const std::string& name, double hf_range) {
  if (name == "original") return inits.original;
  if (name == "fan_in") return inits.fan_in.value_or(inits.original);
  VIC_ASSERT(name == "hf", "no initialisation '", name, "'");
  return inits.hf.kind == Init::Kind::normal ? Init::normal(hf_range) : inits.hf;
}

void draw(Tensor& x, const Init& init, const RandomStream& stream) {
  switch (init.kind) {
    case Init::Kind::constant:
      return fill_(x, init.scale);
    case Init::Kind::uniform:
      return uniform_(x, -init.scale, init.scale, stream);
    case Init::Kind::normal:
      return normal_(x, init.scale, stream);
  }
}

// Calls work(published index, stored index) for each element of a channels-last tensor.
template <class Work>
void for_permuted(const Shape& published, Work&& work) {
  const int64_t out = published[0], in = published[1], kh = published[2], kw = published[3];
  int64_t at = 0;
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t c = 0; c < in; ++c) {
      for (int64_t u = 0; u < kh; ++u) {
        for (int64_t v = 0; v < kw; ++v) work(at++, ((o * kh + u) * kw + v) * in + c);
      }
    }
  }
}

}  // namespace

ParameterStore::ParameterStore(const std::function<void(ParameterVisitor&)>& visit_all,
                               const Storing& storing)
    : storing_(storing), split_(storing.inference && storing.act == DType::bf16) {
  lay_out(visit_all);
  value_ = zeros({values_}, storing.dtype, storing.device);
  if (split_) copy_ = zeros({operands_}, DType::bf16, storing.device);
  if (!storing.inference) make_gradients();
  bind();
}

void ParameterStore::lay_out(const std::function<void(ParameterVisitor&)>& visit_all) {
  Collector collector;
  visit_all(collector);
  for (const auto& [names, parameter] : collector.found) {
    int64_t& total = in_copies(*parameter) ? operands_ : values_;
    stored_.push_back({parameter, total, published_.size(), names.size()});
    Shape shape = parameter->published_shape();
    const auto parts = static_cast<int64_t>(names.size());
    VIC_ASSERT(shape[0] % parts == 0, "parts of ", names[0]);
    shape.set(0, shape[0] / parts);
    for (size_t i = 0; i < names.size(); ++i) {
      published_.push_back({names[i], shape, total + static_cast<int64_t>(i) * shape.size(),
                            parameter->channels_last(), in_copies(*parameter)});
    }
    total = (total + parameter->shape().size() + kAlignment - 1) / kAlignment * kAlignment;
  }
}

// Not touched until something is trained. What lies between parameters is zero, as sums over all of
// it want.
void ParameterStore::make_gradients() {
  grad_ = empty({values_}, storing_.dtype, storing_.device);
  for (const Stored& s : stored_) {
    const int64_t size = s.parameter->shape().size(),
                  end = s.offset + (size + kAlignment - 1) / kAlignment * kAlignment;
    Tensor gap = grad_.slice(s.offset + size, end);
    if (gap.size() > 0) fill_(gap, 0);
  }
}

void ParameterStore::bind() {
  for (const Stored& s : stored_) {
    const Shape& shape = s.parameter->shape();
    const auto view = [&](const Tensor& flat) {
      return flat.defined() ? flat.slice(s.offset, s.offset + shape.size()).reshape(shape)
                            : Tensor{};
    };
    const bool copied = in_copies(*s.parameter);
    s.parameter->bind(copied ? Tensor() : view(value_), split_ && !copied ? Tensor() : view(copy_),
                      view(grad_));
  }
}

void ParameterStore::freeze(const std::function<bool(const std::string& name)>& frozen) {
  for (const Stored& s : stored_) {
    const auto begin = published_.begin() + static_cast<int64_t>(s.first);
    const auto named = [&](const Published& entry) { return frozen(entry.name); };
    if (!std::all_of(begin, begin + static_cast<int64_t>(s.parts), named)) continue;
    s.parameter->freeze();
    Tensor grad = grad_.slice(s.offset, s.offset + s.parameter->shape().size());
    if (grad.size() > 0) fill_(grad, 0);
  }
}

const Tensor& ParameterStore::grad() {
  for (const Stored& s : stored_) {
    for (Leaf& leaf : s.parameter->leaves()) {
      if (!leaf.written()) fill_(leaf.sink(), 0);
    }
  }
  return grad_;
}

std::vector<GradientPlace> ParameterStore::gradient_places() {
  std::vector<GradientPlace> places;
  for (const Stored& s : stored_) {
    int64_t begin = s.offset;
    for (Leaf& leaf : s.parameter->leaves()) {
      const int64_t end = begin + leaf.sink().size();
      places.push_back({begin, end, &leaf});
      begin = end;
    }
  }
  return places;
}

void ParameterStore::clear_grads() {
  for (const Stored& s : stored_) {
    for (Leaf& leaf : s.parameter->leaves()) leaf.reset();
  }
}

void ParameterStore::enable_copies() {
  VIC_ASSERT(!storing_.inference, "a store for inference has what its passes read");
  copy_ = empty(value_.shape(), DType::bf16, value_.device());
  bind();
  refresh_copies();
}

void ParameterStore::refresh_copies() {
  if (copy_.defined() && !split_) vicinity::copy_(copy_, value_);
}

void ParameterStore::load(const Published& entry, const Tensor& tensor) {
  adopt(entry.in_copies ? copy_ : value_, entry, tensor);
}

std::string ParameterStore::name_at(const Tensor& sink) const {
  const auto at = (sink.raw() - grad_.raw()) / static_cast<int64_t>(size_of(sink.dtype()));
  std::string name;
  for (const Published& entry : published_)
    if (entry.offset <= at) name = entry.name;
  return name;
}

int64_t ParameterStore::parameter_count() const {
  int64_t count = 0;
  for (const Published& entry : published_) count += entry.size();
  return count;
}

void ParameterStore::initialise(uint64_t seed, const std::string& init, double hf_range) {
  VIC_ASSERT(!split_, "a store for inference in bf16 is loaded, not drawn");
  for (size_t i = 0; i < stored_.size(); ++i) {
    const Inits& inits = stored_[i].parameter->inits();
    const int64_t begin = stored_[i].offset, size = stored_[i].parameter->shape().size();
    Tensor values = value_.slice(begin, begin + size);
    draw(values, chosen(inits, init, hf_range), {seed, Purpose::initialisation, i});
  }
}

std::vector<NamedTensor> ParameterStore::publish(const Tensor& on_device) const {
  VIC_ASSERT(!split_, "a store for inference in bf16 holds no masters to publish");
  const Tensor flat = to_device(on_device, kCpu);
  std::vector<NamedTensor> result;
  for (const Published& entry : published_) {
    const Tensor stored = flat.slice(entry.offset, entry.offset + entry.size());
    Tensor tensor = stored.reshape(entry.shape);
    if (entry.channels_last) {
      tensor = empty(entry.shape, flat.dtype());
      for_float_dtype(flat.dtype(), [&]<class T>() {
        for_permuted(entry.shape, [&](int64_t to, int64_t from) {
          tensor.data<T>()[to] = stored.data<T>()[from];
        });
      });
    }
    result.push_back({entry.name, tensor});
  }
  return result;
}

void ParameterStore::adopt(Tensor& flat, const Published& entry, const Tensor& tensor) const {
  VIC_CHECK(ShapeError, tensor.shape() == entry.shape, entry.name, ": the file has ",
            tensor.shape(), ", the model ", entry.shape);
  Tensor target = flat.slice(entry.offset, entry.offset + entry.size());
  Tensor values = cast(tensor, flat.dtype()).reshape({-1});
  if (entry.channels_last) {
    const Tensor published = values;
    values = empty_like(published);
    for_float_dtype(flat.dtype(), [&]<class T>() {
      for_permuted(entry.shape, [&](int64_t from, int64_t to) {
        values.data<T>()[to] = published.data<T>()[from];
      });
    });
  }
  vicinity::copy_(target, to_device(values, flat.device()));
}

}  // namespace vicinity
