#!/usr/bin/env python3
"""Every `build/vicinity ...` line of the README and the tutorial runs as it is written, in the order in which it is written.

Training is shortened: two steps of two images are appended to what the reader would type. What is resumed was cut after the first of them.
usage: test_docs.py BINARY SOURCE_FOLDER     (needs nothing but Python)
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

from archives import make_ilsvrc
from pictures import write_png

OTHERS = os.environ.get("VICINITY_PYTHON")
BINARY, ROOT = (pathlib.Path(sys.argv.pop(1)).resolve() for _ in range(2))
SHORT = ["train.steps=2", "train.batch=2", "train.micro_batch=2", "train.save_every=1"]


def commands(document):
    """Lines of code blocks that start with the program, without the remark behind them."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", (ROOT / document).read_text(), re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("build/vicinity ")]
    return [shlex.split(line, comments=True) for line in lines]


class Documents(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="vicinity docs ")
        self.dir = pathlib.Path(self.temporary.name)
        (self.dir / "build").mkdir()
        (self.dir / "build/vicinity").symlink_to(BINARY)
        for label, name in enumerate(("daisy", "tulip")):
            for number in range(7):
                write_png(self.dir / "flowers" / name / f"{number}.png", label, number, side=48)
        write_png(self.dir / "photo.jpg", 0, 9, side=40)  # what a file is, its first bytes say
        write_png(self.dir / "more/1.png", 1, 9, side=40)

    def tearDown(self):
        self.temporary.cleanup()

    def cut(self, run):
        """As if it had been killed after its first step."""
        (self.dir / run / "DONE").unlink()
        shutil.rmtree(self.dir / run / "checkpoints/step_2")

    def run_all(self, document):
        found = commands(document)
        self.assertGreater(len(found), 4, f"no commands found in {document}")
        for words in found:
            resumes = words[1] == "train" and "--resume" in words
            if resumes:
                self.cut(words[words.index("--out") + 1])
            short = SHORT if words[1] == "train" and not resumes else []
            if words[1:3] == ["eval", "linear"]:
                short = ["--steps", "20"]
            done = subprocess.run([*words, *short], capture_output=True, text=True, cwd=self.dir, timeout=300,
                                  env={**os.environ, "XDG_CACHE_HOME": str(self.dir / "cache")})
            self.assertEqual(done.returncode, 0, f"{document}: {' '.join(words)}\n{done.stdout}{done.stderr}")
            if resumes:
                self.assertIn("resumed at step 1 of 2", done.stderr)

    def test_readme(self):
        self.run_all("README.md")

    def test_huggingface(self):
        tiny = ["model.family=dinov2", "model.hidden_size=64", "model.num_hidden_layers=1", "model.num_attention_heads=1",
                "model.image_size=56", "data.image_size=56"]
        for words in (["train", "data.root=flowers", *tiny, *SHORT, "--out", "runs/flowers"],
                      ["export", "runs/flowers", "--out", "published", "--to", "original"]):
            subprocess.run(["build/vicinity", *words], check=True, capture_output=True, cwd=self.dir, timeout=300)
        (self.dir / "published/original.safetensors").rename(self.dir / "dinov2_vits14_pretrain.pth")
        self.run_all("docs/huggingface.md")
        self.assertEqual((self.dir / "hf/model.safetensors").read_bytes(), (self.dir / "back/model.safetensors").read_bytes())

    def test_imagenet(self):
        make_ilsvrc(self.dir / "ilsvrc")
        self.run_all("docs/tutorial_imagenet.md")

    def test_tutorial(self):
        tiny = ["model.family=dinov2", "model.hidden_size=64", "model.num_hidden_layers=2", "model.num_attention_heads=1",
                "model.image_size=56", "data.image_size=56"]
        for words in (["train", "data.root=flowers", *tiny, *SHORT, "--out", "runs/first"], ["export", "runs/first", "--out", "weights"]):
            subprocess.run(["build/vicinity", *words], check=True, capture_output=True, cwd=self.dir, timeout=300)
        self.run_all("docs/tutorial_own_images.md")

    def test_published(self):
        tiny = ["model.family=dinov2", "model.hidden_size=64", "model.num_hidden_layers=2", "model.num_attention_heads=1",
                "model.image_size=56", "data.image_size=56"]
        for words in (["train", "data.root=flowers", *tiny, *SHORT, "--out", "runs/first"], ["export", "runs/first", "--out", "dinov2-small"]):
            subprocess.run(["build/vicinity", *words], check=True, capture_output=True, cwd=self.dir, timeout=300)
        (self.dir / "runs/first").rename(self.dir / "first")
        self.run_all("docs/tutorial_published.md")
        self.assertEqual(json.loads((self.dir / "flowers-dinov2/config.json").read_text())["position_interpolation"], "size")
        if not OTHERS:
            print("the tutorial's Python was not run: VICINITY_PYTHON names no interpreter with transformers")
            return
        block = re.search(r"^```python\n(.*?)^```", (ROOT / "docs/tutorial_published.md").read_text(), re.M | re.S)[1]
        python = subprocess.run([OTHERS, "-c", block], capture_output=True, text=True, cwd=self.dir, timeout=600,
                                env={**os.environ, "HF_HUB_OFFLINE": "1"})
        self.assertEqual(python.returncode, 0, python.stderr)
        ours = json.loads(subprocess.run(["build/vicinity", "predict", "runs/flowers", "photo.jpg", "train.precision=fp32", "--json"],
                                         check=True, capture_output=True, text=True, cwd=self.dir, timeout=300).stdout)
        label, probability = python.stdout.split()
        self.assertEqual(label, ours["label"])
        self.assertAlmostEqual(float(probability), ours["probability"], places=5)


if __name__ == "__main__":
    unittest.main(verbosity=1)
