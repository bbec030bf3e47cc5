#!/usr/bin/env python3
"""How ranks begin, and signals to mpirun itself: batch systems, three ranks, what ranks must have alike, saving together.

usage: test_ranks_start.py BINARY     (needs mpirun; VICINITY_FULL=1 starts 64 ranks instead of 16)
"""
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from pictures import write_png
from program import BINARY, TINY
from rank_program import ENVIRONMENT, MPIRUN, RanksProgram

RECIPE = [*TINY, "train.micro_batch=2", "train.floor=none", "threads=1"]


class RanksStart(RanksProgram):
    def words(self, out, *more):
        return ["train", f"data.root={self.data}", *RECIPE, *more, "--out", out]

    def test_within_a_slurm_job_of_two_machines_the_program_starts_ranks_on_this_one(self):
        machines = f"{os.uname().nodename},no-such-machine"
        job = {"SLURM_JOB_ID": "7", "SLURM_JOBID": "7", "SLURM_JOB_NODELIST": machines, "SLURM_NODELIST": machines, "SLURM_NNODES": "2",
               "SLURM_TASKS_PER_NODE": "1(x2)", "SLURM_PROCID": "0"}
        self.run_ranks(1, *self.words("job", "train.steps=1", "--ranks=2"), environment=job, has=["8 = 2 ranks x"])

    def test_srun_without_pmix_is_told_what_to_add(self):
        step = {"SLURM_JOB_ID": "7", "SLURM_JOBID": "7", "SLURM_STEP_ID": "0", "SLURM_STEPID": "0", "SLURM_NODELIST": os.uname().nodename,
                "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
        self.run_ranks(1, *self.words("step"), code=1, environment=step, has=["add --mpi=pmix, or start with mpirun", "MPI_Init"])

    def test_ranks_are_not_started_by_ranks(self):
        self.run_ranks(2, *self.words("twice", "--ranks=2"), code=2, has=["--ranks starts ranks itself; this process was started by mpirun"])

    def test_three_ranks_have_the_bits_of_one(self):
        words = ["train.batch=12", "train.steps=6", "train.ema=0.9", "train.mixup=0.8", "optim.clip_grad=0.5"]  # 14 images: the short batch is one leaf
        self.run_ranks(1, *self.words("one", *words))
        self.run_ranks(3, *self.words("three", *words), has=["12 = 3 ranks x 2 images x 2 leaves"])
        self.assert_same("three", self.contents("one"))

    def test_many_more_ranks_than_cores_have_the_bits_of_one(self):
        ranks = 64 if os.environ.get("VICINITY_FULL") else 16
        for label in range(2):
            for number in range(8, 48):
                write_png(self.data / f"class_{label}" / f"{number}.png", label, number)
        words = ["train.batch=64", "train.micro_batch=1", "train.steps=4"]  # 82 images: the second batch leaves most ranks none
        self.run_ranks(1, *self.words("one", *words))
        self.run_ranks(1, *self.words("many", *words, "--ranks", ranks), has=[f"64 = {ranks} ranks x 1 image x {64 // ranks} lea"])
        self.assert_same("many", self.contents("one"))

    def refused(self, code, words, first=(), second=(), environment=None):
        """Two ranks of the same settings: settings of each, and what the second one is started by."""
        start = environment or [BINARY]
        done = subprocess.run([*MPIRUN, "-np", "1", BINARY, *self.words("differ", *first), ":", "-np", "1", *start, *self.words("differ", *second)],
                              capture_output=True, text=True, cwd=self.dir, timeout=60, env=ENVIRONMENT)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertRegex(done.stderr, words)
        self.assertEqual(list(self.dir.glob("differ/checkpoints/step_*")), [])

    def test_each_thing_that_ranks_must_have_alike_is_named(self):
        both = "rank 0 has {0} ([^ ,]+), rank 1 has {0} (?!\\1;)"
        self.refused(2, "rank 0 has optim.lr 0.001, rank 1 has optim.lr 0.002", ["optim.lr=1e-3"], ["optim.lr=2e-3"])
        for seed in 1, 2:
            self.run_ranks(1, *self.words(f"seed{seed}", f"seed={seed}", "train.steps=1"))
        self.refused(3, both.format("weights with the checksum"), ["model.weights=seed1"], ["model.weights=seed2"])
        other = self.dir / "other"
        other.mkdir()
        for library in pathlib.Path(BINARY).parent.glob("libvicinity_*.so"):
            (other / library.name).symlink_to(library)
        shutil.copy(BINARY, other / "vicinity")
        with open(other / "vicinity", "ab") as program:
            program.write(b"x")
        self.refused(4, both.format("a program with the checksum"), environment=[other / "vicinity"])
        linked = subprocess.run(["ldd", BINARY], capture_output=True, text=True, check=True).stdout
        name, path = next(line.split()[::2][:2] for line in linked.splitlines() if "libpng" in line)
        (self.dir / name).write_bytes(pathlib.Path(path).read_bytes() + b"x")
        self.refused(4, both.format(f"{name} with the checksum"), environment=["env", f"LD_LIBRARY_PATH={self.dir}", BINARY])

    @unittest.skipUnless("avx512" in pathlib.Path("/proc/cpuinfo").read_text(), "needs AVX-512 to hold a rank to AVX2")
    def test_instruction_sets_that_differ_are_named(self):
        self.refused(4, "rank 0 has the instruction set avx512.*, rank 1 has the instruction set avx2", environment=["env", "DNNL_MAX_CPU_ISA=AVX2", BINARY])

    def signalled(self, sent, code, *words):
        """A run of two ranks whose mpirun gets a signal after some steps."""
        process = self.start_command([*MPIRUN, "--mca", "odls_base_sigkill_timeout", "2", "-np", "2", BINARY, *self.words(sent.name, *words)])
        metrics = self.dir / sent.name / "metrics.jsonl"
        while process.poll() is None and not (metrics.exists() and metrics.read_bytes().count(b"\n") >= 5):
            time.sleep(0.002)
        process.send_signal(sent)
        self.assertEqual(self.end(process, sent.name, code).count("saved. Continue with"), 1)
        self.assertEqual(len(list((self.dir / sent.name / "checkpoints").glob("step_*"))), 1)

    def test_signals_to_mpirun_save_one_checkpoint(self):
        words = ["train.steps=1000", "train.eval_every=0"]
        self.run_ranks(1, *self.words("whole", *words))
        self.signalled(signal.SIGUSR1, 138, *words)
        self.run_ranks(1, "train", "--out", "SIGUSR1", "--resume", has=["resumed at step"])
        self.assert_same("SIGUSR1", self.contents("whole"))
        self.signalled(signal.SIGTERM, 1, "train.steps=1000000", "train.eval_every=0")


if __name__ == "__main__":
    unittest.main()
