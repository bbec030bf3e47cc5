#!/usr/bin/env python3
"""Many ranks: real processes under mpirun have the bits of one, resume on another number of ranks, and end when one of them is lost.

usage: test_ranks.py BINARY     (needs mpirun; VICINITY_FULL=1 loses a rank 30 times instead of 3)
"""
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
MPIRUN = ["mpirun", "--bind-to", "none", "--oversubscribe", "--mca", "mpi_yield_when_idle", "1"]
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

    def start(self, ranks, *words):
        return subprocess.Popen(self.command(ranks, words), cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env=ENVIRONMENT)

    def wait_for_steps(self, run, count, process):
        metrics = self.dir / run / "metrics.jsonl"
        while process.poll() is None and not (metrics.exists() and metrics.read_bytes().count(b"\n") >= count):
            time.sleep(0.002)

    def ranks_of(self, run):
        """Process numbers by rank."""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes().split(b"\0")
                variables = dict(entry.partition(b"=")[::2] for entry in (path / "environ").read_bytes().split(b"\0"))
                here = os.readlink(path / "cwd")
            except OSError:
                continue
            if words[0].endswith(b"vicinity") and run.encode() in words and here == str(self.dir) and b"OMPI_COMM_WORLD_RANK" in variables:
                found[int(variables[b"OMPI_COMM_WORLD_RANK"])] = int(path.name)
        return found

    def test_a_run_goes_on_with_another_number_of_ranks(self):
        self.run_ranks(1, *self.words("whole"))
        whole = self.contents("whole")
        for first, then in (4, 1), (1, 4), (2, 4):
            run = f"{first} then {then}"
            process = self.start(1, *self.words(run, *(["--ranks", first] if first > 1 else [])))
            self.wait_for_steps(run, 6, process)
            process.send_signal(signal.SIGTERM)
            output = process.communicate(timeout=60)[0]
            self.assertEqual(process.returncode, 143, output)
            self.assertIn("terminated after step", output)
            self.run_ranks(then, "train", "--out", run, "--resume", has=["resumed at step"])
            self.assert_same(run, whole)

    def test_ranks_that_differ_are_refused(self):
        def two(first, second, **options):
            words = [*MPIRUN, "-np", "1", BINARY, *self.words("differ", *first), ":", "-np", "1", BINARY, *self.words("differ", *second)]
            done = subprocess.run(words, capture_output=True, text=True, cwd=self.dir, timeout=60, env=ENVIRONMENT)
            return done.returncode, done.stderr

        code, text = two(["seed=1"], ["seed=2"])
        self.assertEqual(code, 2, text)
        self.assertIn("rank 0 has seed 1, rank 1 has seed 2", text)
        self.assertFalse((self.dir / "differ").exists())
        other = self.dir / "other"
        shutil.copytree(self.data, other)
        (other / "class_1" / "3.png").unlink()
        code, text = two([], [f"data.root={other}"])
        self.assertEqual(code, 3, text)
        self.assertIn("training images", text)

    def test_what_cannot_be_shared_is_refused(self):
        text = self.run_ranks(2, *self.words("uneven", "train.batch=12"), code=2)
        self.assertIn("train.batch=12 is 6 leaves of train.micro_batch=2, which 2 ranks cannot share", text)
        self.assertIn("train.batch=8 or train.batch=16", text)
        torchrun = {"RANK": "0", "WORLD_SIZE": "2"}
        self.run_ranks(1, *self.words("torch"), code=2, environment=torchrun, has=["mpirun -np 2 vicinity train"])
        self.run_ranks(1, *self.words("part"), code=2, environment={"OMPI_COMM_WORLD_SIZE": "2"}, has=["OMPI_COMM_WORLD_RANK is missing"])
        self.run_ranks(1, *self.words("alone", "--ranks", "1", "train.steps=1"), has=["8 = 1 rank x"])
        self.run_ranks(2, "predict", "x.jpg", code=2, has=["only vicinity train runs on many ranks"])

    def test_ranks_are_started_by_the_program(self):
        process = self.start(1, *self.words("interrupted", "train.steps=2000", "--ranks=2"))
        self.wait_for_steps("interrupted", 5, process)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=60)[0]
        self.assertEqual(process.returncode, 130, output)
        self.assertIn("saved. Continue with", output)
        self.assertIn("8 = 2 ranks x 2 images x 2 leaves", output)

    def test_a_step_that_is_not_finite_is_explained_as_by_one_rank(self):
        words = ["optim.lr=1e30", "sched.warmup=0it", "optim.clip_grad=0", "train.floor=none"]
        found = []
        for ranks in 1, 2:
            self.run_ranks(ranks, *self.words(f"nan{ranks}", *words), code=5, has=["First not finite"])
            folder, = (self.dir / f"nan{ranks}").glob("nan_step_*")
            found.append([(folder / name).read_bytes() for name in ("batch.safetensors", "sheet.png", "step.json")])
        self.assertEqual(found[0], found[1])

    def lose(self, ranks, kind, moments, restarts=0):
        """Loses a rank of a run at a random moment, and what the others say; then the run is resumed."""
        run = f"lost {kind} {moments.random()}"
        words = self.words(run, "train.rank_timeout=3", "train.save_every=2", "train.steps=60", "--ranks", ranks)
        if restarts:
            words += ["--max-restarts", restarts]
        process = self.start(1, *words)
        self.wait_for_steps(run, moments.randint(2, 20), process)
        victims = self.ranks_of(run)
        self.assertEqual(sorted(victims), list(range(ranks)))
        victim = moments.randrange(ranks)
        os.kill(victims[victim], signal.SIGKILL if kind == "killed" else signal.SIGSTOP)
        begin = time.monotonic()
        output = process.communicate(timeout=60)[0]
        if restarts:
            self.assertEqual(process.returncode, 0, output)
            self.assertIn("restart 1 of", output)
            return run
        self.assertEqual(process.returncode, 6, output)
        self.assertLess(time.monotonic() - begin, 30, output)  # of mpirun's own time-outs, not of the watch's
        words = {"killed": f"rank {victim} is gone", "stopped": f"rank {victim} has given no sign of life"}
        self.assertIn(words[kind], output)
        self.assertRegex(output, "it was at: [a-z_]+")
        return run

    def test_a_lost_rank_ends_the_others_and_nothing_is_lost(self):
        trials = 30 if os.environ.get("VICINITY_FULL") else 3
        seed = random.randrange(1 << 30)
        moments = random.Random(seed)
        self.run_ranks(1, *self.words("whole", "train.save_every=2", "train.steps=60"))
        whole = self.contents("whole")
        for trial in range(trials):
            with self.subTest(seed=seed, trial=trial):
                kind = ("killed", "stopped", "killed")[trial % 3]
                run = self.lose(2 + trial % 3 // 2 * 2, kind, moments, restarts=trial % 3 // 2)
                if trial % 3 < 2:
                    self.run_ranks(1, "train", "--out", run, "--resume", "train.rank_timeout=60")
                self.assert_same(run, whole)


if __name__ == "__main__":
    if not shutil.which("mpirun"):
        print("not run: no mpirun (Debian: openmpi-bin)")
        sys.exit(0)
    unittest.main()
