#!/usr/bin/env python3
"""What predict, eval, embed and config dump take for a model: classifiers and backbones, averaged weights, channels.

usage: test_inference.py BINARY SOURCE_FOLDER     (needs nothing but Python)
"""
import json
import pathlib
import sys
import unittest

import torch_zip
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

    def test_channels_that_files_do_not_have(self):
        self.run_it("export", PARITY / "dinov2_mlp", "model.num_channels=1", "--out", "grey")
        self.run_it("export", PARITY / "dinov2_mlp", "model.num_channels=4", "--out", "four")
        for channels, model in ((1, "grey"), (4, "four")):
            says = [f"model.num_channels = {channels}", "3 channels, RGB", "model.num_channels=3 adapts", "vicinity.h"]
            self.run_it("predict", model, self.image, code=2, has=says)
            self.run_it("eval", model, f"data.root={self.data}", code=2, has=says)
            self.run_it("embed", model, self.image, "--out", "f.npz", code=2, has=says)
            self.run_it("train", f"model.weights={model}", f"data.root={self.data}", "--out", f"run{channels}", "data.image_size=56", code=2, has=says)
            self.run_it("inspect", model, "data.image_size=56", has=["GFLOP an image"])
        self.assertEqual(len(self.logits("grey", "model.num_channels=3", *SMALL)), 5)
        self.run_it("predict", "four", self.image, "model.num_channels=3", *SMALL, code=3, has=["[24, 4, 7, 7]"])


if __name__ == "__main__":
    unittest.main(verbosity=1)
