#include <gtest/gtest.h>

#include <set>

#include "core/base/error.h"
#include "core/base/files.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "data/image/png_writer.h"
#include "data/pack/writer.h"
#include "data/source/open.h"
#include "tests/support/tar_bytes.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_images.h"

namespace vicinity::testing {
namespace {

std::string picture(int label, int number) {
  return encode_png(striped_image(label, static_cast<uint64_t>(number), 6));
}

class ArchivesTest : public ::testing::Test {
 protected:
  void SetUp() override { log_to_stderr(false); }
  void TearDown() override { log_to_stderr(true); }
  void put(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(folder_.file(name)).parent_path());
    write_file_atomically(folder_.file(name), text);
  }
  static std::string error_of(const DataConfig& config) {
    try {
      open_data(config, 0);
    } catch (const Error& error) {
      return error.user_text();
    }
    return "no error";
  }
  void expect_error(const DataConfig& config, const std::string& part) const {
    const std::string message = error_of(config);
    EXPECT_NE(message.find(part), std::string::npos) << part << " / " << message;
  }
  /// A miniature of ILSVRC: 3 classes of 3 training images each and 2 for validation, as archives
  /// below ilsvrc/ and unpacked below folders/.
  void make_ilsvrc() const;
  TempDir folder_;
};

const std::vector<std::string> kIds = {"n01440764", "n01443537", "n02119789"};

void ArchivesTest::make_ilsvrc() const {
  std::string train, val, solution = "ImageId,PredictionString\n";
  for (const int c : {2, 0, 1}) {  // archives are in no order
    const std::string& id = kIds[static_cast<size_t>(c)];
    std::string images;
    for (const int i : {1, 0, 2}) {
      const std::string file = str(id, "_", i, ".JPEG");
      images += tar_file(file, picture(c, i));
      put("folders/train/" + id + "/" + file, picture(c, i));
    }
    train += tar_file(id + ".tar", images + tar_end());
  }
  for (int v = 0; v < 6; ++v) {
    const int c = (v + 1) % 3;
    const std::string stem = str("ILSVRC2012_val_0000000", v + 1);
    val += tar_file(stem + ".JPEG", picture(c, 10 + v));
    put("folders/val/" + kIds[static_cast<size_t>(c)] + "/" + stem + ".JPEG", picture(c, 10 + v));
    solution += stem + "," + kIds[static_cast<size_t>(c)] + " 1 2 3 4\n";
  }
  put("ilsvrc/ILSVRC2012_img_train.tar", train + tar_end());
  put("ilsvrc/ILSVRC2012_img_val.tar", val + tar_end());
  put("labels/LOC_val_solution.csv", solution);
}

TEST_F(ArchivesTest, ImageNetsArchivesAreWhatTheirUnpackedFoldersAre) {
  make_ilsvrc();
  const DataSets archives = open_data(
      {.root = folder_.file("ilsvrc"), .val_labels = folder_.file("labels/LOC_val_solution.csv")},
      0);
  const DataSets folders = open_data({.root = folder_.file("folders")}, 0);
  EXPECT_EQ(archives.train->class_names(), kIds);
  for (const auto& [a, b] :
       {std::pair{archives.train, folders.train}, {archives.val, folders.val}}) {
    EXPECT_EQ(a->fingerprint(), b->fingerprint());
    for (int64_t i = 0; i < b->size(); ++i) {
      EXPECT_EQ(a->key(i), b->key(i));
      EXPECT_EQ(a->stored(i).bytes, b->stored(i).bytes);
      EXPECT_EQ(a->layout(i).bytes, b->stored(i).bytes.size());
    }
  }
  write_pack(archives, folder_.file("a.h5"), false);
  write_pack(folders, folder_.file("b.h5"), false);
  EXPECT_TRUE(read_file(folder_.file("a.h5")) == read_file(folder_.file("b.h5")));
}

TEST_F(ArchivesTest, EveryKnownListOfValidationLabelsSaysTheSame) {
  make_ilsvrc();
  std::string ids, tabbed, moves = "mkdir -p n01440764\n", numbers;
  for (int v = 0; v < 6; ++v) {
    const std::string& id = kIds[static_cast<size_t>((v + 1) % 3)];
    const std::string file = str("ILSVRC2012_val_0000000", v + 1, ".JPEG");
    ids += id + "\r\n";
    tabbed = file + "\t" + id + "\n" + tabbed;  // in any order
    moves += "mv " + file + " " + id + "/\n";
    numbers += std::to_string(3 - (v + 1) % 3) + "\n";
  }
  put("kit/map_clsloc.txt", "n02119789 1 kit_fox\nn01443537 2 goldfish\nn01440764 3 tench\n");
  const std::vector<std::pair<std::string, std::string>> lists = {
      {"imagenet_2012_validation_synset_labels.txt", ids},
      {"list.tsv", tabbed},
      {"valprep.sh", moves},
      {"kit/ILSVRC2012_validation_ground_truth.txt", numbers}};
  const std::string folders = open_data({.root = folder_.file("folders")}, 0).val->fingerprint();
  for (const auto& [name, text] : lists) {
    put(name, text);
    const DataSets data =
        open_data({.root = folder_.file("ilsvrc"), .val_labels = folder_.file(name)}, 0);
    EXPECT_EQ(data.val->fingerprint(), folders) << name;
  }
  put("ilsvrc/valprep.sh", moves);  // found beside the archive
  EXPECT_EQ(open_data({.root = folder_.file("ilsvrc")}, 0).val->fingerprint(), folders);
}

TEST_F(ArchivesTest, WhatIsNotClearAboutImageNetIsRefused) {
  make_ilsvrc();
  const auto with = [&](const std::string& text) {
    put("list.txt", text);
    return DataConfig{.root = folder_.file("ilsvrc"), .val_labels = folder_.file("list.txt")};
  };
  expect_error({.root = folder_.file("ilsvrc")}, "data.val_labels");
  expect_error(with("ILSVRC2012_val_00000001.JPEG 65\n"), "count from 0");
  expect_error(with("1\n2\n3\n1\n2\n3\n"), "no meta.mat or map_clsloc.txt");
  expect_error(with("n01440764\nn01440764\n"), "labels of 2 images, the validation archive has 6");
  expect_error(with("n01440764\nx y z\n"), "line 2: 'x y z'");
  std::string unknown;
  for (int v = 1; v <= 6; ++v) unknown += str("ILSVRC2012_val_0000000", v, ".JPEG n99999999\n");
  expect_error(with(unknown), "class 'n99999999'");
  put("ilsvrc/ILSVRC2012_img_train.tar", tar_file("a.jpg", "x") + tar_end());
  expect_error(with(unknown), "a tar of one CLASS.tar for each class, but holds 'a.jpg'");
}

TEST_F(ArchivesTest, ClassesAreCalledByTheirWords) {
  make_ilsvrc();
  put("words.txt", "n01440764 tench, Tinca tinca\nn01443537\tgoldfish\nn02119789 kit fox\nn1 x\n");
  const DataConfig config{.root = folder_.file("ilsvrc"),
                          .val_labels = folder_.file("labels/LOC_val_solution.csv"),
                          .class_words = folder_.file("words.txt")};
  const DataSets data = open_data(config, 0);
  const std::vector<std::string> words = {"tench, Tinca tinca", "goldfish", "kit fox"};
  EXPECT_EQ(data.train->class_names(), words);
  EXPECT_EQ(data.val->class_names(), words);
  write_pack(data, folder_.file("p.h5"), false);
  EXPECT_EQ(open_data({.root = folder_.file("p.h5")}, 0).train->fingerprint(),
            data.train->fingerprint());
  put("words.txt", "n01440764 tench\n");
  expect_error(config, "no line for class 'n01443537'");
}

std::string sample(const std::string& key, int label, int number, const std::string& kind,
                   const std::string& text) {
  return tar_file(key + ".png", picture(label, number)) + tar_file(key + "." + kind, text) +
         tar_file(key + ".seg.png", "not an image");
}

TEST_F(ArchivesTest, ShardsAreReadWhereTheyLie) {
  std::string first, second, held;
  for (int i = 0; i < 6; ++i) {
    const int label = i % 2 == 0 ? 10 : 9;
    (i < 3 ? first : second) +=
        sample("a/" + std::to_string(i), label % 2, i, "cls", std::to_string(label) + "\n");
  }
  held = sample("a/9", 0, 9, "cls", "10");
  put("shards/x-train-000001.tar", second + tar_end());
  put("shards/x-train-000000.tar", tar_file("README.txt", "hello") + first + tar_end());
  put("shards/x-val-000000.tar", held + tar_end());
  const DataSets data = open_data({.root = folder_.file("shards")}, 0);
  ASSERT_EQ(data.train->size(), 6);
  EXPECT_EQ(data.val->size(), 1);
  EXPECT_EQ(data.train->class_names(), (std::vector<std::string>{"9", "10"}));
  EXPECT_EQ(data.val->label(0), 1);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(data.train->key(i), str("a/", i, ".png"));
    EXPECT_EQ(data.train->label(i), 1 - i % 2);
    EXPECT_EQ(data.train->load(i).rgb, striped_image(i % 2, static_cast<uint64_t>(i), 6).rgb);
  }
  std::string names;
  for (int i = 0; i < 11; ++i) names += str("name ", i, "\n");
  put("shards/classes.txt", names);
  expect_error({.root = folder_.file("shards")}, "class 'name 0'");  // eleven classes, two are met
}

// The same images as folders, in one archive of both splits, in one of each, and without splits.
TEST_F(ArchivesTest, ClassFoldersInAnArchiveAreWhatTheyAreUnpacked) {
  std::string both, train, val, plain;
  for (int i = 0; i < 12; ++i) {
    const std::string rest = str("class ", i % 3, i % 2 == 0 ? "/deep/" : "/", i, ".png");
    const std::string split = i < 9 ? "train/" : "val/";
    put("folders/" + split + rest, picture(i % 3, i));
    put("plain/" + rest, picture(i % 3, i));
    both += tar_file("./top/" + split + rest, picture(i % 3, i));
    (i < 9 ? train : val) += tar_file(split + rest, picture(i % 3, i));
    plain += tar_file("top/more/" + rest, picture(i % 3, i));
  }
  put("both.tar",
      tar_file("top/README", "x") + tar_file("top/.hidden.png", "x") + both + tar_end());
  put("t.tar", train + tar_end());
  put("v.tar", val + tar_end());
  put("plain.tar", plain + tar_end());
  const DataConfig folders{.root = folder_.file("folders")}, unsplit{.root = folder_.file("plain")};
  const std::vector<std::pair<DataConfig, DataConfig>> same = {
      {{.root = folder_.file("both.tar")}, folders},
      {{.train = folder_.file("t.tar"), .val = folder_.file("v.tar")}, folders},
      {{.root = folder_.file("plain.tar")}, unsplit}};
  for (const auto& [archive, unpacked] : same) {
    const DataSets a = open_data(archive, 0), b = open_data(unpacked, 0);
    EXPECT_EQ(a.train->fingerprint(), b.train->fingerprint()) << archive.root;
    EXPECT_EQ(a.val->fingerprint(), b.val->fingerprint()) << archive.root;
    for (int64_t i = 0; i < a.train->size(); ++i)
      EXPECT_EQ(a.train->stored(i).bytes, b.train->stored(i).bytes);
  }
  put("no.tar", tar_file("a/x.png", picture(0, 0)) + tar_file("y.png", picture(1, 1)) + tar_end());
  expect_error({.root = folder_.file("no.tar")}, "'y.png' of '");
  put("v.tar", tar_file("val/strange/x.png", picture(0, 0)) + tar_end());
  expect_error({.train = folder_.file("t.tar"), .val = folder_.file("v.tar")}, "class 'strange'");
}

TEST_F(ArchivesTest, LabelsOfShardsMayStandInJsonOrText) {
  for (const auto& [kind, a, b] :
       {std::tuple{"json", R"({"label": "cat", "x": [1]})", R"({"label": "dog"})"},
        {"txt", " cat\n", "dog"}}) {
    std::string bytes;
    for (int i = 0; i < 8; ++i)
      bytes += sample(std::to_string(i), i % 2, i, kind, i % 2 == 0 ? a : b);
    put(str(kind, ".tar"), bytes + tar_end());
    const DataSets data =
        open_data({.root = folder_.file(str(kind, ".tar")), .val_split = 0.25}, 0);
    EXPECT_EQ(data.train->class_names(), (std::vector<std::string>{"cat", "dog"}));
    EXPECT_EQ(data.train->size() + data.val->size(), 8);
  }
}

TEST_F(ArchivesTest, UnclearShardsAreRefused) {
  const auto with = [&](const std::string& bytes) {
    put("x.tar", bytes + tar_end());
    return DataConfig{.root = folder_.file("x.tar")};
  };
  const std::string image = picture(0, 0);
  const std::string good = sample("0", 0, 0, "cls", "0");
  expect_error(with(tar_file("0.png", image) + tar_file("1.png", image) + tar_file("0.cls", "0")),
               "sample '0'");
  expect_error(with(good + tar_file("1.png", image)), "sample '1' of");
  expect_error(with(good + tar_file("1.cls", "0")), "has no image");
  expect_error(with(good + sample("1", 0, 0, "txt", "0")), "expected .cls");
  expect_error(with(tar_file("0.png", image) + tar_file("0.jpg", image) + tar_file("0.cls", "1")),
               "two images");
  expect_error(with(sample("0", 0, 0, "json", "{\"caption\": 1}")), "no \"label\"");
  expect_error(with(sample("0", 0, 0, "json", "[1")), "no \"label\"");
  expect_error(with(sample("0", 0, 0, "cls", " \n")), "an empty label");
  expect_error(with(tar_file("0.txt", "x")), "no images in");
  expect_error(with(""), "no images in");
}

TEST_F(ArchivesTest, ListsNameFilesBesideThem) {
  write_class_folders(folder_.file("data"), 2, 4, 6);
  std::string rows = "\xEF\xBB\xBFid,Image_Path,Label\r\n";
  for (int i = 0; i < 8; ++i)
    rows += str(i, ",\"class_", i % 2, "/", i / 2, ".png\",\"a \"\"", i % 2, "\"\"\"\r\n\r\n");
  put("data/list.csv", rows);
  const DataSets data = open_data({.root = folder_.file("data/list.csv"), .val_split = 0.25}, 0);
  EXPECT_EQ(data.train->class_names(), (std::vector<std::string>{"a \"0\"", "a \"1\""}));
  EXPECT_EQ(data.train->size(), 6);
  EXPECT_EQ(data.val->size(), 2);
  EXPECT_TRUE(starts_with(data.train->key(0), "class_")) << data.train->key(0);
  put("data/train.csv", "file;label\nclass_0/0.png;x\nclass_1/0.png;y\nclass_0/0.png;x\n");
  put("data/val.tsv", "file\tlabel\nclass_1/1.png\ty\n");
  const DataSets pair =
      open_data({.train = folder_.file("data/train.csv"), .val = folder_.file("data/val.tsv")}, 0);
  EXPECT_EQ(pair.train->size(), 3);
  EXPECT_EQ(pair.val->label(0), 1);
  EXPECT_EQ(pair.train->storage(2), 0) << "the same file";
}

TEST_F(ArchivesTest, AFileThatIsListedOftenIsOnOneSideOfTheSplit) {
  write_class_folders(folder_.file("data"), 2, 10, 6);
  std::string rows = "file,label\n";
  for (int i = 0; i < 80; ++i) rows += str("class_", i % 2, "/", i / 2 % 10, ".png,", i % 2, "\n");
  put("data/list.csv", rows);
  const DataSets data = open_data({.root = folder_.file("data/list.csv"), .val_split = 0.3}, 0);
  EXPECT_EQ(data.val->size(), 24);
  std::set<std::string> held;
  for (int64_t i = 0; i < data.val->size(); ++i) held.insert(data.val->key(i));
  EXPECT_EQ(held.size(), 6u);
  for (int64_t i = 0; i < data.train->size(); ++i) EXPECT_FALSE(held.contains(data.train->key(i)));
  write_pack(data, folder_.file("p.h5"), false);
  const std::string pack = read_file(folder_.file("p.h5")), image = data.val->stored(0).bytes;
  const size_t once = pack.find(image);
  ASSERT_NE(once, std::string::npos);
  EXPECT_EQ(pack.find(image, once + 1), std::string::npos) << "stored more than once";
}

TEST_F(ArchivesTest, UnclearListsAreRefused) {
  write_class_folders(folder_.file("data"), 2, 4, 6);
  const auto with = [&](const std::string& text) {
    put("data/list.csv", text);
    return DataConfig{.root = folder_.file("data/list.csv")};
  };
  expect_error(with(""), "is empty");
  expect_error(with("file,label\n"), "no rows");
  expect_error(with("a,b\nx,y\n"), "which holds the images?");
  expect_error(with("file,path,label\nx,y,z\n"), "data.image_column=NAME");
  expect_error(with("file\nx\n"), "a header such as file,label");
  expect_error(with("file,label\nclass_0/0.png\n"), "line 2 has 1 fields, the header 2");
  expect_error(with("file,label\nclass_0/0.png,\n"), "line 2 has no label");
  expect_error(with("file,label\n\"class_0/0.png,x\n"), "a quote is not closed");
  expect_error(with("file,label\nclass_0/0.png,x\nclass_0/0.png,y\n"), "with two classes");
  expect_error(with("file,label\nclass_0/0.png,x\nclass_1/absent.png,y\n"), "class_1/absent.png");
  DataConfig named =
      with("a,b\nclass_0/0.png,x\nclass_0/1.png,x\nclass_1/0.png,y\nclass_1/1.png,y\n");
  named.image_column = "a";
  named.label_column = "b";
  named.val_split = 0.5;
  EXPECT_EQ(error_of(named), "no error");
  named.label_column = "c";
  expect_error(named, "'c' is none of them");
}

}  // namespace
}  // namespace vicinity::testing
