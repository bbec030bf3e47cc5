// Config: precedence, origins, every problem at once, round trips.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include "core/base/error.h"
#include "core/config/config_dump.h"
#include "core/config/config_reader.h"
#include "tests/support/temp_dir.h"

namespace vicinity {
namespace {

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

  testing::TempDir folder_;
  const std::string root_ = folder_.path();
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

#define EXPECT_SAYS(text, part) EXPECT_TRUE(contains(text, part)) << text

TEST_F(ConfigTest, LaterWinsAndListsAreReplacedWhole) {
  ConfigTree tree;
  tree.add_file(
      write("a.yaml", "train: {batch: 8, epochs: 3}\noptim:\n  betas: [0.8, 0.9]\nseed: 1\n"));
  tree.add_file(write("b.yaml", "train:\n  batch: 16\noptim.betas: [0.5, 0.6]\n"));
  tree.add_override("train.batch=32");
  RunSettings run;
  read_config(tree, run);
  EXPECT_EQ(run.train.batch, 32);
  EXPECT_EQ(run.train.epochs, 3);
  EXPECT_EQ(run.optim.betas, (std::vector<double>{0.5, 0.6}));
  EXPECT_EQ(run.seed, 1u);
  EXPECT_EQ(run.train.kernel, 7) << "what nobody names keeps its default";
}

TEST_F(ConfigTest, EveryValueKnowsItsOrigin) {
  const std::string path = write("a.yaml", "# first\ntrain:\n  batch: 8\n  epochs: 3\n");
  ConfigTree tree;
  tree.add_file(path);
  tree.add_override("train.epochs=4");
  EXPECT_EQ(tree.find("train.batch")->origin, path + ":3");
  EXPECT_EQ(tree.find("train.epochs")->origin, "command line");
  EXPECT_EQ(tree.find("train"), nullptr);
}

TEST_F(ConfigTest, IncludedFilesComeFirstAndKeepTheirOrigin) {
  const std::string base =
      write("configs/recipes/base/long.yaml", "train: {batch: 8, epochs: 300}\n");
  write("configs/recipes/middle.yaml", "include: base/long\nnote: middle\nseed: 7\n");
  ConfigTree tree;
  tree.add_file(write("a.yaml", "train:\n  batch: 16\nnote: own\ninclude: [middle]\n"));
  RunSettings run;
  read_config(tree, run);
  EXPECT_EQ(run.train.batch, 16) << "a file's own keys win";
  EXPECT_EQ(run.train.epochs, 300);
  EXPECT_EQ(run.note, "own");
  EXPECT_EQ(run.seed, 7u);
  EXPECT_EQ(tree.find("train.epochs")->origin, base + ":1");
}

TEST_F(ConfigTest, AFileThatIncludesItselfOrNothingIsRefused) {
  write("configs/recipes/a.yaml", "include: b\n");
  const std::string path = write("configs/recipes/b.yaml", "include: a\n");
  ConfigTree tree;
  EXPECT_SAYS(error_of([&] { tree.add_file(path); }), "b.yaml includes itself");
  ConfigTree other;
  EXPECT_SAYS(error_of([&] { other.add_file(write("c.yaml", "include: bb\n")); }), "c.yaml:1");
}

TEST_F(ConfigTest, AListOfTextMayBeOneText) {
  ConfigTree tree;
  tree.add_override("freeze=embeddings*");
  Patterns one;
  read_config(tree, one);
  EXPECT_EQ(one.freeze, std::vector<std::string>{"embeddings*"});
  tree.add_override("freeze=[a, 'b c']");
  Patterns two;
  read_config(tree, two);
  EXPECT_EQ(two.freeze, (std::vector<std::string>{"a", "b c"}));
}

TEST_F(ConfigTest, NamedModelYieldsToExplicitKeysInAnyOrder) {
  write("configs/models/wide_s.yaml", "family: wide\nheads: 8\nembed_dim: 96\n");
  ConfigTree tree;
  tree.add_override("model.heads=4");
  tree.add_file(write("run.yaml", "model: wide_s\n"));
  RunSettings run;
  read_config(tree, run);
  EXPECT_EQ(tree.model_name(), "wide_s");
  EXPECT_EQ(run.model.family, "wide");
  EXPECT_EQ(run.model.heads, 4);
  EXPECT_EQ(run.model.embed_dim, 96);
  EXPECT_SAYS(tree.find("model.embed_dim")->origin, "configs/models/wide_s.yaml:3");
}

TEST_F(ConfigTest, DefaultsYieldToEverythingElse) {
  write("configs/models/tiny.yaml", "heads: 3\n");
  ConfigTree tree;
  tree.add_defaults(
      {{"seed", "5", "a file"}, {"note", "x", "a file"}, {"model.heads", "7", "a file"}});
  tree.add_override("model=tiny");
  tree.add_override("seed=6");
  EXPECT_EQ(tree.find("seed")->text, "6");
  EXPECT_EQ(tree.find("model.heads")->text, "3");
  EXPECT_EQ(tree.find("note")->origin, "a file");
  EXPECT_EQ(tree.entries().size(), 3u);
}

TEST_F(ConfigTest, LaterModelNameReplacesTheWholeModel) {
  write("configs/models/a.yaml", "family: wide\nheads: 8\n");
  write("configs/models/b.yaml", "embed_dim: 32\n");
  ConfigTree tree;
  tree.add_override("model=a");
  tree.add_override("model=b");
  RunSettings run;
  read_config(tree, run);
  EXPECT_EQ(run.model.family, "small");
  EXPECT_EQ(run.model.embed_dim, 32);
}

TEST_F(ConfigTest, MissingFileNamesTheNearOne) {
  write("configs/models/dinat_mini.yaml", "");
  EXPECT_SAYS(error_of([] { find_config("models", "dinat_mni"); }), "did you mean 'dinat_mini'?");
  EXPECT_SAYS(error_of([] { find_config("models", "resnet"); }), "there are: dinat_mini");
  EXPECT_SAYS(find_config("models", "dinat_mini"), "configs/models/dinat_mini.yaml");
  ConfigTree tree;
  EXPECT_SAYS(error_of([&] { tree.add_override("model=dinat_mni"); }), "at command line");
  EXPECT_SAYS(error_of([&] { tree.add_file(root_ + "/none.yaml"); }), "no such file");
}

TEST_F(ConfigTest, AllProblemsAreReportedAtOnceWithOrigins) {
  const std::string path = write("a.yaml",
                                 "train:\n  batch: 0\n  epochs: soon\n  kernel: 4\nmodel:\n"
                                 "  embed_dims: 64\n  depths: [3, 0]\n");
  ConfigTree tree;
  tree.add_file(path);
  tree.add_override("model.family=smal");
  tree.add_override("train.flip=2");
  const std::string text = complaint(tree);
  EXPECT_SAYS(text, "7 problems");
  EXPECT_SAYS(text, path + ":2: train.batch = 0: must be at least 1");
  EXPECT_SAYS(text, path + ":3: train.epochs = soon: expected a number");
  EXPECT_SAYS(text, path + ":4: train.kernel = 4: must be odd and at least 3");
  EXPECT_SAYS(text, path + ":6: unknown key 'model.embed_dims' (did you mean 'model.embed_dim'?)");
  EXPECT_SAYS(text, path + ":7: model.depths = [3, 0]: must be at least 1");
  EXPECT_SAYS(text, "command line: model.family = smal: must be one of small, wide");
  EXPECT_SAYS(text, "command line: train.flip = 2: expected true or false");
}

TEST_F(ConfigTest, UnknownKeysSuggestWhatWasMeant) {
  const auto suggestion = [&](const std::string& assignment) {
    ConfigTree tree;
    tree.add_override(assignment);
    return complaint(tree);
  };
  EXPECT_SAYS(suggestion("epochs=3"), "unknown key 'epochs' (did you mean 'train.epochs'?)");
  EXPECT_SAYS(suggestion("batch_size=3"), "did you mean 'train.batch'?");
  EXPECT_SAYS(suggestion("learning_rate=3"), "did you mean 'optim.lr'?");
  EXPECT_SAYS(suggestion("train.lr=3"), "did you mean 'optim.lr'?");
  EXPECT_SAYS(suggestion("kernel=3"), "did you mean 'train.kernel'?");
  EXPECT_SAYS(suggestion("train.bacth=3"), "did you mean 'train.batch'?");
  EXPECT_SAYS(suggestion("sede=3"), "did you mean 'seed'?");
  EXPECT_FALSE(contains(suggestion("zzzzzzzzzz=3"), "did you mean"));
  EXPECT_SAYS(suggestion("train=3"), "train = 3: expected a section of keys");
  EXPECT_SAYS(suggestion("model.heads=3"), "unknown key 'model.heads'");
}

TEST_F(ConfigTest, TypesAreStrict) {
  const auto refusal = [&](const std::string& assignment) {
    ConfigTree tree;
    tree.add_override(assignment);
    return complaint(tree);
  };
  EXPECT_SAYS(refusal("train.batch=1.5"), "train.batch = 1.5: expected an integer");
  EXPECT_SAYS(refusal("train.batch=12x"), "expected an integer");
  EXPECT_SAYS(refusal("train.batch=\"12\""), "expected an integer");
  EXPECT_SAYS(refusal("train.kernel=30000000001"), "between -2147483648 and 2147483647");
  EXPECT_SAYS(refusal("seed=-1"), "expected an integer >= 0");
  EXPECT_SAYS(refusal("optim.betas=0.9"), "expected a list of numbers");
  EXPECT_SAYS(refusal("dilations=[1, 2]"), "expected a list of lists of integers");
  EXPECT_SAYS(refusal("note=[1, 2]"), "expected text");
  EXPECT_SAYS(refusal("train.epochs=.nan"), "must be at least 0");
}

TEST_F(ConfigTest, SectionsCheckTheirFieldsTogether) {
  ConfigTree tree;
  tree.add_override("optim.betas=[0.9]");
  EXPECT_SAYS(complaint(tree), "command line: optim.betas = [0.9]: must have 2 elements");
}

TEST_F(ConfigTest, MalformedAndDuplicateKeysNameTheLine) {
  const std::string malformed = write("a.yaml", "seed: 1\ntrain: [1, 2\nnote: x\n");
  const std::string twice = write("b.yaml", "train:\n  batch: 1\n  epochs: 2\n  batch: 3\n");
  const std::string dotted = write("c.yaml", "train:\n  batch: 1\ntrain.batch: 3\n");
  const std::string list = write("d.yaml", "- 1\n- 2\n");
  ConfigTree tree;
  EXPECT_SAYS(error_of([&] { tree.add_file(malformed); }), malformed + ":");
  EXPECT_SAYS(error_of([&] { tree.add_file(malformed); }), "malformed YAML");
  EXPECT_SAYS(error_of([&] { tree.add_file(twice); }),
              twice + ":4: key 'train.batch' is given twice");
  EXPECT_SAYS(error_of([&] { tree.add_file(dotted); }),
              dotted + ":3: key 'train.batch' is given twice");
  EXPECT_SAYS(error_of([&] { tree.add_file(list); }), list + ":1: a config must be a mapping");
  EXPECT_SAYS(error_of([&] { tree.add_override("seed=[1"); }), "command line: seed=[1: malformed");
  EXPECT_SAYS(error_of([&] { tree.add_override("seed"); }), "is not key=value");
}

// Aliases may write a small file out to a large one, or to one without end.
TEST_F(ConfigTest, AnchorsThatExplodeAreRefused) {
  ConfigTree tree;
  EXPECT_SAYS(error_of([&] { tree.add_file(write("a.yaml", "a: &a {x: *a}\n")); }), "64 deep");
  EXPECT_SAYS(error_of([&] { tree.add_file(write("b.yaml", "a: &a [*a]\n")); }), "64 deep");
  EXPECT_SAYS(error_of([&] { tree.add_override("a=&a [*a]"); }), "64 deep");
  std::string laughs = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 30; ++i)
    laughs += str("a", i, ": &a", i, " [*a", i - 1, ", *a", i - 1, "]\n");
  EXPECT_SAYS(error_of([&] { tree.add_file(write("c.yaml", laughs)); }), "200,000 values");
}

TEST_F(ConfigTest, AnchorsThatAreMerelyUsedAreWrittenOut) {
  ConfigTree tree;
  tree.add_file(write("a.yaml", "a: &a {x: 1}\nb: *a\nc: [*a, *a]\n"));
  EXPECT_EQ(tree.find("b.x")->text, "1");
  EXPECT_EQ(tree.find("c")->text, "[{x: 1}, {x: 1}]");
}

// config.json of a model of ImageNet-22k names its classes twice.
TEST_F(ConfigTest, TensOfThousandsOfKeysAreReadAtOnce) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += str("k", i, ": 1\n");
  ConfigTree tree;
  tree.add_file(write("a.yaml", text));
  tree.add_file(write("a.yaml", text));
  EXPECT_EQ(tree.find("k49999")->text, "1");
}

TEST_F(ConfigTest, NamesThatNoFileCanHaveAreRefused) {
  ConfigTree tree;
  EXPECT_SAYS(error_of([&] { tree.add_override("model=" + std::string(5000, 'x')); }),
              "no config 'xxx");
}

TEST_F(ConfigTest, DumpReadsBackToTheSameValues) {
  RunSettings run;
  run.model = {"wide", {1, 2, 3}, 96, 16};
  run.train = {7, 0.1 + 0.2, 0.3f, false, 9};
  run.optim = {1e-5 / 3, {1.0 / 3, 0.999}, 0.7};
  run.seed = 18446744073709551615ull;
  run.dilations = {{1, 2}, {}, {3}};
  run.labels = {{"0", "tench: a \"fish\""}, {"n01.x", "yes"}};
  for (const std::string note : {"", "10", "true", "a: b # c", "line\nbreak", "null", "5%", "-",
                                 "[x]", "caf\xc3\xa9", " padded ", "C:\\x", "1e5", "plain words"}) {
    run.note = note;
    ConfigTree tree;
    tree.add_file(write("dump.yaml", dump_config(run)));
    RunSettings again;
    read_config(tree, again);
    EXPECT_EQ(again.note, note);
    EXPECT_EQ(again.model.heads, 16);
    EXPECT_EQ(again.train.epochs, run.train.epochs);
    EXPECT_EQ(again.train.smoothing, run.train.smoothing);
    EXPECT_EQ(again.optim.lr, run.optim.lr);
    EXPECT_EQ(again.optim.clip, run.optim.clip);
    EXPECT_EQ(again.dilations, run.dilations);
    EXPECT_EQ(again.labels, run.labels);
    EXPECT_EQ(dump_config(again), dump_config(run));
  }
}

TEST_F(ConfigTest, DumpSaysWhereValuesCameFrom) {
  ConfigTree tree;
  tree.add_override("train.batch=8");
  RunSettings run;
  read_config(tree, run);
  const std::string text = dump_config(run, &tree);
  EXPECT_SAYS(text, "train:\n  batch: 8  # command line\n  epochs: 10  # default\n");
  EXPECT_SAYS(text, "dilations: [[1, 8], [1, 4]]  # default\n");
  EXPECT_SAYS(text, "  clip: null  # default\n");
}

TEST_F(ConfigTest, HelpRowsComeFromTheSameList) {
  RunSettings run;
  const std::vector<HelpRow> rows = help_rows_of(run);
  const auto batch = std::find_if(rows.begin(), rows.end(),
                                  [](const HelpRow& row) { return row.key == "train.batch"; });
  ASSERT_NE(batch, rows.end());
  EXPECT_EQ(batch->type, "integer, at least 1");
  EXPECT_EQ(batch->default_value, "256");
  EXPECT_EQ(batch->help, "images per step");
}

// YAML takes a key of more than 1024 characters only where it is marked as one.
TEST_F(ConfigTest, LongKeysInListsCanBeReadAgain) {
  const std::string key(1500, 'k');
  ConfigTree tree, again;
  tree.add_override("model.depths=[3, {? " + key + " : 4}]");
  const std::string text = tree.find("model.depths")->text;
  again.add_override("model.depths=" + text);
  EXPECT_EQ(again.find("model.depths")->text, text);
}

TEST_F(ConfigTest, ForeignJsonIsReadAndItsOtherKeysReturned) {
  ConfigTree tree;
  tree.add_file(write("config.json",
                      "{\n  \"embed_dim\": 96, \"depths\": [3, 4, 18, 5],\n"
                      "  \"id2label\": {\"0\": \"a, b\"}, \"torch_dtype\": null\n}\n"));
  Model model;
  const std::vector<std::string> ignored = read_config(tree, model, {.ignore_unknown = true});
  EXPECT_EQ(model.embed_dim, 96);
  EXPECT_EQ(model.depths, (std::vector<int>{3, 4, 18, 5}));
  EXPECT_EQ(ignored, (std::vector<std::string>{"id2label.0", "torch_dtype"}));
}

}  // namespace
}  // namespace vicinity
