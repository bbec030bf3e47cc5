#!/usr/bin/env python3
"""Ranks on real GPUs, which speak NCCL: the bits of one GPU, a run that goes on with another number of them, a rank that is killed.

usage: test_two_gpus.py BINARY     (for ./test --gpu; of at least two GPUs of one model, without mpirun: processes have torchrun's variables)
"""
import os
import signal
import socket
import subprocess
import time
import unittest

from program import BINARY, TINY, Program

RECIPE = ["device=cuda", "train.batch=8", "train.micro_batch=2", "train.steps=12", "train.save_every=4", "train.ema=0.9", "train.mixup=0.8",
          "model.drop_path_rate=0.2", "optim.clip_grad=0.5", "train.floor=none", "train.rank_timeout=20"]
FAMILIES = {
    "dinat": [*TINY, "model.embed_dim=64"],
    "dinov2": [word for word in TINY if not word.startswith("model.")] + [
        "model.family=dinov2", "model.hidden_size=192", "model.num_hidden_layers=2", "model.num_attention_heads=3", "model.image_size=16",
        "model.patch_size=4"],
}


class TwoGpus(Program):
    def ranks(self, count, words):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        meeting = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        return [subprocess.Popen([BINARY, *map(str, words)], cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 env={**os.environ, **meeting, "RANK": str(rank), "LOCAL_RANK": str(rank)}) for rank in range(count)]

    def end(self, processes, code=0):
        texts = [process.communicate(timeout=120)[0] for process in processes]
        self.assertEqual([process.returncode for process in processes], [code] * len(processes), "\n".join(texts))
        return texts

    def words(self, out, family, *more):
        return ["train", f"data.root={self.data}", *FAMILIES[family], *RECIPE, *more, "--out", out]

    def test_two_have_the_bits_of_one(self):
        for family in FAMILIES:
            for precision in "fp32", "bf16":
                name = f"{family} {precision}"
                words = [family, f"train.precision={precision}"]
                self.run_it(*self.words(name, *words))
                text = self.end(self.ranks(2, self.words(name + " 2", *words)))[0]
                self.assertIn("8 = 2 ranks x 2 images x 2 leaves", text)
                self.assert_same(name + " 2", self.contents(name))

    def test_a_killed_rank_ends_the_other_and_one_gpu_goes_on(self):
        self.run_it(*self.words("whole", "dinov2", "train.steps=200"))
        first, second = self.ranks(2, self.words("cut", "dinov2", "train.steps=200"))
        metrics = self.dir / "cut/metrics.jsonl"
        while first.poll() is None and not (metrics.exists() and metrics.read_bytes().count(b"\n") >= 8):
            time.sleep(0.005)
        second.send_signal(signal.SIGKILL)
        self.assertIn("rank 1 is gone, its process has ended; it was at: ", self.end([first], 6)[0])
        second.communicate()
        self.run_it("train", "--out", "cut", "--resume", has=["resumed at step"])
        self.assert_same("cut", self.contents("whole"))


if __name__ == "__main__":
    unittest.main()
