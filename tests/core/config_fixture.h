// Settings like those of a run, and a folder of configuration files, for tests of core/config.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/config/config_reader.h"
#include "tests/support/temp_dir.h"

namespace vicinity::testing {

struct Model {
  std::string family = "small";
  std::vector<int> depths = {3, 4};
  int embed_dim = 64;
  int heads = 2;  // only of the family "wide"

  template <class V>
  void fields(V& v) {
    v("family", family, "architecture", one_of({"small", "wide"}));
    v("depths", depths, "blocks per level", at_least(1));
    v("embed_dim", embed_dim, "channels", one_of({32, 64, 96}));
    if (family == "wide") v("heads", heads, "attention heads");
  }
};

struct Optim {
  double lr = 1e-3;
  std::vector<double> betas = {0.9, 0.999};
  std::optional<double> clip;

  template <class V>
  void fields(V& v) {
    v("lr", lr, "peak learning rate", greater_than(0.0));
    v("betas", betas, "decay rates");
    v("clip", clip, "largest norm", greater_than(0));
  }
  void check(Problems& problems) const {
    if (betas.size() != 2) problems.add("betas", "must have 2 elements");
  }
};

struct Train {
  int64_t batch = 256;
  double epochs = 10;
  float smoothing = 0.1f;
  bool flip = true;
  int kernel = 7;

  template <class V>
  void fields(V& v) {
    v("batch", batch, "images per step", at_least(int64_t{1}));
    v("epochs", epochs, "passes", at_least(0.0));
    v("smoothing", smoothing, "label smoothing", between(0.0, 1.0));
    v("flip", flip, "mirror images");
    v("kernel", kernel, "odd side", odd_at_least(3));
  }
};

struct RunSettings {
  Model model;
  Train train;
  Optim optim;
  std::string note;
  uint64_t seed = 0;
  std::vector<std::vector<int>> dilations = {{1, 8}, {1, 4}};
  std::map<std::string, std::string> labels;

  template <class V>
  void fields(V& v) {
    v("model", model, "network");
    v("train", train, "length");
    v("optim", optim, "optimiser");
    v("note", note, "anything");
    v("seed", seed, "seed");
    v("dilations", dilations, "per level, per block");
    v("labels", labels, "names of classes");
  }
};

struct Patterns {
  std::vector<std::string> freeze;
  template <class V>
  void fields(V& v) {
    v("freeze", freeze, "patterns");
  }
};

class ConfigTest : public ::testing::Test {
 protected:
  void SetUp() override { set_config_search_path({root_}); }
  void TearDown() override { set_config_search_path({}); }

  std::string write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(root_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }

  std::string error_of(const std::function<void()>& work) {
    try {
      work();
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  }

  // What reading `tree` complains about.
  std::string complaint(const ConfigTree& tree) {
    return error_of([&] {
      RunSettings run;
      read_config(tree, run);
    });
  }

  TempDir folder_;
  const std::string root_ = folder_.path();
};

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

#define EXPECT_SAYS(text, part) EXPECT_TRUE(contains(text, part)) << text

}  // namespace vicinity::testing
