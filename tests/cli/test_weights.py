#!/usr/bin/env python3
"""Weights of others, and ours for others, on the command line: load table, export, round trips, refusals.

usage: test_weights.py BINARY SOURCE_FOLDER
Exports are read by the packages of scripts/python_tools, and, where VICINITY_PYTHON names an interpreter that has
them, opened by transformers and timm.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from pictures import write_png

BINARY, ROOT = (pathlib.Path(sys.argv.pop(1)).resolve() for _ in range(2))
HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = ROOT / "tests/fixtures"
NAMES, PARITY = FIXTURES / "names", FIXTURES / "parity"
TOOLS = ROOT / ".cache/python/bin/python"
OTHERS = os.environ.get("VICINITY_PYTHON")
K7 = ["model.dilations=[[1,4,3],[2,1],[1]]", "model.layer_norm_eps=1e-6"]
SHORT = ["data.image_size=56", "data.train_crop=none", "train.batch=4", "train.micro_batch=4", "train.steps=1", "model.small_maps=pad"]


class Weights(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="vicinity weights ")
        self.dir = pathlib.Path(self.temporary.name)
        for label in range(2):
            for number in range(4):
                write_png(self.dir / "data" / f"class_{label}" / f"{number}.png", label, number)

    def tearDown(self):
        self.temporary.cleanup()

    def run_it(self, *words, code=0, has=()):
        done = subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, cwd=self.dir, timeout=300)
        text = done.stdout + done.stderr
        self.assertEqual(done.returncode, code, f"{words}:\n{text}")
        for part in has:
            self.assertIn(part, text)
        return text

    def train(self, *words, **options):
        return self.run_it("train", "data.root=data", *SHORT, *words, **options)

    def same_file(self, a, b):
        self.assertEqual((self.dir / a).read_bytes(), (self.dir / b).read_bytes(), f"{a} and {b}")

    def python(self, interpreter, script, *words):
        done = subprocess.run([interpreter, HERE / script, *map(str, words)], capture_output=True, text=True, cwd=self.dir,
                              timeout=600, env={**os.environ, "HF_HUB_OFFLINE": "1"})
        self.assertEqual(done.returncode, 0, f"{script} {words}:\n{done.stdout}{done.stderr}")
        return done.stdout

    # ---- Round trips

    def test_from_hugging_face_to_the_original_and_timm_and_back(self):
        cases = [("dinat_k7", "original"), ("dinat_k5_padded", "original"), ("dinov2_mlp", "original"), ("dinov2_mlp", "timm"),
                 ("dinov2_swiglu", "original"), ("dinov2_swiglu", "timm"), ("dinov2_registers", "original"), ("dinov2_registers", "timm")]
        for name, to in cases:
            with self.subTest(name=name, to=to):
                source = (NAMES if name == "dinov2_registers" else PARITY) / name
                there, back, straight = f"{name}_{to}", f"{name}_{to}_back", f"{name}_{to}_hf"
                self.run_it("export", source, "--out", there, "--to", to, has=["100.0 % of the backbone", f"wrote {there}/{to}.safetensors"])
                self.run_it("export", f"{there}/{to}.safetensors", "--out", back, has=[f"{to} names", "new      0", "unused   0"])
                self.run_it("export", source, "--out", straight)
                self.same_file(f"{back}/model.safetensors", f"{straight}/model.safetensors")
                self.same_file(f"{back}/config.json", f"{straight}/config.json")

    def test_from_a_run(self):
        self.train("model.family=dinov2", "model.hidden_size=16", "model.num_hidden_layers=1", "model.num_attention_heads=2",
                   "model.patch_size=14", "model.image_size=56", "model.num_register_tokens=2", "model.position_interpolation=antialias",
                   "--out", "run")
        self.run_it("export", "run", "--out", "hf", has=["wrote hf/model.safetensors"])
        self.same_file("run/checkpoints/best/model.safetensors", "hf/model.safetensors")
        config = json.loads((self.dir / "hf/config.json").read_text())
        self.assertEqual(config["architectures"], ["Dinov2WithRegistersForImageClassification"])
        self.assertEqual(config["id2label"], {"0": "class_0", "1": "class_1"})
        self.assertEqual(config["problem_type"], "single_label_classification")
        self.run_it("export", "run", "--out", "timm", "--to", "timm")
        self.run_it("export", "timm/timm.safetensors", "--out", "back")
        self.same_file("back/model.safetensors", "hf/model.safetensors")

    def test_a_model_without_classifier_stays_one(self):
        self.run_it("export", NAMES / "dinov2_mlp_original.safetensors", "model.num_attention_heads=3", "--out", "bare")
        config = json.loads((self.dir / "bare/config.json").read_text())
        self.assertEqual(config["architectures"], ["Dinov2Model"])
        self.assertNotIn("id2label", config)
        self.run_it("inspect", "bare", has=["classes   none: a backbone"])
        self.run_it("inspect", "bare/model.safetensors", has=["embeddings.cls_token", "hidden_size = 24"])
        self.run_it("export", NAMES / "dinov2_mlp_original.safetensors", "model.num_attention_heads=3",
                    f"model.head={NAMES / 'dinov2_mlp_linear_head.safetensors'}", "--out", "whole")
        self.run_it("export", PARITY / "dinov2_mlp", "--out", "hf")
        wide, narrow = (self.dir / d / "model.safetensors" for d in ("hf", "whole"))  # F64, of the fixture, and F32
        self.assertGreater(wide.stat().st_size, narrow.stat().st_size)
        self.run_it("inspect", "whole", has=["classes   5"])

    def test_a_full_folder_is_left_alone(self):
        self.run_it("export", PARITY / "dinov2_mlp", "--out", "hf")
        self.run_it("export", PARITY / "dinov2_mlp", "--out", "hf", code=2, has=["not empty", "--overwrite"])
        self.run_it("export", PARITY / "dinov2_mlp", "--out", "hf", "--to", "original", "--overwrite")
        self.assertFalse((self.dir / "hf/model.safetensors").exists())
        self.run_it("export", PARITY / "dinov2_mlp", "--out", "data", "--overwrite", code=2, has=["does not look like an export"])
        self.run_it("export", PARITY / "dinat_k7", "--out", "hf", "--to", "timm", "--overwrite", code=2, has=["timm has no DiNAT"])
        self.assertTrue((self.dir / "hf/original.safetensors").exists())
        self.run_it("export", PARITY / "dinat_k7", "--out", "x", "--to", "onnx", code=2, has=["hf, original, timm"])
        self.run_it("export", PARITY / "dinat_k7", code=2, has=["--out DIR"])

    def test_the_source_is_not_overwritten(self):
        self.run_it("export", PARITY / "dinov2_mlp", "--out", "hf")
        before = (self.dir / "hf/model.safetensors").read_bytes()
        for source in ("hf", "hf/model.safetensors", self.dir / "hf/.."  / "hf"):
            self.run_it("export", source, "--out", "./hf", "--to", "original", "--overwrite", code=2,
                        has=["is the folder of the weights that are read"])
        self.assertEqual((self.dir / "hf/model.safetensors").read_bytes(), before)

    # ---- Starting from weights

    def test_training_takes_the_architecture_of_the_weights(self):
        text = self.train(f"model.weights={PARITY / 'dinov2_mlp'}", "--out", "run", has=[
            "Hugging Face names; 100.0 % of the backbone matched", "the file has 5 classes, the model 2: its classifier is new"])
        self.assertIn("new      2  (classifier.weight, classifier.bias)", text)
        self.assertIn("hidden_size: 24", (self.dir / "run/config.yaml").read_text())
        self.train(f"model.weights={NAMES / 'dinat_k7_original.safetensors'}", *K7, "model.kernel_size=5", "--out", "other",
                   has=["original names", "[2, 13, 13] -> [2, 9, 9], bicubic: kernel 7 to 5"])
        shutil.copytree(PARITY / "dinov2_mlp", self.dir / "hf")
        (self.dir / "hf/config.json").unlink()
        self.train("model.weights=hf", "--out", "shapes", code=2, has=["model.num_attention_heads", "no config.json"])
        self.train("model.weights=hf", "model.num_attention_heads=3", "--out", "shapes", has=["100.0 %"])

    def test_a_run_goes_on_without_the_weights_it_started_from(self):
        shutil.copytree(PARITY / "dinov2_mlp", self.dir / "hf")
        self.train("model.weights=hf", "--out", "run")
        shutil.rmtree(self.dir / "hf")
        self.run_it("train", "--out", "run", "--resume", "train.steps=2", has=["resumed at step 1"])
        self.run_it("eval", "run", has=["top-1"])

    def test_keys_that_contradict_the_weights(self):
        weights = f"model.weights={PARITY / 'dinov2_mlp'}"
        self.train(weights, "model.hidden_size=48", "--out", "x0", code=2, has=["model.hidden_size = 48 (command line)", "have 24"])
        self.train(weights, "model.family=dinat", "--out", "x1", code=2, has=["model.family = dinat", "holds a dinov2"])
        self.train(weights, "model.num_hidden_layers=9", "--out", "x2", code=3, has=["model.min_match = 0.9", "new"])
        self.train(weights, "model.num_hidden_layers=9", "model.min_match=0.3", "--out", "y", has=["% of the backbone matched"])
        self.train(weights, "model.num_channels=4", "--out", "x3", code=2, has=["model.num_channels = 4", "read as RGB"])
        self.train(weights, "model.hidden_dropout_prob=0.1", "--out", "x4", code=2, has=["model.hidden_dropout_prob = 0.1"])

    def test_weights_that_are_not_there(self):
        self.train("model.weights=facebook/dinov2-small", "--out", "x", code=3, has=[
            "config.json model.safetensors preprocessor_config.json", "hf download facebook/dinov2-small",
            "https://huggingface.co/facebook/dinov2-small/resolve/main/"])
        self.run_it("export", "dinov2_vits14_pretrain.pth", "--out", "x", code=3, has=[
            "https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_pretrain.pth"])
        self.run_it("export", "data", "--out", "x", code=3, has=["no model in 'data'", "pytorch_model.bin"])

    def test_inspect_shows_whose_names_and_what_model(self):
        self.run_it("inspect", NAMES / "dinov2_mlp_chunked.safetensors", has=["original names behind 'teacher.'", "hidden_size = 24"])
        shown = json.loads(self.run_it("inspect", NAMES / "dinov2_registers_timm.safetensors", "--json"))
        self.assertEqual(shown["format"], "timm")
        self.assertEqual(shown["architecture"]["num_register_tokens"], 2)
        self.assertEqual(shown["tensors"]["reg_token"], {"dtype": "F32", "shape": [1, 2, 24]})

    # ---- What others make of it

    def test_exports_are_what_others_read(self):
        self.assertTrue(TOOLS.exists(), "run scripts/python_tools first, as ./test does")
        for name, to, reference in [("dinat_k7", "hf", PARITY / "dinat_k7/model.safetensors"),
                                    ("dinat_k7", "original", NAMES / "dinat_k7_original.safetensors"),
                                    ("dinov2_swiglu", "hf", PARITY / "dinov2_swiglu/model.safetensors"),
                                    ("dinov2_swiglu", "timm", NAMES / "dinov2_swiglu_timm.safetensors")]:
            with self.subTest(name=name, to=to):
                self.run_it("export", PARITY / name, "--out", f"{name}_{to}", "--to", to)
                file = "model" if to == "hf" else to
                self.assertIn("equal", self.python(TOOLS, "read_export.py", f"{name}_{to}/{file}.safetensors", reference))

    @unittest.skipUnless(OTHERS, "VICINITY_PYTHON does not name an interpreter with PyTorch, transformers and timm")
    def test_transformers_and_timm_open_exports(self):
        version = self.python(OTHERS, "versions.py")
        cases = [("dinov2_swiglu", PARITY, "f64"), ("dinov2_registers", NAMES, "own"), ("dinov2_registers", NAMES, "other")]
        if "transformers 4.37" in version:  # the last releases whose DiNAT runs; without registers
            cases = [("dinov2_swiglu", PARITY, "f64"), ("dinov2_mlp", PARITY, "f64"), ("dinat_k7", PARITY, "f64"), ("dinat_k5_padded", PARITY, "f64")]
        for name, folder, prefix in cases:
            with self.subTest(name=name, prefix=prefix):
                out = f"{name}_{prefix}"
                self.run_it("export", folder / name, "--out", out)
                print(self.python(OTHERS, "open_export.py", "hf", out, folder / name / "fixture.safetensors", prefix), end="")
                if "timm" in version and name != "dinov2_mlp" and not name.startswith("dinat"):
                    self.run_it("export", folder / name, "--out", f"{out}_timm", "--to", "timm")
                    print(self.python(OTHERS, "open_export.py", "timm", f"{out}_timm", out), end="")


if __name__ == "__main__":
    unittest.main(verbosity=1)
