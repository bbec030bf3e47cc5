#!/usr/bin/env python3
"""Many ranks: real processes under mpirun have the bits of one, resume on another number of ranks, and end when one of them is lost.

usage: test_ranks.py BINARY     (needs mpirun; VICINITY_FULL=1 loses ranks 54 times instead of 6, VICINITY_SEED=N as in another run)
"""
import os
import random
import resource
import shutil
import signal
import subprocess
import time
import unittest

from pictures import write_png
from program import BINARY, TINY
from rank_program import ENVIRONMENT, MPIRUN, RanksProgram

STEPS = 20
# Leaves of 2 images, a short last batch (14 of 16), and everything that draws numbers or keeps an average.
RECIPE = ["train.batch=8", "train.micro_batch=2", f"train.steps={STEPS}", "train.eval_every=4", "train.save_every=7",
          "train.ema=0.9", "train.mixup=0.8", "train.cutmix=1", "train.erase=0.3", "model.drop_path_rate=0.2", "optim.clip_grad=0.5",
          "train.class_weights=balanced", "train.log_every=5", "data.train_crop=padded", "data.crop_padding=2", "data.val_split=0.35",
          "threads=1"]
# 300,000 and 230,000 parameters, so that gradients leave in several buckets: on 4 ranks of at least 65,536.
FAMILIES = {
    "dinat": [*TINY, "model.embed_dim=64", "model.mlp_ratio=4"],
    "dinov2": [word for word in TINY if not word.startswith("model.")] + [
        "model.family=dinov2", "model.hidden_size=96", "model.num_hidden_layers=2", "model.num_attention_heads=3",
        "model.image_size=16", "model.patch_size=4", "model.mlp_ratio=4"],
}
FULL = bool(os.environ.get("VICINITY_FULL"))
REPEATS = 8 if FULL else 1  # of each other way to lose a rank
LOST = ["train.save_every=2", "train.steps=40"]  # runs that lose a rank
KINDS = [("killed", 0), ("stopped", 0), ("killed", 1)]  # how, and --max-restarts: one trial each, then as they are drawn


class Ranks(RanksProgram):
    kept = {}

    def setUp(self):
        super().setUp()
        for label in range(2):  # 14 images to train, 8 to evaluate
            for number in range(8, 11):
                write_png(self.data / f"class_{label}" / f"{number}.png", label, number)

    def words(self, out, *more, family="dinat"):
        return ["train", f"data.root={self.data}", *FAMILIES[family], *RECIPE, *more, "--out", out]

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

    def wait_for_steps(self, run, count, process):
        metrics = self.dir / run / "metrics.jsonl"
        while process.poll() is None and not (metrics.exists() and metrics.read_bytes().count(b"\n") >= count):
            time.sleep(0.002)

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
        self.run_ranks(1, *self.words("torch"), code=2, environment=torchrun, has=["mpirun -np 2 vicinity VERB"])
        self.run_ranks(1, *self.words("part"), code=2, environment={"OMPI_COMM_WORLD_SIZE": "2"}, has=["OMPI_COMM_WORLD_RANK is missing"])
        self.run_ranks(1, *self.words("alone", "--ranks", "1", "train.steps=1"), has=["8 = 1 rank x"])

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

    def never_lost(self):
        """Contents of a run whose process nothing happens to; the same for all tests."""
        if not Ranks.kept:
            self.run_ranks(1, *self.words("whole", *LOST))
            Ranks.kept.update(self.contents("whole"))
        return Ranks.kept

    def lose(self, run, how, ranks, restarts, moments):
        """Loses a rank of a run at a random moment, and what the others say; then the run is resumed."""
        words = self.words(run, *LOST, "train.rank_timeout=3", "--ranks", ranks)
        if restarts:
            words += ["--max-restarts", restarts]
        process = self.start(1, *words)
        self.wait_for_steps(run, moments.randint(2, 20), process)
        victims = self.ranks_of(run)
        self.assertEqual(sorted(victims), list(range(ranks)))
        victim = moments.randrange(ranks)
        os.kill(victims[victim], signal.SIGKILL if how == "killed" else signal.SIGSTOP)
        begin = time.monotonic()
        if restarts:
            self.end(process, run, 0, "resumed, restart 1 of")
            return
        output = self.end(process, run, 6)
        self.assertLess(time.monotonic() - begin, 30, output)  # of mpirun's own time-outs, not of the watch's
        words = {"killed": f"rank {victim} is gone", "stopped": f"rank {victim} has given no sign of life"}
        self.assertIn(words[how], output)
        self.assertRegex(output, "it was at: [a-z_]+")
        self.run_ranks(1, "train", "--out", run, "--resume", "train.rank_timeout=60")

    def test_a_lost_rank_ends_the_others_and_nothing_is_lost(self):
        trials = 30 if FULL else 3
        seed = int(os.environ.get("VICINITY_SEED", random.randrange(1 << 30)))
        print(f"lost ranks: VICINITY_SEED={seed}, {trials} trials", flush=True)
        whole = self.never_lost()
        for trial in range(trials):
            moments = random.Random(f"{seed} {trial}")
            how, restarts = KINDS[trial] if trial < len(KINDS) else moments.choice([*KINDS, ("stopped", 1)])
            ranks = moments.choice((2, 4))
            with self.subTest(VICINITY_SEED=seed, trial=trial, how=how, ranks=ranks, restarts=restarts):
                self.lose(f"lost {trial}", how, ranks, restarts, moments)
                self.assert_same(f"lost {trial}", whole)

    def resume_and_compare(self, run, whole):
        self.run_ranks(1, "train", "--out", run, "--resume", "train.rank_timeout=60", f"data.root={self.data}")
        self.assert_same(run, whole)

    def test_rank_zero_is_killed_while_it_writes_a_checkpoint(self):
        whole = self.never_lost()
        for trial in range(REPEATS):
            run = f"torn{trial}"
            process = self.start(1, *self.words(run, *LOST, "train.rank_timeout=3", "--ranks=2"))
            self.wait_for_steps(run, 4 + trial, process)
            victim = self.ranks_of(run)[0]
            while process.poll() is None and not any(name.startswith("tmp.step_") for name in os.listdir(self.dir / run / "checkpoints")):
                pass
            os.kill(victim, signal.SIGKILL)
            self.end(process, run, 6, "rank 0 is gone, its process has ended; it was at: ")
            self.resume_and_compare(run, whole)

    def test_a_full_disk_on_rank_zero_ends_all(self):
        whole = self.never_lost()
        ignoring = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]
        for trial in range(REPEATS):
            run = f"full{trial}"
            process = self.start_command([*MPIRUN, "-np", "2", *ignoring, BINARY, *self.words(run, *LOST, "train.rank_timeout=3")])
            self.wait_for_steps(run, 6 + trial, process)
            resource.prlimit(self.ranks_of(run)[0], resource.RLIMIT_FSIZE, (20000, 20000))
            self.end(process, run, (1, 6), "cannot write", "writing the checkpoint", "[rank 1] error: rank 0 has ended: ")
            self.resume_and_compare(run, whole)

    def test_an_image_that_one_rank_cannot_read_ends_all(self):
        whole = self.never_lost()
        for trial in range(REPEATS):
            for kind, code, words in ("missing", 1, "No such file"), ("damaged", 3, "is a damaged PNG"):
                run, other = f"{kind}{trial}", self.dir / f"{kind} images {trial}"
                shutil.copytree(self.data, other)
                roots = [["-np", "1", BINARY, *self.words(run, *LOST, "train.rank_timeout=3", f"data.root={root}")] for root in (self.data, other)]
                process = self.start_command([*MPIRUN, *roots[0], ":", *roots[1]])
                self.wait_for_steps(run, 5 + trial, process)
                for path in other.glob("*/*.png"):
                    path.unlink() if kind == "missing" else path.write_bytes(path.read_bytes()[:40])
                self.end(process, run, (code, 6), "rank 1 has ended: ", words, f"while preparing {other}/class_")
                self.resume_and_compare(run, whole)

    def test_a_rank_that_is_lost_at_the_start_ends_the_others(self):
        self.run_ranks(1, *self.words("run", "train.steps=1"))
        for restarts in 0, 1:
            process = self.start(1, *self.words("run", "train.steps=1", "--overwrite", "--ranks=2", f"--max-restarts={restarts}"))
            while process.poll() is None and not self.ranks_of("run"):
                pass
            os.kill(list(self.ranks_of("run").values())[-1], signal.SIGKILL)
            output = self.end(process, "run", 6 * (1 - restarts))
            self.assertRegex(output, "rank [01] is gone, its process has ended; it was at: the start")
            if restarts:  # what was there before is not taken for this run
                self.assertIn("begun again, restart 1 of 1", output)
                self.assertNotIn("this run is finished", output)

    def test_a_rank_that_is_stopped_at_the_start_ends_the_others(self):
        process = self.start(1, *self.words("still", "train.steps=1", "train.rank_timeout=2", "--ranks=2"))
        while process.poll() is None and not self.ranks_of("still"):
            pass
        os.kill(list(self.ranks_of("still").values())[-1], signal.SIGSTOP)
        output = self.end(process, "still", 6)
        self.assertRegex(output, "rank [01] has been stopped for 2.. s; it was at: the start|rank [01] has given no sign of life")

    @unittest.skipUnless(shutil.which("cc"), "needs a C compiler")
    def test_a_rank_that_is_lost_at_the_end_keeps_nobody_waiting(self):
        (self.dir / "end.c").write_text("""
            #include <signal.h>
            #include <stdlib.h>
            int PMPI_Finalize(void);
            int MPI_Finalize(void) {
              if (atoi(getenv("OMPI_COMM_WORLD_RANK")) == 1) raise(atoi(getenv("SENT_AT_THE_END")));
              return PMPI_Finalize();
            }""")
        subprocess.run(["cc", "-shared", "-fPIC", "-Wl,-z,lazy", "-o", "end.so", "end.c"], cwd=self.dir, check=True)
        for sent, words in (signal.SIGKILL, "rank 1 is gone"), (signal.SIGSTOP, "rank 1 has given no sign of life"):
            process = self.start(1, *self.words(sent.name, "train.steps=1", "train.rank_timeout=3", "--ranks=2"),
                                 LD_PRELOAD="./end.so", SENT_AT_THE_END=str(int(sent)))
            self.end(process, sent.name, 6, words)
            self.assertTrue((self.dir / sent.name / "DONE").exists())


if __name__ == "__main__":
    unittest.main()
