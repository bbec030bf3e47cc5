"""The program under test: what the tests of the command line share. Takes its path from the first argument."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from pictures import write_png

BINARY = os.path.abspath(sys.argv.pop(1))
TINY = ["data.image_size=16", "data.train_crop=none", "model.family=dinat", "model.embed_dim=16", "model.depths=[1,1]",
        "model.num_heads=[2,2]", "model.kernel_size=3", "model.dilations=[[1],[1]]", "model.small_maps=pad",
        "train.batch=8", "train.micro_batch=4", "train.steps=4"]


class Program(unittest.TestCase):
    """A folder with a small data set, and ways to run the program in it."""

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="vicinity cli ")  # with a space in it
        self.dir = pathlib.Path(self.temporary.name)
        self.data = self.dir / "data"
        for label in range(2):
            for number in range(8):
                write_png(self.data / f"class_{label}" / f"{number}.png", label, number)

    def tearDown(self):
        self.temporary.cleanup()

    def run_it(self, *words, code=0, has=(), **options):
        done = subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, cwd=self.dir, timeout=300, **options)
        text = done.stdout + done.stderr
        self.assertEqual(done.returncode, code, f"{words}:\n{text}")
        for part in has:
            self.assertIn(part, text)
        return done.stdout

    def train(self, *words, **options):
        return self.run_it("train", f"data.root={self.data}", *TINY, *words, **options)

    def contents(self, run):
        """Everything of a run that its settings decide: paths -> bytes, or where a link leads."""
        found = {}
        for path in sorted((self.dir / run).rglob("*")):
            name = str(path.relative_to(self.dir / run))
            if path.is_symlink():
                found[name] = os.readlink(path)
            elif path.is_file() and (name in ("metrics.jsonl", "classes.json", "DONE") or name.startswith("checkpoints/")):
                found[name] = path.read_bytes()
        return found

    def assert_same(self, run, whole):
        contents = self.contents(run)
        self.assertEqual(sorted(contents), sorted(whole))
        for name, content in contents.items():
            self.assertEqual(content, whole[name], f"{run}: {name}")
