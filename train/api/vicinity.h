// The public interface of Vicinity: a published or trained DiNAT or DINOv2, and what it computes of
// images. Installed as <vicinity.h>; with CMake: find_package(vicinity), target vicinity::vicinity.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace vicinity {

/// Row-major numbers: shape {2, 3} holds rows of three.
struct Array {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

/// 8-bit RGB, rows from the top, channels last: rgb[(y * width + x) * 3 + channel]. Made grey for
/// models of one channel.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgb;
};

/// What every function here throws: what was wrong, both values, and the remedy.
class PretrainedError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A model for inference. One thread at a time may use the models of a process.
class Pretrained {
 public:
  /// `path`: a run, a folder of Hugging Face's, or a weight file, as `vicinity predict` takes it.
  /// `outputs`: what run() brings, in the words of `vicinity embed --outputs`: pooled,
  /// last_hidden_state, hidden_states, reshaped_hidden_states, attentions, logits, features,
  /// features.STAGE; nothing else is computed. `settings`: key=value, as on the command line
  /// ("device=cuda", "train.precision=fp32", "data.eval_resize=none").
  Pretrained(const std::string& path, const std::string& outputs,
             const std::vector<std::string>& settings = {});
  ~Pretrained();
  Pretrained(Pretrained&&) noexcept;
  Pretrained& operator=(Pretrained&&) noexcept;

  /// Names of the classes, in the order of logits; empty without a classifier.
  const std::vector<std::string>& class_names() const;
  /// Resizes, crops and normalises as the model's image processor says, and runs the model on all
  /// at once. Arrays have the names of `vicinity embed`, and a row for each picture or file. Throws
  /// where pictures do not come to one size, or a file cannot be read.
  std::map<std::string, Array> run(const std::vector<Picture>& pictures) const;
  std::map<std::string, Array> run(const std::vector<std::string>& files) const;
  /// The same of images that are what the model reads already: shape [B, H, W, C], resized and
  /// normalised, of any number of channels that the model has.
  std::map<std::string, Array> run(const Array& images) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace vicinity
