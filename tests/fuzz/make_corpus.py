#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/: small inputs of every kind for the fuzz targets to start from. Needs Pillow and numpy.

usage: tests/fuzz/make_corpus.py
"""
import gzip
import io
import json
import pathlib
import shutil
import struct
import tarfile
import zipfile
import zlib

import numpy
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
TORCH = ROOT / "tests" / "fixtures" / "torch"


def write(reader, name, data):
    folder = CORPUS / reader
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def safetensors():
    def file(entries, data, **metadata):
        header = json.dumps({**({"__metadata__": metadata} if metadata else {}), **entries}).encode()
        return struct.pack("<Q", len(header)) + header + data

    def entry(dtype, shape, begin, end):
        return dict(dtype=dtype, shape=shape, data_offsets=[begin, end])

    for dtype, size in dict(F64=8, F32=4, F16=2, BF16=2, I64=8, U8=1, BOOL=1).items():
        write("safetensors", dtype, file({"a": entry(dtype, [2, 1], 0, 2 * size)}, bytes(2 * size), format="pt"))
    write("safetensors", "three", file({"a": entry("F32", [1], 0, 4), "b.c": entry("F16", [], 4, 6),
                                        "d": entry("U8", [0, 3], 6, 6)}, bytes(6)))
    write("safetensors", "expected", (TORCH / "expected.safetensors").read_bytes())


def torch():
    for name in ("bare.pth", "bare_legacy.pth", "deflated.pth", "nested.pth", "protocol1.pt", "protocol4.pt"):
        write("torch", name, (TORCH / name).read_bytes())
    for path in sorted(TORCH.rglob("*.p*")):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                member = next(n for n in archive.namelist() if n.endswith("data.pkl"))
                if len(archive.read(member)) < 4000:
                    write("pickle", path.name, archive.read(member))


def encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def images():
    y, x, c = numpy.mgrid[0:9, 0:13, 0:3]
    rgb = Image.fromarray(((37 * x + 91 * y + 53 * c + x * y) % 256).astype(numpy.uint8))
    grey = rgb.convert("L")
    wide = Image.fromarray(numpy.asarray(grey).astype(numpy.uint16) * 257)
    write("image", "baseline.jpg", encoded(rgb, "JPEG", quality=60))
    write("image", "progressive.jpg", encoded(rgb, "JPEG", progressive=True, subsampling=0))
    write("image", "grey.jpg", encoded(grey, "JPEG", optimize=True))
    write("image", "cmyk.jpg", encoded(rgb.convert("CMYK"), "JPEG"))
    write("image", "rgb.png", encoded(rgb, "PNG"))
    write("image", "alpha.png", encoded(rgb.convert("RGBA"), "PNG"))
    write("image", "palette.png", encoded(rgb.quantize(7), "PNG", transparency=1))
    write("image", "bits.png", encoded(grey.convert("1"), "PNG"))
    write("image", "wide.png", encoded(wide, "PNG"))
    write("image", "lossy.webp", encoded(rgb, "WEBP", quality=40))
    write("image", "lossless.webp", encoded(rgb.convert("RGBA"), "WEBP", lossless=True))
    write("image", "other.gif", encoded(grey, "GIF"))


def idx():
    def pair(images, labels):
        return struct.pack("<H", len(labels)) + labels + images

    pixels = struct.pack(">4I", 0x803, 3, 4, 5) + bytes(range(60))
    labels = struct.pack(">2I", 0x801, 3) + bytes([0, 2, 1])
    write("idx", "plain", pair(pixels, labels))
    write("idx", "gzipped", pair(gzip.compress(pixels, mtime=0), gzip.compress(labels, mtime=0)))
    write("idx", "short", pair(pixels[:-1], labels))


def archive(members, kind=tarfile.USTAR_FORMAT):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=kind) as out:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))
    used = stream.getvalue().rstrip(b"\0")  # without the blocks that fill 10 kB
    return used + bytes(-len(used) % 512 + 2048)


def tar():
    deep = "d" * 70 + "/" + "f" * 70
    for kind, name in ((tarfile.USTAR_FORMAT, "ustar"), (tarfile.GNU_FORMAT, "gnu"), (tarfile.PAX_FORMAT, "pax")):
        long = deep if kind == tarfile.USTAR_FORMAT else deep * 2 + "é"
        write("tar", name, archive([("a.jpg", b"x"), ("a.cls", b"1"), (long, b"")], kind))
    write("tar", "nested", archive([("c.tar", archive([("x.jpg", b"x")]))]))


def mat():
    def element(kind, data):
        return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8 if kind != 15 else 0)

    def matrix(kind, name, rest):
        return element(14, element(6, struct.pack("<II", kind, 0)) + element(5, struct.pack("<ii", 1, 1)) + element(1, name) + rest)

    fields = element(5, struct.pack("<i", 16)) + element(1, b"ILSVRC2012_ID".ljust(16, b"\0") + b"WNID".ljust(16, b"\0"))
    kit = matrix(2, b"s", fields + matrix(6, b"", element(2, b"\1")) + matrix(4, b"", element(16, b"n02119789")))
    head = b"MATLAB 5.0".ljust(124) + b"\0\1IM"
    write("lists", "mat", b"m" + head + kit)
    write("lists", "mat_packed", b"m" + head + element(15, zlib.compress(kit)))


def lists():
    mat()
    write("lists", "csv", b'cfile,label\r\n"a ""b"", c.jpg",cat\r\n\r\nd.jpg,dog\n')
    write("lists", "tabs", b"c\xef\xbb\xbffile\tlabel\na\tb")
    write("lists", "named", b"vImageId,PredictionString\na,n01440764 1 2 3 4\nb,n01443537\n")
    write("lists", "ordered", b"vn01440764\nn01443537\n")
    write("lists", "moves", b"vmkdir -p n01440764\nmv a.JPEG n01440764/\nmv b.JPEG n01443537/\n")
    write("lists", "numbers", b"v1\n2\n")


def config():
    for path in sorted((ROOT / "configs").rglob("*.yaml")):
        if path.stat().st_size < 800:
            write("config", path.name, path.read_bytes())
    write("config", "all.yaml", b"""a: {b: [1, 2.5, true, null, ~, 'x: y', "z\\n"]}
base: &base {lr: 1e-3}
other:
  - *base
  - !!str 12
? key
: |
  text
  more
empty: {}
list: []
""")
    write("config", "circle.yaml", b"a: &a {x: *a}\n")
    write("config", "laughs.yaml", b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c {x: *b, y: *b}\nd: [*c, *c]\n")


def config_json():
    for path in sorted((ROOT / "tests/fixtures").glob("*/*/config.json")):
        write("config_json", f"{path.parent.name}.json", json.dumps(json.loads(path.read_text())).encode())
    write("config_json", "nat.json", b'{"model_type":"nat","depths":[1,2],"num_heads":[2,4],"num_labels":3}')
    write("config_json", "all.json", b'{"model_type":"dinov2_with_registers","image_size":[42,42],"patch_size":7,'
          b'"out_indices":[0,-1],"out_features":null,"problem_type":"regression","hidden_act":"selu","x":{"y":[]}}')


def main():
    shutil.rmtree(CORPUS, ignore_errors=True)
    safetensors()
    torch()
    images()
    idx()
    tar()
    lists()
    config()
    config_json()


main()
