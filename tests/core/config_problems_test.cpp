// Config: what is wrong is said, all at once; what is hostile is refused.
#include <gtest/gtest.h>

#include "core/config/config_dump.h"
#include "tests/core/config_fixture.h"

namespace vicinity::testing {
namespace {

TEST_F(ConfigTest, AFileThatIncludesItselfOrNothingIsRefused) {
  write("configs/recipes/a.yaml", "include: b\n");
  const std::string path = write("configs/recipes/b.yaml", "include: a\n");
  ConfigTree tree;
  EXPECT_SAYS(error_of([&] { tree.add_file(path); }), "b.yaml includes itself");
  ConfigTree other;
  EXPECT_SAYS(error_of([&] { other.add_file(write("c.yaml", "include: bb\n")); }), "c.yaml:1");
}

TEST_F(ConfigTest, MissingFileNamesTheNearOne) {
  write("configs/models/dinat_mini.yaml", "");
  EXPECT_SAYS(error_of([] { find_config("models", "dinat_mni"); }), "did you mean 'dinat_mini'?");
  EXPECT_SAYS(error_of([] { find_config("models", "resnet"); }), "there are: dinat_mini");
  EXPECT_SAYS(find_config("models", "dinat_mini"), "configs/models/dinat_mini.yaml");
  write("configs/recipes/dinat_mini_in1k.yaml", "");
  for (const char* name : {"dinat_mini_in1k", "recipes/dinat_mni_in1k"})
    EXPECT_SAYS(error_of([&] { find_config("", name); }),
                "did you mean 'recipes/dinat_mini_in1k'?");
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
  EXPECT_SAYS(suggestion("optim=sgd"), "optim = sgd: expected a section of keys");
  EXPECT_FALSE(contains(suggestion("optim=sgd"), "seed"));
  EXPECT_SAYS(suggestion("num_classes=3"), "'num_classes' (the images tell the classes)");
  EXPECT_SAYS(suggestion("train.accum_iter=3"), "train.micro_batch how many images at a time)");
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
  for (const char* value : {".nan", ".inf", "-.inf", "inf", "1e999"})
    EXPECT_SAYS(refusal(str("train.epochs=", value)), "expected a number");
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
  const std::string tab = write("tab.yaml", "seed: 1\ntrain:\n\tbatch: 3\n");
  EXPECT_SAYS(error_of([&] { tree.add_file(tab); }),
              "; line 3 begins with a tab, YAML is indented");
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

// YAML takes a key of more than 1024 characters only where it is marked as one.
TEST_F(ConfigTest, LongKeysInListsCanBeReadAgain) {
  const std::string key(1500, 'k');
  ConfigTree tree, again;
  tree.add_override("model.depths=[3, {? " + key + " : 4}]");
  const std::string text = tree.find("model.depths")->text;
  again.add_override("model.depths=" + text);
  EXPECT_EQ(again.find("model.depths")->text, text);
}

}  // namespace
}  // namespace vicinity::testing
