#!/usr/bin/env python3
"""scripts/test_gpu and scripts/bench_gpu without a GPU: what they call is played by small programs.

usage: test_gpu_scripts.py SOURCE_FOLDER
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
TESTS = ("ops_tests", "train_tests", "models_tests")


class Scripts(unittest.TestCase):
    """A folder that looks like a clone on a machine with a GPU."""

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="vicinity gpu ")
        self.dir = pathlib.Path(self.temporary.name)
        (self.dir / "scripts").mkdir()
        for name in ("test_gpu", "bench_gpu"):
            shutil.copy(ROOT / "scripts" / name, self.dir / "scripts")
        self.play("bin/nvidia-smi", "echo 9.0")
        self.play("bin/cmake", "true")
        self.play("bin/ninja", "true")
        self.play("build-gpu/vicinity", "echo said by vicinity $1")
        (self.dir / "tests/cli").mkdir(parents=True)
        (self.dir / "tests/cli/test_cli.py").write_text("import sys; print('said by', *sys.argv)")
        for name in TESTS:
            self.play(f"build-gpu/tests/{name}", f"echo said by {name} $* $VICINITY_CHECK_MEMORY")

    def tearDown(self):
        self.temporary.cleanup()

    def play(self, path, script):
        file = self.dir / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/bash\n{script}\n")
        file.chmod(0o755)

    def run_script(self, *words, **environment):
        path = f"{self.dir / 'bin'}:/usr/bin:/bin"
        return subprocess.run([*map(str, words)], cwd=self.dir, capture_output=True, text=True, timeout=120,
                              env={**os.environ, "PATH": path, "CUDA_HOME": str(self.dir / "toolkit"), **environment})

    def summary(self, code, **environment):
        done = self.run_script("scripts/test_gpu", OUT="results", **environment)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        lines = (self.dir / "results/summary.txt").read_text().splitlines()
        self.assertEqual(done.stdout.splitlines(), lines)
        return [line.strip() for line in lines]

    def test_most_important_parts_come_first_and_leave_their_output(self):
        self.play("bin/compute-sanitizer", 'while [[ $1 == --* ]]; do shift 2; done; "$@"')
        lines = self.summary(code=0)
        self.assertEqual(lines.pop(5), "ranks                        not run: ranks on GPUs speak NCCL, and here is one GPU")
        names = ["build", "doctor", "ops_tests", "training", "command_line", "bench_dinat_tiny", "bench_vits14", "memcheck",
                 "racecheck", "models_tests", "ops_tests_guarded"]
        self.assertEqual([line.split()[2] for line in lines], names)
        for line in lines:
            self.assertRegex(line, r"^\d+ s +\w+ +passed$")
        self.assertIn("said by vicinity doctor", (self.dir / "results/doctor.txt").read_text())
        self.assertIn("Devices", (self.dir / "results/training.txt").read_text())
        self.assertIn("ops_tests 1", (self.dir / "results/ops_tests_guarded.txt").read_text())
        for name in ("ops_tests", "models_tests"):
            self.assertNotIn("brief", (self.dir / f"results/{name}.txt").read_text(), "cut short it would not tell what has passed")

    def test_two_gpus_are_tried_as_ranks(self):
        self.play("bin/nvidia-smi", "[ \"$1\" = -L ] && echo 'GPU 0: one' && echo 'GPU 1: another' || echo 9.0")
        self.play("bin/python3", "echo said by python3 $*")
        self.assertRegex(self.summary(code=0)[5], r"^\d+ s +ranks +passed$")
        self.assertIn("tests/cli/test_two_gpus.py build-gpu/vicinity", (self.dir / "results/ranks.txt").read_text())

    def test_a_tool_that_the_machine_refuses_is_not_run_and_no_failure(self):
        self.play("bin/compute-sanitizer", "echo 'Error: no permission to attach'; exit 1")
        lines = self.summary(code=0)
        self.assertIn("memcheck                     not run: Error: no permission to attach", lines)
        self.assertRegex(lines[-1], "ops_tests_guarded +passed")

        self.assertIn("no permission", (self.dir / "results/memcheck.txt").read_text())

    def test_a_fault_that_a_tool_finds_at_once_is_a_failure(self):
        self.play("bin/compute-sanitizer", "echo 'Invalid __global__ read, an error'; echo '=== ERROR SUMMARY: 1 error'; exit 9")
        self.assertRegex("\n".join(self.summary(code=1)), r"memcheck +FAILED \(9\), see .*results/memcheck.txt")

    def test_without_the_tool_it_says_so(self):
        self.assertIn("racecheck                    not run: no compute-sanitizer in PATH, CUDA_HOME or /usr/local/cuda",
                      self.summary(code=0))

    def test_the_tool_is_found_where_the_toolkit_is(self):
        self.play("toolkit/bin/compute-sanitizer", "true")
        self.assertRegex("\n".join(self.summary(code=0)), r"racecheck +passed")

    def test_what_fails_is_named_and_the_rest_runs(self):
        self.play("build-gpu/tests/ops_tests", "echo 3 of 5 differ; exit 1")
        lines = self.summary(code=1)
        self.assertRegex("\n".join(lines), r"ops_tests +FAILED \(1\), see .*results/ops_tests.txt")
        self.assertRegex("\n".join(lines), r"training +passed")

    def test_cut_short_it_has_what_came_before(self):
        self.play("build-gpu/tests/ops_tests", "echo first case passed; sleep 60")
        self.play("bin/compute-sanitizer", f"touch '{self.dir}/tried'")
        lines = self.summary(code=1, SECONDS_IN_ALL="3")
        self.assertRegex("\n".join(lines), r"doctor +passed")
        self.assertRegex("\n".join(lines), r"ops_tests +cut short: out of time")
        self.assertRegex("\n".join(lines), r"training +not run: no time left")
        self.assertRegex("\n".join(lines), r"memcheck +not run: no time left")
        self.assertFalse((self.dir / "tried").exists())
        self.assertIn("first case passed", (self.dir / "results/ops_tests.txt").read_text())

    def test_without_a_gpu_it_refuses(self):
        self.play("bin/nvidia-smi", "exit 9")
        done = self.run_script("scripts/test_gpu", OUT="results")
        self.assertEqual(done.returncode, 4)
        self.assertIn("nvidia-smi shows no GPU here", done.stderr)

    def bench(self):
        done = self.run_script("scripts/bench_gpu", "--python", self.dir / "bin/theirs", "--out",
                               "bench.jsonl", "dinat_tiny", "dinov2_vits14")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines(), (self.dir / "calls").read_text().split()

    def test_bench_alternates_and_goes_on_where_it_was_cut_short(self):
        self.play("build-gpu/vicinity", f"echo ours >> '{self.dir}/calls'; echo '{json.dumps({'images_per_s': 900})}'")
        self.play("bin/theirs", f"echo $* | grep -q flex && name=flex || name=theirs; echo $name >> '{self.dir}/calls'; "
                                f"[ $name = flex ] && rate=300 || rate=200; echo {{'\"images_per_s_best\"': $rate}}")
        rows, calls = self.bench()
        self.assertEqual(calls, ["ours", "theirs", "flex"] * 2 + ["ours", "theirs"] * 2)
        self.assertRegex(rows[0], r"dinat_tiny.* 900 \| 300 \| 3.00 ")
        self.assertRegex(rows[1], r"dinov2_vits14.* 900 \| 200 \| 4.50 ")
        known = (self.dir / "bench.jsonl").read_text().splitlines()
        (self.dir / "bench.jsonl").write_text("\n".join(known[:4]) + "\n" + known[4][:10])  # cut short while writing
        (self.dir / "calls").write_text("")
        again, calls = self.bench()
        self.assertEqual(again, rows)
        self.assertEqual(calls, ["theirs", "flex"] + ["ours", "theirs"] * 2)

    def test_bench_says_why_a_side_was_not_run_and_tries_it_again(self):
        self.play("build-gpu/vicinity", f"echo ours >> '{self.dir}/calls'; echo '{json.dumps({'images_per_s': 900})}'")
        self.play("bin/theirs", f"echo theirs >> '{self.dir}/calls'; echo 'no module named torch' >&2; exit 1")
        for _ in range(2):
            (self.dir / "calls").write_text("")
            rows, calls = self.bench()
            self.assertIn("no module named torch", rows[0])
            self.assertIn("| 900 | not run | - |", rows[0])
            self.assertIn("theirs", calls)

    def test_bench_goes_on_where_a_side_prints_no_figure(self):
        self.play("build-gpu/vicinity", f"echo ours >> '{self.dir}/calls'; echo '{json.dumps({'images_per_s': 900})}'")
        self.play("bin/theirs", "echo killed")
        rows, _ = self.bench()
        self.assertRegex(rows[0], r"\| 900 \| not run \| - \| pytorch: its last line is no figure: 'killed'")
        self.assertEqual(len(rows), 2)

    def test_bench_finds_the_libraries_that_were_carried_along(self):
        (self.dir / ".cache/prefix/usr/lib/x86_64-linux-gnu").mkdir(parents=True)
        for side in ("build-gpu/vicinity", "bin/theirs"):
            self.play(side, f"echo $LD_LIBRARY_PATH | grep -qF '{self.dir}/.cache/prefix/usr/lib/x86_64-linux-gnu:/own' && echo {side} >> "
                            f"'{self.dir}/calls'; echo '{json.dumps({'images_per_s': 900})}'")
        os.environ["LD_LIBRARY_PATH"] = "/own"
        self.addCleanup(os.environ.pop, "LD_LIBRARY_PATH")
        self.assertEqual(set(self.bench()[1]), {"build-gpu/vicinity"})


if __name__ == "__main__":
    unittest.main()
