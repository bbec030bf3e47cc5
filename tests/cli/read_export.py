"""What the packages that others use make of an exported folder; run by test_weights.py with their interpreter.

usage: read_export.py FOLDER/FILE.safetensors REFERENCE.safetensors     prints what differs, or "equal"
"""
import json
import pathlib
import sys

import numpy
from safetensors import safe_open
from safetensors.numpy import load_file

ours, reference = (pathlib.Path(path) for path in sys.argv[1:])
with safe_open(ours, framework="numpy") as file:
    assert file.metadata() == {"format": "pt"}, file.metadata()
    names = set(file.keys())
tensors, expected = load_file(ours), load_file(reference)
assert names == set(expected), names ^ set(expected)
for name, tensor in tensors.items():
    assert numpy.array_equal(tensor, expected[name]), name  # references in F32 hold the same values
config = json.loads((ours.parent / "config.json").read_text())
assert config["architectures"] and config["model_type"], config
if "id2label" in config:
    assert config["label2id"] == {label: int(i) for i, label in config["id2label"].items()}
print("equal")
