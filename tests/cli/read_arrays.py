"""What numpy, h5py and safetensors read in a file of arrays; run by test_embed.py with their interpreter.

usage: read_arrays.py FILE OUT.json     shapes, dtypes, texts, and the numbers of small arrays (NaN as null)
"""
import json
import pathlib
import sys
import zipfile

import numpy

MOST = 4096  # numbers


def arrays_of(path):
    if path.suffix == ".npz":
        assert zipfile.ZipFile(path).testzip() is None  # every checksum
        return dict(numpy.load(path, allow_pickle=False))
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file
        return load_file(path)
    import h5py
    with h5py.File(path, "r") as file:
        return {name: file[name][()] for name in file}


def texts_of(array):
    """Safetensors has no strings: rows of bytes, with zeros behind."""
    rows = [bytes(row) for row in array] if array.dtype == numpy.uint8 else array.tolist()
    return [row.rstrip(b"\0").decode() for row in rows]


path, out = (pathlib.Path(word) for word in sys.argv[1:])
result = {}
for name, array in arrays_of(path).items():
    entry = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if name in ("files", "class_names"):
        entry = {"texts": texts_of(array)}
    elif array.size <= MOST:
        entry["values"] = [None if value != value else value for value in array.astype(float).ravel().tolist()]
    result[name] = entry
out.write_text(json.dumps(result))
