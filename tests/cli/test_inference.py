#!/usr/bin/env python3
"""What predict, eval, embed and config dump take for a model: classifiers and backbones, averaged weights, channels.

usage: test_inference.py BINARY SOURCE_FOLDER     (needs nothing but Python)
"""
import json
import pathlib
import re
import sys
import unittest

import torch_zip
from pictures import write_png
from program import Program

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
NAMES, PARITY = ROOT / "tests/fixtures/names", ROOT / "tests/fixtures/parity"
SMALL = ["data.eval_resize=56x56", "data.eval_crop=none", "train.precision=fp32"]


class Inference(Program):
    def setUp(self):
        super().setUp()
        self.image = self.data / "class_1/0.png"

    def logits(self, model, *words, **options):
        return json.loads(self.run_it("predict", model, self.image, *words, "--json", **options))["logits"]

    def test_a_backbone_is_told_from_a_classifier(self):
        self.run_it("export", NAMES / "dinov2_mlp_original.safetensors", "model.num_attention_heads=3", "--out", "bare")
        says = ["'bare' is a backbone", "vicinity embed bare", "vicinity eval knn bare", "vicinity train model.weights=bare", "model.head=FILE"]
        self.run_it("predict", "bare", self.image, code=3, has=says)
        self.run_it("eval", "bare", f"data.root={self.data}", code=3, has=says)
        self.run_it("embed", "bare", self.image, *SMALL, "--out", "f.npz", has=["wrote 1 rows"])
        head = f"model.head={NAMES / 'dinov2_mlp_linear_head.safetensors'}"
        self.assertEqual(len(self.logits("bare", head, *SMALL)), 5)

    def test_the_average_of_the_weights_is_taken_where_it_is_asked_for(self):
        self.train("--out", "run")
        self.train("--out", "other", "seed=9")
        plain, average = (self.logits(run, *SMALL) for run in ("run", "other"))
        weights, ema = (torch_zip.tensors(self.dir / run / "checkpoints/best/model.safetensors") for run in ("run", "other"))
        torch_zip.save(dict(epoch=3, state_dict=weights, state_dict_ema=ema), self.dir / "both.pth.tar")
        torch_zip.save(dict(epoch=3, state_dict=weights), self.dir / "one.pth.tar")
        model = ["model.dilations=[[1],[1]]", *SMALL]
        self.assertEqual(self.logits("one.pth.tar", *model), plain)
        self.assertEqual(self.logits("both.pth.tar", *model, has=["state_dict_ema: model.use_ema=true takes it"]), plain)
        self.assertEqual(self.logits("both.pth.tar", "model.use_ema=true", *model), average)
        self.run_it("predict", "one.pth.tar", self.image, "model.use_ema=true", *model, code=3,
                    has=["holds no averaged weights (state_dict_ema, model_ema)"])
        self.run_it("predict", "run/checkpoints/best", self.image, "model.use_ema=true", code=3, has=["holds one set of them"])
        self.train("--out", "tuned", "model.weights=both.pth.tar", "model.use_ema=true", has=["both.pth.tar", "the average of the weights"])
        self.logits("tuned")

    def test_config_dump_shows_the_architecture_of_the_weights(self):
        weights = PARITY / "dinov2_mlp"
        shown = self.run_it("config", "dump", f"model.weights={weights}", "--origin")
        self.assertIn(f"hidden_size: 24  # {weights}/config.json", shown)
        self.assertIn("family: dinov2", shown)
        self.assertIn(f"weights: {weights}  # command line".replace(str(weights), str(weights)), shown.replace('"', ""))
        shown = self.run_it("config", "dump", f"model.weights={weights}", "model.drop_path_rate=0.25", "--origin")
        self.assertIn("drop_path_rate: 0.25  # command line", shown)
        self.run_it("config", "dump", f"model.weights={weights}", "model.hidden_size=48", code=2, has=["model.hidden_size = 48", "have 24"])
        (self.dir / "dump.yaml").write_text(self.run_it("config", "dump", f"model.weights={weights}"))
        self.assertEqual(self.run_it("config", "dump", "--config", "dump.yaml"), (self.dir / "dump.yaml").read_text())
        self.run_it("config", "dump", "model.weights=gone", has=["'gone' is not there"])

    def test_grey_images_for_a_model_of_one_channel(self):
        self.train("--out", "run", "model.num_channels=1")
        self.assertIn("mean: [0.449]", re.sub(r"0\.44900\d+", "0.449", (self.dir / "run/config.yaml").read_text()))
        best = self.dir / "run/checkpoints/best"
        processor = json.loads((best / "preprocessor_config.json").read_text())
        self.assertAlmostEqual(processor["image_mean"][0], 0.449)
        self.assertEqual([len(processor[key]) for key in ("image_mean", "image_std")], [1, 1])
        self.assertIs(processor["do_convert_rgb"], False)
        self.assertEqual(json.loads((best / "config.json").read_text())["num_channels"], 1)
        write_png(self.dir / "grey.png", 1, 3, side=21, colours=1)
        write_png(self.dir / "colour.png", 1, 3, side=21)  # of equal channels
        write_png(self.dir / "pink.png", 1, 3, side=21, tint=(255, 128, 128))
        grey, colour, pink = (json.loads(line)["logits"] for line in
                              self.run_it("predict", "run", "grey.png", "colour.png", "pink.png", "--json").splitlines())
        self.assertEqual(grey, colour)
        self.assertNotEqual(grey, pink)
        from_model = self.run_it("predict", best, "grey.png", "--json", "--save", "sheet.png")
        self.assertEqual(json.loads(from_model)["logits"], grey)
        self.run_it("eval", "run", f"data.root={self.data}", has=["top-1"])
        self.run_it("eval", "knn", "run", f"data.root={self.data}", "--cache", "none", has=["top-1"])
        self.run_it("embed", "run", "grey.png", "--out", "f.npz", has=["wrote 1 rows"])
        self.run_it("train", "--out", "run", "--resume", "train.steps=6", has=["resumed at step 4"])
        self.run_it("data", "preview", f"data.root={self.data}", "model.num_channels=1", "train.mixup=0.8", "data.image_size=16", "--out", "p.png")
        # One number counts for all channels of a colour model.
        self.train("--out", "three", "data.mean=[0.5]", "data.std=[0.25]")
        self.assertIn("mean: [0.5, 0.5, 0.5]", (self.dir / "three/config.yaml").read_text())

    def test_the_first_layer_is_adapted_to_grey_and_back(self):
        small = ["data.image_size=56", "data.train_crop=none", "train.steps=1", "train.batch=4", "train.micro_batch=4", f"data.root={self.data}"]
        self.run_it("train", f"model.weights={PARITY / 'dinov2_mlp'}", "model.num_channels=1", *small, "--out", "tuned",
                    has=["[24, 3, 7, 7] -> [24, 1, 7, 7], sum of 3 channels"])
        self.run_it("predict", "tuned", self.image)
        self.run_it("export", "tuned", "model.num_channels=3", "--out", "rgb", has=["1 channel repeated, times 1/3"])
        self.assertEqual(len(json.loads((self.dir / "rgb/preprocessor_config.json").read_text())["image_mean"]), 3)
        self.assertEqual(len(self.logits("rgb")), 2)

    def test_channels_that_files_do_not_have(self):
        self.run_it("export", PARITY / "dinov2_mlp", "model.num_channels=4", "--out", "four", has=["3 channels repeated, times 3/4"])
        says = ["model.num_channels = 4", "as grey for a model of 1 channel", "vicinity.h"]
        self.run_it("predict", "four", self.image, code=2, has=says)
        self.run_it("eval", "four", f"data.root={self.data}", code=2, has=says)
        self.run_it("embed", "four", self.image, "--out", "f.npz", code=2, has=says)
        self.run_it("train", "model.weights=four", f"data.root={self.data}", "--out", "run4", "data.image_size=56", code=2, has=says)
        self.run_it("inspect", "four", "data.image_size=56", has=["GFLOP an image"])
        self.run_it("predict", "four", self.image, "model.num_channels=3", *SMALL, code=3, has=["[24, 4, 7, 7]"])

    def test_what_no_tensor_tells_is_said(self):
        self.run_it("export", PARITY / "dinov2_mlp", "--out", "bare")
        (self.dir / "bare/config.json").unlink()
        self.logits("bare", "model.num_attention_heads=3", *SMALL, has=["no config.json beside 'bare/model.safetensors'"])
        self.run_it("train", f"data.root={self.data}", "model.family=dinov2", "model.hidden_size=64", "model.num_hidden_layers=1",
                    "model.num_attention_heads=2", "model.image_size=56", "data.image_size=56", "train.batch=4", "train.micro_batch=4",
                    "train.steps=1", "--out", "run")
        self.run_it("export", "run", "--out", "wide")
        (self.dir / "wide/config.json").unlink()
        self.run_it("predict", "wide", self.image, has=["heads of 64", "model.num_attention_heads = 1"])

if __name__ == "__main__":
    unittest.main(verbosity=1)
