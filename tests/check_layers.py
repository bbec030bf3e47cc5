#!/usr/bin/env python3
"""Includes point down only, NVIDIA's headers stay behind the seam, and kernels say what both of their compilers understand: fails
with file:line for what does not.

usage: check_layers.py [ROOT]
"""
import pathlib
import re
import sys

FLOORS = {
    "core": {"core"},
    "autograd": {"core", "autograd"},
    "data": {"core", "data"},
    "models": {"core", "autograd", "models"},
    "train": {"core", "autograd", "data", "models", "train"},
}
ROOMS = {  # inside core
    "base": {"base"},
    "config": {"base", "config"},
    "tensor": {"base", "tensor"},
    "runtime": {"base", "tensor", "runtime"},
    "ops": {"base", "tensor", "runtime", "ops"},
    "cpu": {"base", "tensor", "runtime", "ops", "cpu"},
    "cuda": {"base", "tensor", "runtime", "ops", "cuda"},
    "comm": {"base", "tensor", "runtime", "comm"},
}
INCLUDE = re.compile(r'\s*#\s*include\s*"([^"]+)"')
NVIDIA = re.compile(r'\s*#\s*include\s*<((?:cu|nv|nccl)[\w/]*\.h)>')
SEAM = {"core/runtime/cuda_api.cpp", "core/runtime/cuda_gemm.cpp", "core/cuda/dev_gpu.h", "core/comm/nccl_module.cpp"}
GPU_WORDS = re.compile(r"__(?:shared|global|device|launch_bounds)__|<<<|\basm\b|\batomic\w*\s*[(<]")


def beside_the_seam(where, line):
    """What a line of a file that is not part of the seam says and should not."""
    if match := NVIDIA.match(line):
        yield f"{where}: only {', '.join(sorted(SEAM))} may include <{match[1]}>"
    if where.startswith("core/cuda/") and (match := GPU_WORDS.search(line.split("//")[0])):
        yield f"{where}: kernels may not say {match[0]}: core/cuda/dev.h has what they may use"


def violations(root):
    for floor, allowed in FLOORS.items():
        for path in sorted((root / floor).rglob("*")):
            if path.suffix not in (".h", ".cpp", ".cu", ".cuh"):
                continue
            here = path.relative_to(root).parts
            for number, line in enumerate(path.read_text().splitlines(), 1):
                where = f"{path.relative_to(root)}:{number}"
                if str(path.relative_to(root)) not in SEAM:
                    yield from beside_the_seam(where, line)
                match = INCLUDE.match(line)
                if not match:
                    continue
                target = match[1].split("/")
                if target[0] not in FLOORS:
                    yield f"{where}: '{match[1]}' is not a path from the root of the project"
                elif target[0] not in allowed:
                    yield f"{where}: {floor}/ may not include {target[0]}/"
                elif here[0] == target[0] == "core" and target[1] not in ROOMS[here[1]]:
                    yield f"{where}: core/{here[1]} may not include core/{target[1]}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    root = root if root.is_dir() else root.parent.parent
    bad = list(violations(root))
    print("\n".join(bad) if bad else "includes point down: ok")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
