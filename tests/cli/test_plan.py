#!/usr/bin/env python3
"""vicinity plan: what it says of a run, beside that run.

usage: test_plan.py BINARY     (needs nothing but Python)
"""
import json
import os
import subprocess
import unittest

from program import BINARY, TINY, Program

# Large enough that the program itself is a small part.
DINAT = ["model=dinat_mini", "data.image_size=128", "model.dilations=[[1,4,1],[1,2,1,2],[1,1,1,1,1,1],[1,1,1,1,1]]", "model.small_maps=pad"]
DINOV2 = ["model=dinov2_vits14", "data.image_size=126"]
STEPS = ["train.batch=8", "train.micro_batch=8", "train.steps=2", "train.eval_every=0"]


class Plan(Program):
    def plan(self, *words, **options):
        return json.loads(self.run_it("plan", *words, "--json", **options))

    def peak_of_training(self, *words):
        """Peak resident bytes of a run, as the kernel counts them."""
        process = subprocess.Popen([BINARY, "train", f"data.root={self.data}", *words, "--out", "run", "--overwrite"], cwd=self.dir,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        text = process.stdout.read()
        process.stdout.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0, text)
        return usage.ru_maxrss * 1024

    def test_memory_is_that_of_the_run_to_3_percent(self):
        average = [*DINAT, "train.ema=0.99"]  # which a checkpoint exchanges with the weights
        for name, model, precision in (("dinat", DINAT, "fp32"), ("dinat", DINAT, "bf16"), ("dinov2", DINOV2, "fp32"),
                                       ("dinov2", DINOV2, "bf16"), ("average", average, "bf16")):
            words = [*model, *STEPS, f"train.precision={precision}", "device=cpu"]
            said = self.plan(f"data.root={self.data}", *words)["memory_bytes"]
            measured = self.peak_of_training(*words)
            share = said["total"] / measured
            print(f"{name} {precision}: said {said['total'] / 2**20:.0f} MiB {said}, measured {measured / 2**20:.0f}: {share:.3f}")
            self.assertAlmostEqual(share, 1, delta=0.03, msg=f"{name} {precision}")

    def test_recomputation_takes_less(self):
        kept, again = (self.plan(*DINOV2, "train.batch=64", "train.precision=fp32", f"train.recompute={how}")["memory_bytes"]["tensors"] for how in ("none", "block"))
        self.assertLess(again, 0.7 * kept)

    def test_what_it_says(self):
        said = self.plan(f"data.root={self.data}", *DINAT, *STEPS, "sched.warmup=1it", "train.steps=40")
        self.assertEqual((said["images"], said["steps_per_epoch"], said["steps"]), (14, 2, 40))
        self.assertEqual([entry["step"] for entry in said["schedule"]][:2] + [said["schedule"][-1]["step"]], [0, 1, 39])
        self.assertEqual(max(entry["lr"] for entry in said["schedule"]), 1e-3)
        self.assertEqual([level["map"] for level in said["levels"]], [32, 16, 8, 4])
        self.assertFalse(said["levels"][3]["blocks"][0]["fits"])
        self.assertNotIn("probe", said)
        self.run_it("plan", *DINAT, "--images", 1281167, "train.batch=1024", "train.epochs=300", "optim.lr=1e-3", has=[
            "1,281,167 training images, 1252 steps an epoch, 375,600 steps in all", "GFLOP an image forward", "TFLOP an epoch", "at the peak",
            "--probe takes it from 10 steps", "a checkpoint", "level 0  32 x 32 tokens of 4 px, dilations 1 4 1 (room for 4)", "1.00e-03 |", "step 375,600"])
        self.run_it("plan", *TINY, "--images", 10, has=["GFLOP a step", "GFLOP an epoch"])
        self.run_it("plan", *DINOV2, has=["global: every block sees all 126 x 126 px"])

    def test_a_schedule_that_does_not_fit_is_shown_and_refused(self):
        self.run_it("plan", "model=dinat_mini", "data.image_size=112", code=2, has=[
            "dilations 1 8! 1 (room for 4)", "28 x 28 map", "The nearest valid schedule is"])
        self.run_it("plan", "model=dinov2_vits14", "data.image_size=100", code=2, has=["not a multiple of model.patch_size = 14"])
        self.run_it("plan", "data.root=gone", "model=dinat_mini", code=3, has=["gone"])

    def test_the_probe_times_real_steps(self):
        tiny = ["model.family=dinat", "model.embed_dim=16", "model.depths=[1,1]", "model.num_heads=[2,2]", "model.kernel_size=3",
                "model.dilations=[[1],[1]]", "data.image_size=28", "train.batch=4"]
        said = self.plan(*tiny, f"data.root={self.data}", "--probe")
        self.assertEqual(said["probe"]["steps"], 10)
        self.assertGreater(said["probe"]["step_seconds"], 0)
        self.assertAlmostEqual(said["probe"]["epoch_seconds"] / said["probe"]["step_seconds"], 4, places=6)
        self.run_it("plan", *tiny, "--probe", has=["s a step", "of random images in memory"])
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), ["data"])


if __name__ == "__main__":
    unittest.main(verbosity=1)
