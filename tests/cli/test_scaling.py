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

    def test_no_published_model_is_missing(self):
        models = {file.stem for file in (ROOT / "configs/models").glob("*.yaml")}
        self.assertEqual({row.split()[1] for row in rows(PAGE)}, models)

    def test_the_exchange_of_cpu_ranks_is_that_of_the_page(self):
        command, = re.findall(r"scripts/scaling (--ranks .*)`", PAGE)
        for line in scaling(*command.split()).splitlines():
            name, milliseconds, _ = line.split()
            self.assertRegex(PAGE, rf"\| {name} \| {re.escape(milliseconds)} \|")


del sys.argv[1:]
unittest.main()
