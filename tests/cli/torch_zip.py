"""Checkpoints as torch.save writes them (a ZIP archive of one pickle and a member for each storage), made with nothing
but Python."""
import io
import json
import pickle
import struct
import sys
import types
import zipfile


def _modules():
    """Stand-ins that the pickle can name: what they are called is all that is written."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def rebuild(*_):
        raise AssertionError("only ever named")
    rebuild.__module__, rebuild.__name__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = rebuild
    storage = type("FloatStorage", (), {"__module__": "torch"})
    torch.FloatStorage, torch._utils = storage, utils
    sys.modules["torch"], sys.modules["torch._utils"] = torch, utils
    return rebuild, storage


REBUILD, STORAGE = _modules()


class Storage:
    def __init__(self, key, items):
        self.key, self.items = key, items


class Tensor:
    """Elements of float32, contiguous."""

    def __init__(self, shape, data):
        self.shape, self.data = shape, data


class Writer(pickle.Pickler):
    def __init__(self, file, data):
        super().__init__(file, protocol=2)
        self.data = data

    def persistent_id(self, value):
        return ("storage", STORAGE, value.key, "cpu", value.items) if isinstance(value, Storage) else None

    def reducer_override(self, value):
        if not isinstance(value, Tensor):
            return NotImplemented
        strides, step = [], 1
        for length in reversed(value.shape):
            strides.insert(0, step)
            step *= length
        key = str(len(self.data))
        self.data.append(value.data)
        return REBUILD, (Storage(key, step), 0, tuple(value.shape), tuple(strides), False, {})


def save(checkpoint, path):
    file, data = io.BytesIO(), []
    Writer(file, data).dump(checkpoint)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", file.getvalue())
        for key, one in enumerate(data):
            archive.writestr(f"archive/data/{key}", one)


def tensors(path):
    """Those of a safetensors file of float32, ready to be saved."""
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + length])
    found = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "F32", entry
        begin, end = (8 + length + at for at in entry["data_offsets"])
        found[name] = Tensor(entry["shape"], raw[begin:end])
    return found
