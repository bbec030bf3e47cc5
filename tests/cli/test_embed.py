#!/usr/bin/env python3
"""vicinity embed: arrays as numpy, h5py and safetensors read them, beside what predict says, after a kill, with damaged images.

usage: test_embed.py BINARY SOURCE_FOLDER     (needs the packages of scripts/python_tools)
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import unittest

from pictures import write_png
from program import BINARY, Program

ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
HERE = pathlib.Path(__file__).resolve().parent
TOOLS = ROOT / ".cache/python/bin/python"
OUTPUTS = ROOT / "tests/fixtures/outputs"
FORMATS = ("safetensors", "npz", "h5")
# 30 x 22, the size of the fixtures' images.
PLAIN = ["data.eval_resize=30x22", "data.eval_crop=none", "model.small_maps=pad", "train.precision=fp32"]


class Embed(Program):
    def setUp(self):
        super().setUp()
        self.assertTrue(TOOLS.exists(), "run scripts/python_tools first, as ./test does")

    def read(self, name):
        subprocess.run([TOOLS, HERE / "read_arrays.py", self.dir / name, self.dir / "read.json"], check=True, timeout=300)
        return json.loads((self.dir / "read.json").read_text())

    def embed(self, model, *words, out="f.npz", **options):
        self.run_it("embed", model, *words, "--out", out, **options)
        return self.read(out)

    def close(self, ours, theirs, places=5):
        self.assertEqual(len(ours), len(theirs))
        for a, b in zip(ours, theirs):
            self.assertAlmostEqual(a, b, places=places)

    def test_logits_are_those_of_predict_in_every_format(self):
        self.train("--out", "run")
        lines = [json.loads(line) for line in self.run_it("predict", "run", self.data, "--json").splitlines()]
        for kind in FORMATS:
            read = self.embed("run", self.data, "--outputs", "logits,pooled", "--batch", "3", out=f"out/f.{kind}")
            self.assertEqual(read["files"]["texts"], [line["file"] for line in lines])
            self.assertEqual(read["class_names"]["texts"], ["class_0", "class_1"])
            self.assertEqual(read["ok"]["values"], [1] * 16)
            self.assertEqual((read["logits"]["shape"], read["logits"]["dtype"]), ([16, 2], "float32"))
            self.assertEqual(read["pooled"]["shape"], [16, 32])
            self.close(read["logits"]["values"], [value for line in lines for value in line["logits"]], places=6)
            self.assertEqual(sorted(path.name for path in (self.dir / "out").iterdir()), sorted(f"f.{k}" for k in FORMATS[:FORMATS.index(kind) + 1]))

    def test_every_output_has_its_shape(self):
        every = "pooled,last_hidden_state,hidden_states,attentions,logits,features.stem,features.stage2"
        shapes = {}
        for kind in FORMATS:
            read = self.embed(OUTPUTS / "dinat", self.data, *PLAIN, "--outputs", every + ",reshaped_hidden_states", out=f"f.{kind}",
                              has=["not saved by a backbone: features.stem"])
            shapes[kind] = {name: entry.get("shape") for name, entry in read.items()}
        self.assertEqual(shapes["npz"], {
            "pooled": [16, 16], "last_hidden_state": [16, 4, 3, 16], "logits": [16, 3],
            "hidden_states.0": [16, 8, 6, 8], "hidden_states.1": [16, 4, 3, 16], "hidden_states.2": [16, 4, 3, 16],
            "reshaped_hidden_states.0": [16, 8, 8, 6], "reshaped_hidden_states.1": [16, 16, 4, 3],
            "reshaped_hidden_states.2": [16, 16, 4, 3], "attentions.0": [16, 2, 9, 9, 9], "attentions.1": [16, 1, 4, 3, 9],
            "features.stem": [16, 8, 8, 6], "features.stage2": [16, 16, 4, 3], "ok": [16], "files": None, "class_names": None})
        self.assertEqual(shapes["npz"], shapes["safetensors"])
        self.assertEqual(shapes["npz"], shapes["h5"])
        read = self.embed(OUTPUTS / "registers_current", self.data, "data.eval_resize=15x15", "data.eval_crop=none",
                          "--outputs", every.replace("features.stem", "features.stage1"), "--overwrite")
        self.assertEqual({name: entry.get("shape") for name, entry in read.items()}, {
            "pooled": [16, 8], "last_hidden_state": [16, 12, 8], "logits": [16, 3],
            **{f"hidden_states.{i}": [16, 12, 8] for i in range(4)}, **{f"attentions.{i}": [16, 2, 12, 12] for i in range(3)},
            "features.stage1": [16, 8, 3, 3], "features.stage2": [16, 8, 3, 3], "ok": [16], "files": None, "class_names": None})

    def test_features_are_the_stages_of_the_backbone(self):
        read = self.embed(OUTPUTS / "dinov2_backbone", self.data, "data.eval_resize=15x15", "data.eval_crop=none", "--outputs", "features")
        self.assertEqual(sorted(read), ["features.stage2", "features.stage3", "features.stem", "files", "ok"])
        self.run_it("embed", OUTPUTS / "dinov2_backbone", self.data, "--outputs", "logits", "--out", "l.npz", code=3,
                    has=["has no classifier, so there are no logits"])

    def test_damaged_images_have_rows_of_nan(self):
        self.train("--out", "run")
        good = self.data / "class_0/1.png"
        (self.dir / "cut.png").write_bytes(good.read_bytes()[:60])
        names = ["absent.png", "cut.png", str(good), "absent.png", str(good)]
        listed = "".join(name + "\n" for name in names)
        for kind in FORMATS:
            read = self.embed("run", "-", "--outputs", "logits", "--batch", "1", out=f"f.{kind}", code=3, input=listed,
                              has=["absent.png", "cut.png", "3 of 5 images could not be used", "its row is NaN"])
            self.assertEqual(read["ok"]["values"], [0, 0, 1, 0, 1])
            self.assertEqual(read["files"]["texts"], names)
            values = read["logits"]["values"]
            self.assertEqual([value is None for value in values], [True] * 4 + [False] * 2 + [True] * 2 + [False] * 2)
            self.assertEqual(values[4:6], values[8:10])
        self.run_it("embed", "run", "absent.png", "--out", "none.npz", code=3, has=["none of the 1 images could be used"])
        self.assertFalse((self.dir / "none.npz").exists())

    def test_a_killed_run_goes_on(self):
        self.train("--out", "run")
        some = f"{self.data}/class_0/1.png\n{self.data}/class_1/2.png\nabsent.png\n" * 20
        listed, waits = f"{some}waits.png\n{some}", self.dir / "waits.png"
        words = ["embed", "run", "-", "--outputs", "logits,pooled", "--batch", "8"]
        for kind in FORMATS:
            os.mkfifo(waits)  # the process waits for it in its eighth batch
            process = subprocess.Popen([BINARY, *words, "--out", f"f.{kind}"], cwd=self.dir, stdin=subprocess.PIPE,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
            process.stdin.write(listed)
            process.stdin.close()
            progress = self.dir / f"f.{kind}.part.progress"
            until = time.monotonic() + 120
            while not progress.exists() and time.monotonic() < until:
                self.assertIsNone(process.poll())
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.assertTrue(progress.exists())
            self.assertFalse((self.dir / f"f.{kind}").exists())
            waits.unlink()
            write_png(waits, 0, 5)
            self.run_it(*words, "--out", f"whole.{kind}", code=3, input=listed)
            if kind == "npz":  # of another list: begins anew
                self.run_it("embed", "run", self.data, "--outputs", "logits", "--out", "g.npz", has=["wrote 16 rows"])
                shutil.copy(self.dir / f"f.{kind}.part", self.dir / "other.npz.part")
                shutil.copy(progress, self.dir / "other.npz.part.progress")
                self.run_it("embed", "run", self.data, "--outputs", "logits", "--out", "other.npz", has=["wrote 16 rows"])
                self.assertEqual((self.dir / "other.npz").read_bytes(), (self.dir / "g.npz").read_bytes())
            self.run_it(*words, "--out", f"f.{kind}", code=3, input=listed, has=["going on with", "at image "])
            if kind != "h5":  # HDF5 may keep the time at which it was made
                self.assertEqual((self.dir / f"f.{kind}").read_bytes(), (self.dir / f"whole.{kind}").read_bytes())
            self.assertEqual(self.read(f"f.{kind}"), self.read(f"whole.{kind}"))
            self.assertFalse(progress.exists())
            waits.unlink()

    def test_refusals(self):
        self.train("--out", "run")
        self.run_it("embed", "run", self.data, "--out", "f.csv", code=2, has=["f.csv", ".safetensors, .npz, .h5"])
        self.run_it("embed", "run", self.data, "--outputs", "logit", "--out", "f.npz", code=2, has=["'logit'", "did you mean 'logits'?"])
        self.run_it("embed", "run", self.data, "--outputs", "features.stage3", "--out", "f.npz", code=2, has=["features.stage2"])
        self.run_it("embed", "run", self.data, code=2, has=["--out FILE"])
        self.embed("run", self.data)
        self.run_it("embed", "run", self.data, "--out", "f.npz", code=2, has=["exists; use --overwrite"])
        self.embed("run", self.data / "class_0", "--overwrite")
        write_png(self.dir / "small.png", 0, 1, side=8)
        self.run_it("embed", "run", self.data / "class_0/1.png", "small.png", "data.eval_resize=none", "data.eval_crop=none",
                    "--outputs", "last_hidden_state", "--out", "s.npz", code=3, has=["small.png", "8 x 8 pixels", "data.eval_crop=N"])


if __name__ == "__main__":
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    unittest.main(verbosity=1)
