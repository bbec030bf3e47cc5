#!/usr/bin/env python3
"""eval, eval knn, eval linear and embed on many ranks: the bytes of one, whatever their number; what they say of bad images; lost ranks.

usage: test_ranks_verbs.py BINARY     (needs mpirun)
"""
import os
import re
import signal
import subprocess
import time
import unittest

from pictures import write_png
from program import BINARY, TINY
from rank_program import ENVIRONMENT, MPIRUN, RanksProgram

COUNTS = (2, 3, 4)  # of ranks


class RankVerbs(RanksProgram):
    """13 training images and 9 for validation, in batches of 2: no number of ranks divides them."""

    def setUp(self):
        super().setUp()
        self.data = self.dir / "pair"
        for label in range(2):
            for number in range(7 - label):
                write_png(self.data / "train" / f"class_{label}" / f"{number}.png", label, number)
            for number in range(10, 15 - label):
                write_png(self.data / "val" / f"class_{label}" / f"{number}.png", label, number)
        self.train("--out", "run", "train.micro_batch=2", "train.batch=4", "threads=1")

    def output_of(self, ranks, *words, code=0, **options):
        """What it prints on standard output. Two ranks are started by mpirun, others by the program, which also tells whose code counts."""
        if ranks == 2 and code == 0 and "input" not in options:
            command = self.command(2, words)
        else:
            command = [BINARY, *map(str, words), *(["--ranks", str(ranks)] if ranks > 1 else [])]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.dir, timeout=300, env=ENVIRONMENT, **options)
        self.assertEqual(done.returncode, code, f"{ranks} ranks, {words}:\n{done.stdout}{done.stderr}")
        self.said = done.stderr
        return done.stdout

    def files_of(self, name):
        return {path.name: path.read_bytes() for path in sorted((self.dir / name).iterdir())}

    def assert_alike(self, folder, *words):
        """Printed lines and files are those of one rank."""
        one = self.output_of(1, *words), self.files_of(folder)
        for ranks in COUNTS:
            self.assertEqual((self.output_of(ranks, *words), self.files_of(folder)), one, f"{ranks} ranks, {words}")
        return one

    def test_eval(self):
        printed, files = self.assert_alike("e", "eval", "run", "--out", "e", "--overwrite")
        self.assertIn(" of 9)", printed)
        self.assertEqual(sorted(files), ["confusion.csv", "eval.json", "per_class.csv", "predictions.csv"])
        self.assert_alike("e", "eval", "run", "--out", "e", "--overwrite", "--json", "train.micro_batch=4")  # three batches: the fourth rank has none

    def test_eval_knn(self):
        printed, _ = self.assert_alike("k", "eval", "knn", "run", "--cache", "none", "--out", "k", "--overwrite")
        self.assertIn("nearest neighbours among 13 training images", printed)
        kept = {}
        for ranks in (1, *COUNTS):
            self.output_of(ranks, "eval", "knn", "run", "--cache", f"kept{ranks}")
            kept[ranks] = self.files_of(f"kept{ranks}")
            self.assertEqual(len(kept[ranks]), 2)
            self.assertEqual(kept[ranks], kept[1])
            self.assertIn("kept in", self.said)
            self.output_of(5 - ranks if ranks < 4 else 1, "eval", "knn", "run", "--cache", f"kept{ranks}")
            self.assertNotIn("kept in", self.said)

    def test_eval_linear(self):
        words = ["eval", "linear", "run", "--cache", "none", "--steps", 40, "--batch", 4, "--save", "head", "--overwrite"]
        printed, files = self.assert_alike("head", *words)
        self.assertIn("best: ", printed)
        self.assertIn("model.safetensors", files)

    def test_embed(self):
        for kind in "safetensors", "npz":
            words = ["embed", "run", self.data, "--outputs", "logits,hidden_states", "--batch", 4, "--overwrite", "--out"]
            self.output_of(1, *words, f"one.{kind}")
            one = (self.dir / f"one.{kind}").read_bytes()
            for ranks in COUNTS:
                self.output_of(ranks, *words, f"{ranks}.{kind}")
                self.assertIn("wrote 22 rows", self.said)
                self.assertEqual((self.dir / f"{ranks}.{kind}").read_bytes(), one, f"{ranks} ranks")

    def listed(self, names):
        return "".join(f"{name}\n" for name in names)

    def test_embed_a_list_with_images_that_are_no_good_and_fewer_than_ranks(self):
        good = self.data / "train/class_0/1.png"
        (self.dir / "cut.png").write_bytes(good.read_bytes()[:60])
        for names, failed in (["absent.png", "cut.png", good], 2), ([good, "cut.png"], 1), ([good, good], 0):
            words = ["embed", "run", "-", "--batch", 1, "--overwrite", "--out"]
            code = 3 if failed else 0
            self.output_of(1, *words, "one.npz", code=code, input=self.listed(names))
            errors = sorted(line for line in self.said.splitlines() if "error: " in line)
            self.assertEqual(len(errors), failed + (failed > 0))
            for ranks in COUNTS:
                self.output_of(ranks, *words, "many.npz", code=code, input=self.listed(names))
                ours = sorted(re.sub(r"^\[rank \d\] ", "", line) for line in self.said.splitlines() if "error: " in line)
                self.assertEqual(ours, errors)
                self.assertEqual((self.dir / "many.npz").read_bytes(), (self.dir / "one.npz").read_bytes())
            if failed == 1:
                self.assertIn("[rank 1] error: 'cut.png' is a damaged PNG", self.said)
        for ranks in 1, 2:
            self.output_of(ranks, "embed", "run", "absent.png", "--out", "none.npz", code=3)
            self.assertIn("none of the 1 images could be used", self.said)

    def test_an_image_that_one_rank_cannot_read(self):
        bad = self.data / "val/class_0/13.png"  # of the second batch
        broken = bytearray(bad.read_bytes())
        broken[60] ^= 255  # looks whole
        bad.write_bytes(broken)
        for words in ["eval", "run"], ["eval", "knn", "run", "--cache", "none"]:
            self.output_of(1, *words, code=3)
            error = self.said[self.said.index("error: "):].strip()
            self.assertIn("13.png", error)
            for ranks in COUNTS:
                self.output_of(ranks, *words, code=3)
                self.assertIn(f"[rank 1] {error}", self.said)
                self.assertIn("error: rank 1 has ended: ", self.said)

    def wait_for(self, what, process, seconds=60):
        until = time.monotonic() + seconds
        while not what():
            self.assertIsNone(process.poll(), "it has ended")
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)

    def test_embed_goes_on_after_a_lost_rank(self):
        some = [self.data / f"train/class_{i % 2}/{i % 6}.png" for i in range(20)]
        listed, waits = self.listed([*some, "waits.png", *some]), self.dir / "waits.png"
        words = ["embed", "run", "-", "--outputs", "logits", "--batch", 2]
        for victim in 0, 1:  # image 20 is the first of the eleventh batch, rank 0's
            os.mkfifo(waits)
            process = subprocess.Popen([BINARY, *map(str, words), "train.rank_timeout=3", "--out", f"{victim}.npz", "--ranks", "2"], cwd=self.dir,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)
            process.stdin.write(listed)
            process.stdin.flush()
            process.stdin.close()
            process.stdin = None
            self.wait_for(lambda: (self.dir / f"{victim}.npz.part.progress").exists(), process)
            os.kill(self.ranks_of(f"{victim}.npz")[victim], signal.SIGKILL)
            self.end(process, f"{victim}.npz", 6, f"rank {victim} is gone, its process has ended; it was at: ")
            waits.unlink()
            write_png(waits, 0, 5)
            self.output_of(1, *words, "train.rank_timeout=3", "--out", "whole.npz", "--overwrite", input=listed)
            self.output_of((4, 1)[victim], *words, f"threads={1 + victim}", "train.rank_timeout=3", "--out", f"{victim}.npz", input=listed)
            self.assertIn("going on with", self.said)
            self.assertEqual((self.dir / f"{victim}.npz").read_bytes(), (self.dir / "whole.npz").read_bytes())
            waits.unlink()

    def test_a_rank_is_lost_while_rank_zero_works_alone(self):
        for victim in 0, 1:
            out = f"lost{victim}"
            process = self.start(1, "eval", "linear", "run", "--cache", out, "--steps", 10**9, "train.rank_timeout=3", "--ranks", 2)
            self.wait_for(lambda: len(list((self.dir / out).glob("*.safetensors"))) == 2, process)
            os.kill(self.ranks_of(out)[victim], signal.SIGKILL)
            self.end(process, out, 6, f"rank {victim} is gone, its process has ended; it was at: ")

    def test_other_verbs_run_alone(self):
        self.run_ranks(2, "predict", "run", "x.png", code=2, has=["predict runs as one process, but mpirun has started 2; on many ranks run "
                                                                  "train, eval, eval knn, eval linear, embed"])
        self.run_ranks(2, "data", "pack", f"data.root={self.data}", "--out", "p.h5", code=2, has=["has started 2. One process already packs as fast as the disk"])

    def test_ranks_agree_before_they_begin(self):
        pair = [[*MPIRUN[1:], "-np", "1", BINARY, "eval", "run", word] for word in ("train.micro_batch=2", "train.micro_batch=4")]
        done = subprocess.run(["mpirun", *pair[0], ":", *pair[1][len(MPIRUN) - 1:]], capture_output=True, text=True, cwd=self.dir, timeout=60,
                              env=ENVIRONMENT)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("rank 0 has train.micro_batch 2, rank 1 has train.micro_batch 4", done.stderr)


if __name__ == "__main__":
    unittest.main()
