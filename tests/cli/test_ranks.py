#!/usr/bin/env python3
"""Many ranks: real processes under mpirun have the bits of one, resume on another number of ranks, and end when one of them is lost.

usage: test_ranks.py BINARY     (needs mpirun; VICINITY_FULL=1 loses a rank 30 times instead of 3)
"""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

from pictures import write_png
from program import BINARY, TINY, Program

STEPS = 20
# Leaves of 2 images, a short last batch (14 of 16), and everything that draws numbers or keeps an average.
RECIPE = ["train.batch=8", "train.micro_batch=2", f"train.steps={STEPS}", "train.eval_every=4", "train.save_every=7",
          "train.ema=0.9", "train.mixup=0.8", "train.cutmix=1", "train.erase=0.3", "model.drop_path_rate=0.2", "optim.clip_grad=0.5",
          "train.class_weights=balanced", "train.log_every=5", "data.train_crop=padded", "data.crop_padding=2", "data.val_split=0.35",
          "threads=1"]
FAMILIES = {
    "dinat": [*TINY, "model.embed_dim=32", "model.mlp_ratio=4"],
    "dinov2": [word for word in TINY if not word.startswith("model.")] + [
        "model.family=dinov2", "model.hidden_size=48", "model.num_hidden_layers=2", "model.num_attention_heads=3",
        "model.image_size=16", "model.patch_size=4", "model.mlp_ratio=4"],
}
MPIRUN = ["mpirun", "--bind-to", "none", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1",
          "--mca", "odls_base_sigkill_timeout", "60"]
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_WAIT_POLICY": "passive"}


class Ranks(Program):
    def setUp(self):
        super().setUp()
        for label in range(2):  # 14 images to train, 8 to evaluate
            for number in range(8, 11):
                write_png(self.data / f"class_{label}" / f"{number}.png", label, number)

    def words(self, out, *more, family="dinat"):
        return ["train", f"data.root={self.data}", *FAMILIES[family], *RECIPE, *more, "--out", out]

    def command(self, ranks, words):
        return [*(MPIRUN + ["-np", str(ranks)] if ranks > 1 else []), BINARY, *map(str, words)]

    def run_ranks(self, ranks, *words, code=0, has=(), environment=None):
        done = subprocess.run(self.command(ranks, words), capture_output=True, text=True, cwd=self.dir, timeout=300,
                              env={**ENVIRONMENT, **(environment or {})})
        text = done.stdout + done.stderr
        self.assertEqual(done.returncode, code, f"{words}:\n{text}")
        for part in has:
            self.assertIn(part, text)
        return text

    def contents(self, run):
        """Everything of a run that its settings decide: paths -> bytes, or where a link leads."""
        found = {}
        for path in sorted((self.dir / run).rglob("*")):
            name = str(path.relative_to(self.dir / run))
            if path.is_symlink():
                found[name] = os.readlink(path)
            elif path.is_file() and (name in ("metrics.jsonl", "classes.json", "DONE") or name.startswith("checkpoints/")):
                found[name] = path.read_bytes()
        return found

    def assert_same(self, run, whole):
        contents = self.contents(run)
        self.assertEqual(sorted(contents), sorted(whole))
        for name, content in contents.items():
            self.assertEqual(content, whole[name], f"{run}: {name}")

    def test_any_number_of_ranks_has_the_bits_of_one(self):
        for family in FAMILIES:
            for precision in "fp32", "bf16":
                words = [f"train.precision={precision}"]
                name = f"{family}-{precision}"
                self.run_ranks(1, *self.words(name, *words, family=family))
                whole = self.contents(name)
                self.assertIn("checkpoints/step_20/optimizer.safetensors", whole)
                for ranks in 2, 4:
                    self.run_ranks(ranks, *self.words(f"{name}-{ranks}", *words, family=family),
                                   has=[f"batch      8 = {ranks} ranks x 2 images x {4 // ranks} lea"])
                    self.assert_same(f"{name}-{ranks}", whole)


if __name__ == "__main__":
    if not shutil.which("mpirun"):
        print("not run: no mpirun (Debian: openmpi-bin)")
        sys.exit(0)
    unittest.main()
