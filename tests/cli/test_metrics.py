#!/usr/bin/env python3
"""The files that a run leaves: metrics.jsonl, timing.jsonl, summary.csv and TensorBoard's event files, also after kill -9.

usage: test_metrics.py BINARY SOURCE_FOLDER     (needs TensorBoard in SOURCE_FOLDER/.cache/python: scripts/python_tools)
"""
import collections
import csv
import json
import pathlib
import signal
import struct
import subprocess
import sys
import time
import unittest

import event_reader
from program import BINARY, TINY, Program

TOOLS = pathlib.Path(sys.argv.pop(1)).resolve() / ".cache/python/bin/python"
STEP_KEYS = ["step", "epoch", "train/loss", "train/top1", "train/lr", "train/grad_norm"]


def float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


class Metrics(Program):
    def lines(self, run, name="metrics.jsonl"):
        return [json.loads(line) for line in (self.dir / run / name).read_text().splitlines()]

    def event_files(self, run):
        return sorted((self.dir / run).glob("events.out.tfevents.*"))

    def tensorboard(self, run):
        """{tag: {step: value}} as TensorBoard has it."""
        done = subprocess.run([TOOLS, pathlib.Path(__file__).with_name("read_events.py"), self.dir / run], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, f"run scripts/python_tools first, as ./test does\n{done.stderr}")
        return {tag: dict(events) for tag, events in json.loads(done.stdout).items()}

    def test_files_say_the_same(self):
        self.train("--out", "run", "train.steps=6", "train.eval_every=1", "train.log_every=2")
        lines = self.lines("run")
        steps = [line for line in lines if "train/loss" in line]
        evaluations = [line for line in lines if "val/top1" in line]
        self.assertEqual([line["step"] for line in steps], [1, 2, 3, 4, 5, 6])
        self.assertEqual([line["step"] for line in evaluations], [2, 4, 6])
        self.assertEqual(list(steps[0]), STEP_KEYS)
        self.assertEqual([line["epoch"] for line in steps], [0.5, 1, 1.5, 2, 2.5, 3])
        self.assertIn(evaluations[0]["val/top1"], (0, 50, 100))
        self.assertEqual(evaluations[0]["val/images"], 2)

        with open(self.dir / "run/summary.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["step"] for row in rows], ["2", "4", "6"])
        for i, row in enumerate(rows):
            part = steps[2 * i:2 * i + 2]
            self.assertEqual(float(row["train/loss"]), (part[0]["train/loss"] + part[1]["train/loss"]) / 2)
            self.assertEqual(float(row["train/lr"]), part[1]["train/lr"])
            for key in ("val/loss", "val/top1", "val/top5", "val/images"):
                self.assertEqual(float(row[key]), evaluations[i][key])

        timing = self.lines("run", "timing.jsonl")
        for line in timing:
            self.assertAlmostEqual(line["time/unix"], time.time(), delta=300)
        intervals = [line for line in timing if "time/steps_s" in line]
        self.assertEqual([line["step"] for line in intervals], [2, 4, 6])
        for line in intervals:
            parts = sum(line[f"time/{part}_s"] for part in ("forward", "backward", "update"))
            self.assertLess(parts, line["time/steps_s"])
            self.assertAlmostEqual(line["train/img_per_s"] * line["time/steps_s"], 14, places=6)  # 8 and the 6 that are left
            self.assertGreater(line["train/mem_gib"], 0)
            self.assertTrue(0 <= line["train/data_wait"] <= 100)
        self.assertEqual([line["step"] for line in timing if "time/eval_s" in line], [2, 4, 6])
        self.assertEqual([line["step"] for line in timing if "time/save_s" in line], [2, 4, 6])

        events = [event for path in self.event_files("run") for event in event_reader.events(path)]
        self.assertEqual(events[0]["version"], "brain.Event:2")
        self.assertEqual([e["step"] for e in events], sorted(e["step"] for e in events))
        seen = collections.defaultdict(dict)
        for event in events:
            self.assertAlmostEqual(event["wall_time"], time.time(), delta=300)
            for tag, value in event["scalars"].items():
                self.assertNotIn(event["step"], seen[tag])
                seen[tag][event["step"]] = value
        for line in lines:
            for key, value in line.items():
                if "/" in key:
                    self.assertEqual(seen[key][line["step"]], float32(value), key)
        self.assertTrue({"time/eval_s", "train/img_per_s"} <= set(seen))
        self.assertEqual(self.tensorboard("run"), dict(seen))

    def test_kill_and_resume_leave_no_gap_and_nothing_twice(self):
        steps = ["train.steps=80", "train.save_every=6", "train.eval_every=5"]
        self.train("--out", "whole", *steps)
        process = subprocess.Popen([BINARY, "train", f"data.root={self.data}", *TINY, *steps, "--out", "cut"], cwd=self.dir,
                                   stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        metrics = self.dir / "cut/metrics.jsonl"
        for _ in range(4000):
            if metrics.exists() and metrics.read_text().count("\n") >= 27:
                break
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        first = self.event_files("cut")[0]
        first.write_bytes(first.read_bytes() + b"\1\2\3")  # as if it had been killed within a write
        self.run_it("train", "--out", "cut", "--resume", has=["resumed at step"])
        for name in ("metrics.jsonl", "summary.csv"):
            self.assertEqual((self.dir / "cut" / name).read_bytes(), (self.dir / "whole" / name).read_bytes(), name)
        files = self.event_files("cut")
        self.assertEqual(len(files), 2)
        old, new = ([*event_reader.events(path)] for path in files)
        self.assertTrue(new[1]["start"], "a running TensorBoard is not told")
        self.assertEqual(new[1]["step"], max(event["step"] for event in old) + 1)
        counts = collections.Counter((event["step"], tag) for event in old + new for tag in event["scalars"])
        self.assertEqual(set(counts.values()), {1})
        self.assertEqual({step for step, tag in counts if tag == "train/loss"}, set(range(1, 81)))
        losses = {line["step"]: float32(line["train/loss"]) for line in self.lines("whole") if "train/loss" in line}
        self.assertEqual(self.tensorboard("cut")["train/loss"], losses)

    def test_overwrite_leaves_nothing_of_the_old_run(self):
        self.train("--out", "run")
        before = [path.name for path in self.event_files("run")]
        self.train("--out", "run", "--overwrite")
        after = [path.name for path in self.event_files("run")]
        self.assertEqual((len(before), len(after)), (1, 1))
        self.assertNotEqual(before, after)

    def test_configuration_tells_its_origins(self):
        (self.dir / "mine.yaml").write_text("optim:\n  lr: 0.25\n")
        self.train("--out", "run", "--config", "mine.yaml")
        text = (self.dir / "run/config.yaml").read_text()
        self.assertIn("lr: 0.25  # mine.yaml:2\n", text)
        self.assertIn("batch: 8  # command line\n", text)
        self.assertIn("smoothing: 0.1  # default\n", text)
        self.run_it("train", "--out", "run", "--resume", "train.steps=6")
        text = (self.dir / "run/config.yaml").read_text()
        for line in ("lr: 0.25  # mine.yaml:2\n", "steps: 6  # command line\n", "smoothing: 0.1  # default\n"):
            self.assertIn(line, text)
        self.run_it("train", "--out", "more", f"data.root={self.data}", "model.weights=run", "train.steps=1", *TINY[:2], *TINY[9:12])
        self.assertIn("embed_dim: 16  # run/checkpoints/best/config.json\n", (self.dir / "more/config.yaml").read_text())


if __name__ == "__main__":
    unittest.main(verbosity=1)
