// Config: precedence, origins, round trips.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/config/config_dump.h"
#include "tests/core/config_fixture.h"

namespace vicinity::testing {
namespace {

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

TEST_F(ConfigTest, AnIncludedFileMayLieBesideItsReader) {
  const std::string base = write("mine/base.yaml", "train: {batch: 8, epochs: 300}\n");
  write("mine/more/note.yaml", "include: ../base.yaml\nnote: more\n");
  ConfigTree tree;
  tree.add_file(write("mine/own.yaml", "include: [base, more/note]\ntrain: {batch: 9}\n"));
  RunSettings run;
  read_config(tree, run);
  EXPECT_EQ(run.train.batch, 9);
  EXPECT_EQ(run.note, "more");
  EXPECT_EQ(tree.find("train.epochs")->origin, base + ":1");
  write("mine/round.yaml", "include: round.yaml\n");
  EXPECT_SAYS(error_of([&] { tree.add_file(write("mine/start.yaml", "include: round\n")); }),
              "includes itself");
}

TEST_F(ConfigTest, APatternNeedsNoQuotesOfYamls) {
  ConfigTree tree;
  tree.add_override("freeze=*rpb");
  Patterns patterns;
  read_config(tree, patterns);
  EXPECT_EQ(patterns.freeze, std::vector<std::string>{"*rpb"});
  EXPECT_SAYS(error_of([&] { tree.add_override("freeze=[*rpb,"); }), "quotes around the whole");
}

TEST_F(ConfigTest, NothingBehindTheKeyEmptiesTextsAndLists) {
  ConfigTree tree;
  tree.add_file(write("a.yaml", "note: some\nfreeze: [a, b]\n"));
  tree.add_override("note=");
  tree.add_override("freeze=");
  RunSettings run;
  run.note = "default";
  Patterns patterns;
  ReadOptions others;
  others.ignore_unknown = true;
  read_config(tree, run, others);
  read_config(tree, patterns, others);
  EXPECT_EQ(run.note, "");
  EXPECT_TRUE(patterns.freeze.empty());
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
}  // namespace vicinity::testing
