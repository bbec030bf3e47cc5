#!/usr/bin/env python3
"""A run on two hosts that a link joins: the bits of one process; where the link breaks, both sides end with code 6.

usage: test_two_hosts.py BINARY     (needs mpirun, and root for namespaces; says why where they are not to be had)
"""
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from program import BINARY, TINY, Program
from two_hosts import TwoHosts

RECIPE = [*TINY, "train.batch=8", "train.micro_batch=2", "train.eval_every=4", "train.save_every=2", "train.rank_timeout=3", "threads=1"]
# Each rank leaves its exit code and what it said, which may not come through to mpirun.
TELLING = ["sh", "-c", '"$@" 2> "said.$OMPI_COMM_WORLD_RANK"; code=$?; echo $code > "code.$OMPI_COMM_WORLD_RANK"; exit $code', "sh"]


class Run(Program):
    def setUp(self):
        super().setUp()
        self.addCleanup(lambda folder: folder.cleanup(), folder := tempfile.TemporaryDirectory(prefix="vicinity hosts "))
        self.hosts = TwoHosts(folder.name)
        self.addCleanup(self.hosts.close)

    def words(self, out, steps):
        return ["train", f"data.root={self.data}", *RECIPE, f"train.steps={steps}", "--out", out]

    def start(self, out, steps):
        command, environment = self.hosts.mpirun(*TELLING, BINARY, *self.words(out, steps))
        return subprocess.Popen(command, cwd=self.dir, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def said(self, rank):
        path = self.dir / f"said.{rank}"
        return path.read_text() if path.exists() else ""

    def test_two_hosts_have_the_bits_of_one_process(self):
        self.run_it(*self.words("one", 8))
        process = self.start("two", 8)
        output = process.communicate(timeout=120)[0]
        self.assertEqual(process.returncode, 0, output + self.said(0) + self.said(1))
        self.assertIn("8 = 2 ranks x 2 images x 2 leaves", self.said(0))
        self.assert_same("two", self.contents("one"))

    def wait_for(self, what, process, seconds):
        until = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), until, self.said(0) + self.said(1))
            time.sleep(0.01)

    def test_both_sides_of_a_broken_link_end(self):
        process = self.start("cut", 10**6)
        metrics = self.dir / "cut/metrics.jsonl"
        self.wait_for(lambda: metrics.exists() and metrics.read_bytes().count(b"\n") >= 5, process, 60)
        self.hosts.cut()
        codes = [self.dir / f"code.{rank}" for rank in range(2)]
        self.wait_for(lambda: all(code.exists() and code.read_text().endswith("\n") for code in codes), process, 30)
        self.assertEqual([code.read_text() for code in codes], ["6\n", "6\n"])
        for rank in range(2):
            self.assertRegex(self.said(rank), f"rank {1 - rank} has given no sign of life for .* it was at: [a-z_]+")
        self.hosts.close()  # mpirun waits for its other half
        process.communicate(timeout=60)
        self.run_it("train", "--out", "cut", "--resume", "train.steps=60", has=["resumed at step"])


def why_not():
    """Why there are no two hosts here, or nothing."""
    for program, package in ("mpirun", "openmpi-bin"), ("ip", "iproute2"), ("nsenter", "util-linux"):
        if not shutil.which(program):
            return f"no {program} (Debian: {package})"
    with tempfile.TemporaryDirectory() as folder:
        try:
            TwoHosts(folder).close()
        except OSError as error:
            return f"no network namespaces: {error}"
    return None


if __name__ == "__main__":
    if reason := why_not():
        print("not run:", reason)
        sys.exit(0)
    unittest.main()
