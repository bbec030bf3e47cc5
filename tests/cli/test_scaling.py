#!/usr/bin/env python3
"""docs/scaling.md holds what scripts/scaling computes.

usage: test_scaling.py BINARY SOURCE_FOLDER
"""
import os
import pathlib
import re
import subprocess
import sys
import unittest

BINARY, ROOT = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
PAGE = (ROOT / "docs/scaling.md").read_text()


def scaling(*words):
    done = subprocess.run([ROOT / "scripts/scaling", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(text):
    return [line for line in text.splitlines() if re.match(r"\| (dinat|nat|dinov2)_", line)]


class Scaling(unittest.TestCase):
    def test_every_table_is_what_the_command_above_it_prints(self):
        parts = re.split(r"`scripts/scaling build/vicinity *(.*)`", PAGE)[1:]
        self.assertEqual(parts[::2][:1], [""])
        for words, text in zip(parts[::2], parts[1::2]):
            self.assertEqual(rows(scaling(BINARY, *words.split())), rows(text), words)

    def test_what_is_said_of_the_table_is_in_it(self):
        table = rows(PAGE)[:len(list((ROOT / "configs/models").glob("*.yaml")))]
        exact, ring, two_levels, ring_of_64 = ([float(row.split("|")[column].split("/")[1]) for row in table] for column in (5, 6, 8, 9))
        costs = [round(b - a, 1) for a, b in zip(exact, ring)]
        self.assertIn(f"In one node exactness costs {min(costs)} to {max(costs)} points", PAGE)
        self.assertIn(f"64 GPUs reach {min(two_levels):.0f} to {max(two_levels):.0f} %, a ring all-reduce {min(ring_of_64):.0f} to {max(ring_of_64):.0f} %", PAGE)

    def test_no_published_model_is_missing(self):
        models = {file.stem for file in (ROOT / "configs/models").glob("*.yaml")}
        self.assertEqual({row.split()[1] for row in rows(PAGE)}, models)

    def test_the_exchange_of_cpu_ranks_is_that_of_the_page(self):
        command, = re.findall(r"scripts/scaling (--ranks .*)`", PAGE)
        for line in scaling(*command.split()).splitlines():
            name, milliseconds, _ = line.split()
            self.assertRegex(PAGE, rf"\| {name} \| {re.escape(milliseconds)} \|")

    def test_batch_scripts_are_whole_and_give_each_rank_a_leaf(self):
        scripts = [block for block in re.findall(r"^```\n(.*?)^```", PAGE, re.M | re.S) if "#SBATCH" in block]
        self.assertEqual(len(scripts), 3)
        for script in scripts:
            self.assertTrue(script.startswith("#!/bin/bash\n#SBATCH "), script)
            subprocess.run(["bash", "-n"], input=script, text=True, check=True)
            asked = dict(re.findall(r"--([a-z-]+)=(\d+)", script.splitlines()[1]))
            self.assertIn(f"srun --mpi=pmix --cpus-per-task={asked['cpus-per-task']} ", script)
            words = re.search(r"vicinity train (.*) --out", script)[1].split()
            dump = subprocess.run([BINARY, "config", "dump", *words], capture_output=True, text=True, cwd=ROOT, timeout=60)
            self.assertEqual(dump.returncode, 0, dump.stderr)
            batch, leaf = (int(re.search(rf"^  {key}: (\d+)", dump.stdout, re.M)[1]) for key in ("batch", "micro_batch"))
            self.assertEqual(batch, leaf * int(asked["nodes"]) * int(asked["ntasks-per-node"]), script)


del sys.argv[1:]
unittest.main()
