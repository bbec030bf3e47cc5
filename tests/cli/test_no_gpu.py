#!/usr/bin/env python3
"""A program with CUDA on a machine without a usable GPU: device=cuda says why, device=auto takes the CPU. Skipped where there is one.

usage: test_no_gpu.py VICINITY
"""
import subprocess
import sys

vicinity = sys.argv[1]


def run(*arguments):
    done = subprocess.run([vicinity, *arguments], capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


step = ["bench", "step", "model=dinat_mini", "data.image_size=224", "train.batch=1", "train.micro_batch=1", "--mode", "infer",
        "--steps", "1"]
code, text = run(*step, "device=cuda")
if code == 0:
    print("not run: this machine has a GPU")
    sys.exit(0)
assert code == 4, (code, text)
assert "device=cuda: " in text and "device=cpu runs the same commands" in text, text
assert "driver" in text or "device" in text, text
code, text = run(*step)
assert code == 0 and "images/s" in text, (code, text)
print("without a GPU: device=cuda exits 4 and says why, device=auto takes the CPU")
