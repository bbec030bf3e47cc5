#!/usr/bin/env python3
"""Runs that are killed, signalled or damaged, and resumed: every later metric and the last weights are those of a run that never stopped.

usage: test_resume.py BINARY     (needs nothing but Python; VICINITY_FULL=1 kills 50 times instead of 3)
"""
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
import unittest

from pictures import write_png
from program import BINARY, TINY, Program

STEPS = 40
RUN = ["train.save_every=7", "train.eval_every=4.5", "model.drop_path_rate=0.1", f"train.steps={STEPS}"]
FAMILIES = {
    "dinat": TINY,
    "dinov2": [word for word in TINY if not word.startswith("model.")] + [
        "model.family=dinov2", "model.hidden_size=24", "model.num_hidden_layers=2", "model.num_attention_heads=3",
        "model.image_size=16", "model.patch_size=4", "model.mlp_ratio=2"],
}


class Resume(Program):
    def words(self, out, family="dinat", *more):
        return ["train", f"data.root={self.data}", *FAMILIES[family], *RUN, *more, "--out", out]

    def whole(self, family="dinat", *more):
        self.run_it(*self.words("whole", family, *more))
        return self.contents("whole")

    def assert_same(self, run, whole):
        super().assert_same(run, whole)
        steps = [json.loads(line) for line in whole["metrics.jsonl"].splitlines()]
        self.assertEqual([line["step"] for line in steps if "train/loss" in line], list(range(1, STEPS + 1)))

    def start(self, *words):
        return subprocess.Popen([BINARY, *map(str, words)], cwd=self.dir, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def wait_for_steps(self, run, count, process):
        metrics = self.dir / run / "metrics.jsonl"
        while process.poll() is None and not (metrics.exists() and metrics.read_bytes().count(b"\n") >= count):
            time.sleep(0.002)

    def test_killed_at_random_moments(self):
        kills = 50 if os.environ.get("VICINITY_FULL") else 3
        seed = random.randrange(1 << 30)
        moments = random.Random(seed)
        for family in FAMILIES:
            begin = time.monotonic()
            whole = self.whole(family, "threads=1", "data.loader_threads=1", "--overwrite")
            seconds = time.monotonic() - begin
            left, runs = kills, 0
            while left > 0:
                run, runs = f"{family}{runs}", runs + 1
                while not (self.dir / run / "DONE").exists():
                    threads = [f"threads={moments.randint(1, 3)}", f"data.loader_threads={moments.randint(1, 3)}"]
                    process = self.start(*self.words(run, family, *threads, "--resume"))
                    try:
                        errors = process.communicate(timeout=moments.uniform(0.1, seconds) if left > 0 else 300)[1]
                        self.assertEqual(process.returncode, 0, errors)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.communicate()
                        left -= 1
                with self.subTest(family=family, seed=seed, run=run):
                    self.assert_same(run, whole)

    def test_signals_save_and_leave(self):
        whole = self.whole()
        for number, (sent, code) in enumerate(((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 138))):
            run = f"cut it {number}"
            process = self.start(*self.words(run))
            self.wait_for_steps(run, 5 + 4 * number, process)
            process.send_signal(sent)
            errors = process.communicate(timeout=120)[1]
            if process.returncode != 0:  # it may have finished before the signal came
                self.assertEqual(process.returncode, code, errors)
                self.assertIn(f"saved. Continue with: vicinity train --out '{run}' --resume", errors)
                self.assertFalse((self.dir / run / "DONE").exists())
                self.run_it("train", "--out", run, "--resume", has=["resumed at step"])
            self.assert_same(run, whole)

    def test_a_second_sigint_leaves_at_once(self):
        whole = self.whole()
        process = self.start(*self.words("cut"))
        self.wait_for_steps("cut", 9, process)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
        self.assertIn(process.returncode, (0, 130))
        self.run_it("train", "--out", "cut", "--resume")
        self.assert_same("cut", whole)

    def test_a_signal_ends_an_evaluation_too(self):
        words = ["train", "data.root=/usr/share/datasets/fashion-mnist", *TINY, "threads=1", "train.batch=4", "train.micro_batch=4", "train.steps=1"]
        self.run_it(*words, "--out", "whole")  # 10,000 images, four at a time
        process = self.start(*words, "--out", "cut")
        self.wait_for_steps("cut", 1, process)
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 143, errors)
        self.assertIn("saved. Continue with", errors)
        self.assertEqual((self.dir / "cut/metrics.jsonl").read_bytes().count(b"val/"), 0)
        self.run_it("train", "--out", "cut", "--resume", has=["eval step 1"])
        self.assertEqual(self.contents("cut"), self.contents("whole"))

    def test_two_processes_do_not_share_a_run(self):
        process = self.start(*self.words("one", "dinat", "train.steps=100000"))
        self.wait_for_steps("one", 1, process)
        for again in ("--resume", "--overwrite"):
            self.run_it(*self.words("one", "dinat", "train.steps=100000"), again, code=2, has=["another process trains in 'one'", "--out"])
        self.assertIsNone(process.poll())
        process.kill()
        process.communicate()
        self.run_it("train", "--out", "one", "--resume", "train.steps=40", has=["resumed at step"])

    def cut(self, run, checkpoints=1):
        """A run killed when it had so many checkpoints."""
        process = self.start(*self.words(run))
        folder = self.dir / run / "checkpoints"
        while process.poll() is None and not ((folder / "last").exists() and len(list(folder.glob("step_*"))) >= checkpoints):
            time.sleep(0.002)
        process.kill()
        process.communicate()

    def test_damage_is_noticed_and_the_one_before_used(self):
        whole = self.whole()
        self.cut("cut", checkpoints=2)
        newest = max((self.dir / "cut/checkpoints").glob("step_*"), key=lambda path: int(path.name[5:]))
        weights = newest / "model.safetensors"
        damaged = bytearray(weights.read_bytes())
        damaged[-9] ^= 4
        weights.write_bytes(damaged)
        with (self.dir / "cut/metrics.jsonl").open("a") as metrics:
            metrics.write('{"step": 33, "lo')  # cut short by a crash
        self.run_it("train", "--out", "cut", "--resume", has=[newest.name, "model.safetensors is damaged", f"damaged.{newest.name}", "resumed at step"])
        for path in (self.dir / "cut/checkpoints").glob("damaged.*/*"):
            path.unlink()
        (self.dir / f"cut/checkpoints/damaged.{newest.name}").rmdir()
        self.assert_same("cut", whole)

    def test_a_finished_run_says_so(self):
        whole = self.whole()
        self.run_it("train", "--out", "whole", "--resume", has=["this run is finished", "train.epochs=N", "done: whole"])
        self.assert_same("whole", whole)
        self.run_it("train", "--out", "whole", "--resume", f"train.steps={STEPS + 6}", "optim.lr=0.0005",
                    has=["resumed with changed settings: optim.lr 0.001 -> 0.0005",
                         f"resumed with changed settings: train.steps {STEPS} -> {STEPS + 6}", f"resumed at step {STEPS} of {STEPS + 6}"])
        steps = [json.loads(line)["step"] for line in (self.dir / "whole/metrics.jsonl").read_text().splitlines() if "train/loss" in line]
        self.assertEqual(steps, list(range(1, STEPS + 7)))
        self.run_it("train", "--out", "whole", "--resume", has=["this run is finished"])
        self.run_it("train", "--out", "whole", "--resume", f"train.steps={STEPS}", code=2, has=[f"has done {STEPS + 6} steps", "shorter"])
        self.run_it("train", "--out", "whole", "--resume", "train.epochs=99", code=2, has=[f"train.steps = {STEPS + 6}", "train.steps=0"])
        self.assertTrue((self.dir / "whole/DONE").exists())
        self.assertIn("lr: 5e-04", (self.dir / "whole/config.yaml").read_text())

    def test_what_would_be_another_run_is_refused(self):
        self.cut("cut")
        before = self.contents("cut")
        self.run_it("train", "--out", "cut", "--resume", "seed=7", "train.micro_batch=2", "model.embed_dim=32", "optim.lr=1", code=2,
                    has=["seed 0 -> 7", "train.micro_batch 4 -> 2", "model.embed_dim 16 -> 32", "model.weights=RUN"])
        self.run_it("train", "--out", "cut", "--resume", "model.family=dinov2", code=2)
        self.assertEqual(self.contents("cut"), before)
        for path in (self.data / "class_0").iterdir():
            path.rename(path.with_name("renamed_" + path.name))
        self.run_it("train", "--out", "cut", "--resume", code=3, has=["not those that this run was started with"])

    def test_patience_that_ended_a_run_can_be_lifted(self):
        self.run_it("train", f"data.root={self.data}", *TINY, "train.steps=8", "train.eval_every=0.5", "optim.lr=0", "train.patience=1", "--out", "run",
                    has=["the run ends here"])
        words = ["train", "--out", "run", "--resume"]
        self.run_it(*words, has=["this run is finished", "train.patience=0 where its patience ended it"])
        self.run_it(*words, "train.patience=0", has=["train.patience 1 -> 0", "resumed at step 2 of 8", "step 8/8"])
        whole = self.contents("run")
        self.run_it(*words, "train.patience=3", has=["resumed at step 8 of 8", "done: run"])
        self.assertEqual(self.contents("run"), whole)

    def test_other_validation_images_are_said(self):
        self.data.rename(self.dir / "train")
        shutil.copytree(self.dir / "train", self.dir / "pair/val")
        (self.dir / "train").rename(self.dir / "pair/train")
        self.run_it("train", "data.root=pair", *TINY, "--out", "run")
        words = ["train", "--out", "run", "--resume"]
        write_png(self.dir / "pair/val/class_0/new.png", 0, 99)
        self.run_it(*words, "train.steps=6", has=["warning: the validation images are not those of this run so far", "of 17)"])
        self.run_it(*words, "train.steps=8")
        self.assertEqual((self.dir / "run/train.log").read_text().count("are not those of this run"), 1)

    def test_one_command_begins_and_continues(self):
        self.run_it("train", "--out", "run", "--resume", code=2, has=["no run in 'run'"])
        self.run_it(*self.words("run"), "--resume", has=["no run was begun", "done: run"])
        self.run_it(*self.words("run"), "--resume", has=["this run is finished", "done: run"])

    def test_a_full_disk_costs_no_checkpoint(self):
        whole = self.whole()
        self.cut("cut")
        saved = self.contents("cut")

        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        self.run_it("train", "--out", "cut", "--resume", code=1, preexec_fn=small_files,
                    has=["cannot write", "free some space", "writing the checkpoint"])
        for name, content in saved.items():
            if name.startswith("checkpoints/step_"):
                self.assertEqual(content, self.contents("cut")[name])
        self.run_it("train", "--out", "cut", "--resume")
        self.assert_same("cut", whole)


if __name__ == "__main__":
    unittest.main(verbosity=1)
