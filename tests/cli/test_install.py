#!/usr/bin/env python3
"""cmake --install, find_package(vicinity) and the example of the documentation, beside what the program says.

usage: test_install.py BINARY BUILD_FOLDER SOURCE_FOLDER
"""
import json
import math
import pathlib
import subprocess
import sys
import unittest

from program import Program

BUILD, ROOT = (pathlib.Path(sys.argv.pop(1)).resolve() for _ in range(2))


class Install(Program):
    def call(self, *words, code=0, has=()):
        done = subprocess.run([*map(str, words)], capture_output=True, text=True, cwd=self.dir, timeout=600)
        self.assertEqual(done.returncode, code, f"{words}:\n{done.stdout}{done.stderr}")
        for part in has:
            self.assertIn(part, done.stdout + done.stderr)
        return done.stdout

    def test_the_example_builds_and_agrees_with_the_program(self):
        self.call("cmake", "--install", BUILD, "--prefix", self.dir / "prefix")
        self.call("prefix/bin/vicinity", "--version", has=["vicinity"])
        self.call("cmake", "-S", ROOT / "docs/example", "-B", "example", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                  f"-DCMAKE_PREFIX_PATH={self.dir / 'prefix'}")
        self.call("cmake", "--build", "example")
        self.train("--out", "run")
        files = [self.data / "class_0/1.png", self.data / "class_1/2.png"]
        rows = [line.split("\t") for line in self.call("example/classify", "run", *files).splitlines()]
        predicted = [json.loads(line) for line in self.run_it("predict", "run", *files, "--json").splitlines()]
        self.assertEqual([row[:2] for row in rows], [[line["file"], line["label"]] for line in predicted])
        for row, line in zip(rows, predicted):
            self.assertAlmostEqual(float(row[2]), max(line["logits"]), places=4)
            self.assertTrue(math.isfinite(float(row[3])) and float(row[3]) > 0)
        self.call("example/classify", "run", "absent.png", code=1, has=["absent.png"])
        self.call("example/classify", "nowhere", *files, code=1, has=["nowhere"])
        for folder in ("include", "share/vicinity/configs/models"):
            self.assertTrue((self.dir / "prefix" / folder).is_dir())
        self.assertEqual([path.name for path in (self.dir / "prefix/include").iterdir()], ["vicinity.h"])

    def test_no_library_is_taken_from_the_current_folder(self):
        linked = subprocess.run(["ldd", BUILD / "vicinity"], capture_output=True, text=True, check=True).stdout
        for name in (line.split()[0] for line in linked.splitlines() if " => " in line):
            (self.dir / name).write_text("no library")
        self.call(BUILD / "vicinity", "--version", has=["vicinity"])

    def test_libraries_may_lie_inside_the_clone(self):
        """Where scripts/debian_prefix leaves them."""
        self.call("cmake", "-S", ROOT, "-B", "inside", "-G", "Ninja", "-DVICINITY_TESTS=OFF",
                  f"-DDNNL_INCLUDE_DIR={ROOT / '.cache/prefix/usr/include'}")


if __name__ == "__main__":
    unittest.main(verbosity=1)
