#!/usr/bin/env python3
"""The command line as users meet it: verbs, exit codes, and messages that name the thing and the remedy.

usage: test_cli.py BINARY     (needs nothing but Python)
"""
import contextlib
import fcntl
import json
import os
import pty
import re
import resource
import shutil
import signal
import struct
import subprocess
import termios
import unittest

from pictures import write_png
from program import BINARY, TINY, Program


class Cli(Program):
    def test_help_everywhere(self):
        self.run_it("--help", has=["train", "eval", "predict", "embed", "data check", "data pack", "export", "inspect", "config dump", "bench", "doctor"])
        self.run_it("--version", has=["vicinity", "oneDNN", "HDF5"])
        for verb in (["train"], ["eval"], ["eval", "knn"], ["eval", "linear"], ["predict"], ["embed"], ["data", "check"], ["data", "pack"], ["export"], ["inspect"], ["config", "dump"], ["bench", "step"], ["doctor"]):
            self.run_it(*verb, "--help", has=["usage: vicinity"])
        self.run_it("data", "--help", has=["data check", "data pack", "data preview"])
        self.run_it("bench", code=2, has=["bench step", "bench floor"])
        self.run_it("eval", "--help", has=["--out DIR", "key=value", "eval knn", "eval linear"])
        self.assertIn("usage: vicinity doctor\n", self.run_it("doctor", "--help"))

    def test_unknown_words_are_met_with_the_near_one(self):
        self.run_it("trian", code=2, has=["did you mean 'train'?"])
        self.run_it("train", "--resumee", code=2, has=["did you mean '--resume'?"])
        self.run_it("train", "train.epochz=20", "data.root=x", "optim.lr=abc", "train.batch=0", code=2,
                    has=["unknown key 'train.epochz'", "did you mean 'train.epochs'?", "optim.lr", "abc", "train.batch"])
        self.run_it("train", "epochs=3", code=2, has=["train.epochs"])
        (self.dir / "x.yaml").write_text("train:\n  batchh: 3\n")
        self.run_it("train", "--config", "x.yaml", code=2, has=["x.yaml:2", "train.batch"])
        self.run_it("train", "model=dinat_minni", code=2, has=["dinat_mini"])
        self.run_it("train", self.data, code=2, has=[f"what is '{self.data}'? Settings are written key=value, images data.root={self.data}"])
        self.run_it("plan", "x.yaml", code=2, has=["files of settings --config x.yaml"])
        self.run_it("train", "optim.freeze=[embeddings*,", "encoder*]", code=2, has=["'encoder*]'", "lists with spaces 'key=[a, b]', in quotes"])
        self.run_it("train", "--out", code=2, has=["--out: 1 required DIR missing"])
        self.run_it("train", "train.class_weights=even", f"data.root={self.data}", *TINY, code=2, has=["1 entry (even)", "2 classes", "balanced"])
        self.run_it("train", "data.augment=randaug", code=2, has=["'randaug' is not known; it is none, rand"])
        self.run_it("train", "threads=100000", "data.loader_threads=2000", code=2, has=["threads = 100000", "loader_threads = 2000", "between 0 and 1024"])
        self.run_it("train", "model.embed_dim=1000000000", "model.mlp_ratio=1e17", code=2, has=["embed_dim", "between 2 and 65536", "mlp_ratio"])

    def test_train_eval_predict(self):
        self.train("--out", "run", has=["done: run"])
        for name in ("config.yaml", "command.txt", "classes.json", "train.log", "metrics.jsonl", "checkpoints/last/config.json",
                     "checkpoints/best/model.safetensors", "checkpoints/last/optimizer.safetensors"):
            self.assertTrue((self.dir / "run" / name).exists(), name)
        report = json.loads(self.run_it("eval", "run", "--json"))
        self.assertEqual(report["n"], 2)
        (self.data / "class_0").rename(self.dir / "data/class_00")
        self.run_it("eval", "run", code=3, has=["class 0 of the model is 'class_0', of the data 'class_00'", "model.weights="])
        (self.dir / "data/class_00").rename(self.data / "class_0")
        image = self.data / "class_1" / "0.png"
        line = json.loads(self.run_it("predict", "run", image, "--json"))
        self.assertEqual(line["file"], str(image))
        self.assertEqual(set(line["probabilities"]), {"class_0", "class_1"})
        self.assertAlmostEqual(sum(line["probabilities"].values()), 1, places=6)
        self.assertEqual(line["probability"], max(line["probabilities"].values()))
        self.run_it("predict", "run", self.data, "--save", "sheet.png")
        self.assertTrue((self.dir / "sheet.png").read_bytes().startswith(b"\x89PNG"))
        self.run_it("predict", "run", "absent.jpg", code=3, has=["absent.jpg"])
        self.run_it("inspect", "run", has=["params", "level 0", "GFLOP forward", "kept for backward"])
        self.assertEqual(len(json.loads(self.run_it("inspect", "model=dinat_tiny", "--json"))["levels"]), 4)
        self.run_it("inspect", "run/checkpoints/last/model.safetensors", has=["classifier.weight", "tensors"])
        self.run_it("train", "--out", "run", f"data.root={self.data}", code=2, has=["--resume", "--overwrite"])
        self.train("--out", "again", f"model.weights=run", has=["100.0 % of the backbone"])

    def test_config_dump_reads_back(self):
        first = self.run_it("config", "dump", "model=dinat_tiny", "optim.lr=3e-4")
        (self.dir / "dump.yaml").write_text(first)
        self.assertEqual(self.run_it("config", "dump", "--config", "dump.yaml"), first)
        self.run_it("config", "dump", "model=dinat_tiny", "optim.lr=3e-4", "--origin", has=["command line", "dinat_tiny.yaml", "default"])

    def test_a_named_model_and_a_described_one_are_two(self):
        """Keys of files win over those of model=NAME: nothing would be left of it, in silence."""
        self.train("--out", "run")
        words = ["--config", "run/config.yaml", "model=dinat_tiny"]
        for verb in (["config", "dump"], ["plan"], ["train", "--out", "other"]):
            self.run_it(*verb, *words, code=2, has=["model=dinat_tiny would change nothing", "run/config.yaml:2"])
        (self.dir / "recipe.yaml").write_text("model:\n  drop_path_rate: 0.3\n")
        self.assertIn("drop_path_rate: 0.3", self.run_it("config", "dump", "--config", "recipe.yaml", "model=dinat_tiny"))
        named = ["model=dinat_mini", *(word for word in TINY if "family" not in word)]
        for expected in ("done: named", "this run is finished"):  # the same command begins and goes on
            self.run_it("train", f"data.root={self.data}", *named, "--out", "named", "--resume", has=[expected])
        self.run_it("train", "model=dinat_tiny", "--out", "named", "--resume", code=2, has=["model.name dinat_mini -> dinat_tiny"])

    def test_a_name_is_a_config_before_it_is_a_file(self):
        (self.dir / "quickstart").write_text("#!/bin/sh\necho 'a: b: c'\n")
        self.assertIn("name: dinat_quickstart", self.run_it("config", "dump", "--config", "quickstart"))
        (self.dir / "own").write_text("seed: 7\n")
        self.assertIn("seed: 7", self.run_it("config", "dump", "--config", "own"))
        self.run_it("config", "dump", "--config", "/dev/stdin", input="seed: 7\n", code=2, has=["'/dev/stdin' is no file"])

    def test_bad_data_ends_with_code_3_and_names_the_file(self):
        self.run_it("train", "data.root=absent", *TINY, code=3, has=["absent"])
        self.run_it("train", f"data.root={self.data / 'class_0/1.png'}", *TINY, code=3, has=["1.png", "not an HDF5 file", "a folder of class folders"])
        (self.data / "class_0" / "empty.jpg").write_bytes(b"")
        (self.data / "class_1" / "text.png").write_bytes(b"hello")
        cut = (self.data / "class_1" / "1.png").read_bytes()
        (self.data / "class_1" / "cut.png").write_bytes(cut[: len(cut) // 2])
        self.train("--out", "run", code=3, has=["3 of 19 files", "empty.jpg", "text.png", "cut.png", "data.on_error=skip"])
        self.train("--out", "run2", "data.on_error=skip")
        for name in ("class_0/empty.jpg", "class_1/text.png", "class_1/cut.png"):
            (self.data / name).unlink()
        inside = bytearray((self.data / "class_1/1.png").read_bytes())
        inside[len(inside) // 2] ^= 255
        for number in range(8):
            (self.data / f"class_1/{number}.png").write_bytes(inside)
        self.train("--out", "run3", code=3, has=["is a damaged PNG", "while preparing", "class_1/", "which data.on_error=skip leaves out"])
        self.assertEqual(list((self.dir / "run3/checkpoints").iterdir()), [])

    def test_one_class_and_a_strange_validation_class(self):
        only = self.dir / "only"
        write_png(only / "cat" / "1.png", 0, 1)
        self.run_it("train", f"data.root={only}", *TINY, code=3, has=["only one class", "cat"])
        for split, label in (("train", 0), ("train", 1), ("val", 0), ("val", 2)):
            write_png(self.dir / "pair" / split / f"c{label}" / "1.png", label, 1)
        self.run_it("train", f"data.root={self.dir / 'pair'}", *TINY, code=3, has=["c2", "training classes"])

    def test_schedules_and_sizes_that_do_not_fit(self):
        self.run_it("train", f"data.root={self.data}", *[w for w in TINY if "small_maps" not in w], code=2,
                    has=["level 1", "2 x 2", "small_maps=pad"])
        self.run_it("train", f"data.root={self.data}", "model=dinat_mini", "data.image_size=112", code=2,
                    has=["level 0", "28 x 28", "model.kernel_size=3 model.dilations=[["])
        self.run_it("train", f"data.root={self.data}", "model=dinov2_vits14", "data.image_size=100", code=2,
                    has=["100", "14", "98", "112"])

    def test_a_lying_weight_file(self):
        self.train("--out", "run")
        weights = self.dir / "run/checkpoints/last/model.safetensors"
        bytes_ = bytearray(weights.read_bytes())
        bytes_[0:8] = struct.pack("<Q", 1 << 40)
        weights.write_bytes(bytes_)
        self.run_it("inspect", weights, code=3, has=["header claims"])

    def test_places_that_cannot_be_written(self):
        (self.dir / "file").write_text("in the way")
        self.train("--out", "file/run", code=1, has=["file", "choose another place"])
        def small_files(most=20000):
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        self.train("--out", "full", code=1, has=["cannot write", "free some space"], preexec_fn=small_files)
        self.assertFalse(list((self.dir / "full/checkpoints").glob("step_*")), "a half-written checkpoint under its final name")
        pack = ["data", "pack", f"data.root={self.data}", "--out", "p.h5"]
        self.run_it(*pack, code=1, has=["cannot finish 'p.h5.part'", "free some space"], preexec_fn=lambda: small_files(4000))
        self.assertFalse((self.dir / "p.h5").exists())
        self.run_it(*pack, has=["14 training and 2 validation"])
        self.train("--out", "run")
        self.run_it("export", "run", "--out", "file/hf", code=1, has=["cannot make the folder 'file/hf'", "choose another place"])
        export = ["export", "run", "--out", "hf"]
        self.run_it(*export, code=1, has=["cannot write", "hf/.part/model.safetensors.tmp", "free some space"], preexec_fn=small_files)
        self.assertEqual(list((self.dir / "hf").iterdir()), [], "half a file, and a folder that the next try finds not empty")
        self.run_it(*export, has=["wrote hf/model.safetensors"])
        before = sorted((path.name, path.read_bytes()) for path in (self.dir / "hf").iterdir())
        self.run_it(*export, "--to", "original", "--overwrite", code=1, has=["cannot write"], preexec_fn=small_files)
        self.assertEqual(sorted((path.name, path.read_bytes()) for path in (self.dir / "hf").iterdir()), before)

    def test_a_start_that_failed_keeps_no_place(self):
        self.train("--out", "run", "train.class_weights=[1]", code=2, has=["there are 2 classes"])
        self.assertTrue((self.dir / "run/config.yaml").exists())
        (self.dir / "run/notes.txt").write_text("mine")
        self.train("--out", "run", has=["done: run"])
        self.assertEqual((self.dir / "run/notes.txt").read_text(), "mine")
        self.assertEqual((self.dir / "run/command.txt").read_text().count("vicinity train"), 1)
        for name in ("DONE", "metrics.jsonl"):
            (self.dir / "run" / name).unlink()
        self.train("--out", "run", code=2, has=["'run' is not empty"])

    def test_overwriting_costs_nothing_where_the_new_run_is_refused(self):
        self.train("--out", "run")
        everything = lambda: {str(path): path.read_bytes() for path in (self.dir / "run").rglob("*") if path.is_file()}
        before = everything()
        over = ["--out", "run", "--overwrite"]
        self.run_it("train", "data.root=absent", *TINY, *over, code=3, has=["no data at 'absent'"])
        self.run_it("train", f"data.root={self.data}", "model=dinat_mini", "data.image_size=112", *over, code=2, has=["nearest valid schedule"])
        self.run_it("train", f"data.root={self.data}", "model.weights=run/checkpoints/best", *over, code=2, has=["lies in --out 'run'"])
        self.assertEqual(everything(), before)
        self.train("train.steps=2", *over, has=["done: run"])
        self.assertEqual([path.name for path in (self.dir / "run/checkpoints").glob("step_*")], ["step_2"])
        self.assertFalse((self.dir / "run/.replaced").exists())

    def test_lines_say_how_fast_and_how_precise_it_is(self):
        self.train("--out", "run", "train.log_every=2", "device=cpu")
        log = (self.dir / "run/train.log").read_text()
        self.assertRegex(log, r"step 2/4  epoch 1\.00  loss \d+\.\d{4}  acc [\d.]+ %  lr \d\.\d\de-\d\d  grad [\d.]+  "
                              r"\d+ img/s  data wait [\d.]+ %  mem [\d.]+ MiB  eta [\d.]+s\n")
        with open("/proc/cpuinfo") as cpu:
            self.assertIn(f"activations {'bf16' if 'avx512_bf16' in cpu.read() else 'f32'}\n", log)

    def test_a_nan_has_no_sign(self):
        self.train("--out", "hot", "optim.lr=1e9", "train.steps=9", code=5, has=["; the weights were left as they were before it"])
        self.assertNotIn("-nan", (self.dir / "hot/train.log").read_text())

    def test_a_terminal_sees_a_bar_no_wider_than_itself(self):
        for columns in (80, 30):
            leader, follower = pty.openpty()
            fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            words = ["train", f"data.root={self.data}", *TINY, "--out", f"run{columns}"]
            process = subprocess.Popen([BINARY, *words], cwd=self.dir, stdout=subprocess.DEVNULL, stderr=follower)
            os.close(follower)
            shown = b""
            with contextlib.suppress(OSError):  # it has ended
                while part := os.read(leader, 65536):
                    shown += part
            os.close(leader)
            self.assertEqual(process.wait(), 0)
            bars = [text.decode() for text in re.findall(rb"\[[= ]{20}\][^\r\n]*", shown)]
            self.assertGreater(len(bars), 1, shown)
            self.assertLess(max(map(len, bars)), columns)
            if columns == 80:
                self.assertRegex(bars[1], r"^\[={10} {10}\] 2/4  loss \d+\.\d{4}  \d+ img/s  eta [\d.]+s$")

    def test_a_relative_path_is_looked_for_somewhere(self):
        self.run_it("data", "check", "data.root=~/data", env={**os.environ, "HOME": str(self.dir)}, has=["14 images"])
        self.run_it("train", "data.root=flowers", *TINY, code=3, has=["no data at 'flowers'", f" in '{os.path.realpath(self.dir)}'"])

    def test_what_is_hardly_meant_is_said(self):
        self.train("--out", "run", "train.batch=64", "train.micro_batch=48", "sched.warmup=20ep", has=[
            "batch      64 = 1 rank x 48 images x 2 leaves, the last of 16; 4 steps, 1 an epoch",
            "train.batch = 64, but there are 14 training images",
            "sched.warmup = 20ep is 20 steps, of which this run has 4 before", "comes to 0.0002 and not to optim.lr = 0.001"])
        self.train("--out", "other", "train.micro_batch=64", has=["batch      8 = 1 rank x 8 images x 1 leaf; 4 steps"])
        text = (self.dir / "other/train.log").read_text()
        for word in ("but there are", "sched.warmup"):
            self.assertNotIn(word, text)
        again = ["model.weights=run", f"data.root={self.data}", "train.batch=8", "train.steps=1", *TINY[:2]]
        self.run_it("train", *again, "--out", "hot", has=["optim.lr = 0.001 for every layer", "recipes/finetune_small"])
        self.run_it("train", *again, "optim.lr=1e-4", "--out", "warm")
        self.assertNotIn("for every layer", (self.dir / "warm/train.log").read_text())

    def test_packs(self):
        self.run_it("data", "pack", f"data.root={self.data}", "--out", "p.h5", has=["14 training and 2 validation"])
        self.run_it("data", "pack", f"data.root={self.data}", "--out", "p.h5", code=2, has=["--overwrite"])
        self.run_it("inspect", "p.h5", has=["class_1"])
        self.run_it("train", "data.root=p.h5", *TINY, "--out", "run")

    def test_bench_prints_what_scripts_read(self):
        for mode in ("train", "infer"):
            line = json.loads(self.run_it("bench", "step", *TINY, "--mode", mode, "--steps", 2, "--json"))
            for key in ("images_per_s", "ms", "gflops", "share_of_peak", "peak_rss_mb", "start_to_first_step_s"):
                self.assertGreater(line[key], 0, key)
            self.assertEqual((line["batch"], line["what"]), (8, mode))
        line = json.loads(self.run_it("bench", "loader", f"data.root={self.data}", "data.image_size=16", "data.loader_threads=1", "--json"))
        for key in ("images_per_s", "images_per_core_s"):
            self.assertGreater(line[key], 0, key)
        self.assertEqual((line["threads"], line["what"]), (1, "loader"))

    def test_bench_floor_adds_up(self):
        floor = ["bench", "floor", "model=dinov2_vits14", "train.batch=2", "train.micro_batch=1"]
        lines = [json.loads(line) for line in self.run_it(*floor, "--json").splitlines()]
        calls = {line["op"]: line["calls"] for line in lines}
        self.assertEqual((calls["attention"], calls["adamw"]), (2 * 12, 1))
        for line in lines:
            self.assertAlmostEqual(line["ms"], max(line["gflop"] / 790, line["gbyte"] / 4.3), msg=line["op"])
        self.run_it(*floor, "--tflops", "0.2", "--tbytes", "0.03", has=["2 images at 224: at most ", "FLOPs", "bytes"])
        self.run_it(*floor, "--tflops", "-3", code=2, has=["--tflops -3 is not a positive number"])

    def test_doctor(self):
        self.run_it("doctor", has=["all ops agree", "op on cpu"])

    def test_cuda(self):
        """The same commands and files on a GPU; where tests emulate one, on that; else a refusal that says why."""
        cuda = next(line for line in self.run_it("--version").splitlines() if line.startswith("CUDA"))
        if "emulated" not in cuda:
            words = ["not built in" in cuda and "built without CUDA" or "device=cuda", "device=cpu"]
            done = subprocess.run([BINARY, "train", f"data.root={self.data}", *TINY, "device=cuda"], capture_output=True, text=True, cwd=self.dir)
            if done.returncode != 0:
                self.assertTrue(done.returncode == 4 and all(w in done.stderr for w in words), done.stderr)
                return
        self.run_it("doctor", has=["op on cuda", "adamw", "sliding windows", "wide windows", "probabilities", "all ops agree"])
        for mode in ("train", "infer"):  # also where a step is recorded, and has no ops of its own
            self.run_it("bench", "step", *TINY, "device=cuda", "--mode", mode, "--steps", 1, "--ops", has=["neighborhood_attention ", "normalize_images "])
        self.train("--out", "gpu", "device=cuda", "train.batch=4", has=["emulated"] if "emulated" in cuda else [])
        self.train("--out", "part", "device=cuda", "train.batch=4", "train.save_every=2")
        for name in ("step_4", "last", "best", "../DONE"):  # as if it had been cut after step 2
            path = self.dir / "part/checkpoints" / name
            shutil.rmtree(path) if not path.is_symlink() and path.is_dir() else path.unlink(missing_ok=True)
        self.run_it("train", "--out", "part", "--resume", has=["resumed at step 2 of 4"])
        for name in ("model.safetensors", "optimizer.safetensors"):
            whole, cut = (self.dir / run / "checkpoints/last" / name for run in ("gpu", "part"))
            self.assertEqual(whole.read_bytes(), cut.read_bytes(), name)
        for verb in (["eval", "gpu"], ["predict", "gpu", self.data / "class_1/0.png"]):
            on_gpu, on_cpu = (json.loads(self.run_it(*verb, f"device={d}", "--json")) for d in ("cuda", "cpu"))
            for key, value in on_cpu.items():
                if isinstance(value, float) and key != "ece":  # which jumps where a confidence crosses a bin's edge
                    self.assertAlmostEqual(on_gpu[key], value, delta=0.02, msg=key)


if __name__ == "__main__":
    unittest.main(verbosity=1)
