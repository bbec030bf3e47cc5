#!/usr/bin/env python3
"""eval, eval knn, eval linear and the floor of a fine-tune, as users meet them.

usage: test_eval.py BINARY     (needs nothing but Python)
"""
import csv
import json
import unittest

from pictures import write_png
from program import TINY, Program

VIT = ["data.image_size=16", "data.train_crop=none", "model.family=dinov2", "model.hidden_size=16", "model.num_hidden_layers=5",
       "model.num_attention_heads=2", "model.image_size=16", "model.patch_size=4", "model.mlp_ratio=2", "train.batch=8",
       "train.micro_batch=4", "train.steps=4"]
FP32 = "train.precision=fp32"


class Evaluation(Program):
    """Three classes; 30 training images and 11 for validation, of which class_2 has none."""

    def setUp(self):
        super().setUp()
        self.data = self.dir / "pair"
        for label in range(3):
            for number in range(10):
                write_png(self.data / "train" / f"class_{label}" / f"{number}.png", label, number)
            for number in range(10, 18 - 5 * label if label < 2 else 10):
                write_png(self.data / "val" / f"class_{label}" / f"{number}.png", label, number)
        self.cache = ["--cache", self.dir / "kept"]

    def json_of(self, *words):
        return json.loads(self.run_it(*words, "--json"))

    def rows(self, name):
        with open(self.dir / name, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_a_class_that_validation_lacks_is_named(self):
        self.train("--out", "run", has=["1 of 3 classes has no validation images, and accuracies say nothing of it: class_2"])
        for split in ("train", "val"):
            (self.data / split / "class_0").rename(self.data / split / "blüte")
        self.train("--out", "named")
        lines = self.run_it("eval", "named").splitlines()
        self.assertEqual(len({len(line) for line in lines if line.startswith(("  blüte", "  class_"))}), 1, lines)

    def test_counts_are_exact_and_files_agree(self):
        self.train("--out", "run")
        whole = self.json_of("eval", "run", "--out", "whole")
        self.assertEqual(whole["n"], 11)
        for batch in (1, 3, 7):
            other = self.json_of("eval", "run", f"train.micro_batch={batch}")
            for key in ("n", "top1", "top5", "confusion"):
                self.assertEqual(other[key], whole[key], f"{key} in batches of {batch}")
        self.assertEqual(whole, json.loads((self.dir / "whole/eval.json").read_text()))
        self.assertEqual([c["n"] for c in whole["classes"]], [8, 3, 0])
        self.assertIsNone(whole["classes"][2]["recall_percent"])
        self.assertEqual(sum(n for _, _, n in whole["confusion"]), 11)
        self.assertEqual(sum(n for a, b, n in whole["confusion"] if a == b), whole["top1"])
        self.assertEqual(sum(b["n"] for b in whole["calibration"]), 11)
        rows = self.rows("whole/predictions.csv")
        self.assertEqual(len(rows), 11)
        self.assertEqual(sum(r["label"] == r["prediction"] for r in rows), whole["top1"])
        self.assertEqual(sum(int(r["n"]) for r in self.rows("whole/confusion.csv")), 11)
        self.assertEqual([r["n"] for r in self.rows("whole/per_class.csv")], ["8", "3", "0"])
        wrong = [r for r in rows if r["label"] != r["prediction"]]
        self.assertEqual(len(whole["worst"]), len(wrong))
        if wrong:
            self.assertEqual(whole["worst"][0]["file"], max(wrong, key=lambda r: float(r["confidence"]))["file"])
        self.run_it("eval", "run", "--out", "whole", code=2, has=["eval.json", "--overwrite"])
        self.run_it("eval", "run", "--out", "whole", "--overwrite", has=["recall", "class_0", "balanced", "ECE", "wrote whole"])
        of_run = json.loads((self.dir / "run/eval/eval.json").read_text())
        self.assertEqual((of_run["step"], of_run["top1"]), (4, whole["top1"]))

    def test_a_test_set_beside_the_training_images(self):
        self.train("--out", "run")
        for number in range(5):
            write_png(self.dir / "test/class_1" / f"{number}.png", 1, number)
        pair = [f"data.train={self.data}/train", "data.val=test"]
        report = self.json_of("eval", "run", *pair)
        self.assertEqual((report["n"], [c["n"] for c in report["classes"]]), (5, [0, 5, 0]))
        self.run_it("train", "--out", "run", "--resume", "train.steps=5", f"data.train={self.data}/train", f"data.val={self.data}/val",
                    has=["resumed with changed settings: data.root", "of 11)"])
        self.assertEqual(self.json_of("eval", "run")["n"], 11)
        self.assertEqual(self.json_of("eval", "run", f"data.root={self.data}")["n"], 11)

    def test_knn(self):
        self.train("--out", "run")
        first = self.json_of("eval", "knn", "run", *self.cache)
        self.assertEqual([k["k"] for k in first["k"]], [10, 20])
        self.assertEqual((first["n"], first["training_images"], first["headline_k"]), (11, 30, 20))
        files = sorted(self.dir.glob("kept/*.safetensors"))
        self.assertEqual(len(files), 2)
        self.run_it("eval", "knn", "model.weights=run", f"data.root={self.data}", *TINY[:2], *self.cache, "threads=3",
                    "data.loader_threads=1", "--out", "k", has=["from ", "k 10", "k 20", "of k = 20", "recall"])
        self.assertEqual(sorted(self.dir.glob("kept/*.safetensors")), files, "features were there")
        self.assertEqual(json.loads((self.dir / "k/eval.json").read_text())["top1"], first["k"][1]["top1"])
        write_png(self.data / "val/class_0/10.png", 1, 5)  # another picture under the same name
        self.run_it("eval", "knn", "run", *self.cache, has=["kept in"])
        self.assertEqual(len(list(self.dir.glob("kept/*.safetensors"))), 3, "only the validation images changed")
        self.run_it("eval", "knn", "run", "--cache", "none")
        self.run_it("eval", "knn", code=2, has=["takes one run or model directory"])
        self.run_it("eval", "knnn", "run", code=2)

    def test_linear(self):
        for family, words in (("dinat", TINY), ("dinov2", VIT)):
            self.run_it("train", f"data.root={self.data}", *words, FP32, "--out", family)
            linear = self.json_of("eval", "linear", family, *self.cache, "--steps", 300, "--batch", 16, "--save", f"{family}-head")
            self.assertEqual(len(linear["heads"]), 52 if family == "dinov2" else 13)
            self.assertEqual(linear["top1"], max(h["top1"] for h in linear["heads"]))
            self.assertEqual(linear["best"]["lr_of_batch"], linear["best"]["lr"] * 16 / 256)
            self.assertGreater(linear["top1_percent"], 60)
            on_last = max(h["top1"] for h in linear["heads"] if h["blocks"] == 1)
            saved = self.json_of("eval", f"{family}-head", f"data.root={self.data}", FP32)
            self.assertEqual(saved["top1"], on_last, "the saved model says what its head said")
            line = json.loads(self.run_it("predict", f"{family}-head", self.data / "val/class_0/10.png", "--json"))
            self.assertEqual(set(line["probabilities"]), {"class_0", "class_1", "class_2"})
            self.run_it("eval", "linear", family, *self.cache, "--save", f"{family}-head", code=2, has=["--overwrite"])
            again = self.json_of("eval", "linear", family, "--cache", "none", "--steps", 300, "--batch", 16, "threads=3")
            self.assertEqual(again, linear)
        self.run_it("eval", "linear", "dinov2", *self.cache, "--steps", 20, has=["best: ", "chosen on these validation images", "lr "])
        self.run_it("eval", "linear", "dinov2", "--cache", "none", "--steps", 0, code=2, has=["--steps"])

    def test_floor(self):
        self.train("--out", "run")
        start = [f"data.root={self.data}", "data.image_size=16", "data.train_crop=none", "model.weights=run", "train.batch=8",
                 "train.micro_batch=4"]
        self.run_it("train", *start, "train.steps=4", "--out", "short")
        self.assertFalse((self.dir / "short/eval/floor.json").exists(), "it would cost more than a tenth of the training")
        self.run_it("train", *start, "train.steps=30", "optim.lr=3", "--out", "lost",
                    has=["floor", "before training", "is below the floor", "optim.lr=0.3", "eval linear model.weights=run"])
        floor = json.loads((self.dir / "lost/eval/floor.json").read_text())
        knn = self.json_of("eval", "knn", "run", "--cache", "none")
        self.assertEqual((floor["k"], floor["top1"], floor["n"]), (20, knn["k"][1]["top1"], 11))
        self.run_it("train", *start, "train.steps=30", "optim.lr=0", "train.floor=none", "--out", "none")
        self.assertFalse((self.dir / "none/eval/floor.json").exists())
        self.run_it("train", *start, "train.floor=knn", "train.steps=60", "optim.lr=0.003", "--out", "fine", has=["points above"])
        (self.dir / "killed").mkdir()  # before its floor was known
        (self.dir / "killed/config.yaml").write_bytes((self.dir / "lost/config.yaml").read_bytes())
        self.run_it("train", "--out", "killed", "--resume", has=["resumed at step 0", "before training", "is below the floor"])
        self.assertEqual(json.loads((self.dir / "killed/eval/floor.json").read_text()), floor)
        self.train("--out", "scratch", "train.steps=60")
        self.assertFalse((self.dir / "scratch/eval/floor.json").exists(), "there are no weights to start from")

    def test_linear_floor(self):
        for family, words, heads in (("dinat", TINY, 13), ("dinov2", VIT, 52)):
            self.run_it("train", f"data.root={self.data}", *words, FP32, "--out", family)
            again = [f"model.weights={family}", "train.floor=linear", "optim.lr=0", FP32]
            self.run_it("train", f"data.root={self.data}", *words[:2], "train.batch=8", "train.micro_batch=4", "train.steps=4", *again,
                        "--out", f"{family}-tuned", has=[f"the best of {heads} linear classifiers on the frozen weights"])
            floor = json.loads((self.dir / f"{family}-tuned/eval/floor.json").read_text())
            linear = self.json_of("eval", "linear", family, "--cache", "none", FP32)
            self.assertEqual((floor["method"], floor["heads"], floor["top1"], floor["n"]), ("linear", heads, linear["top1"], 11))


if __name__ == "__main__":
    unittest.main(verbosity=1)
