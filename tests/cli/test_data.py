#!/usr/bin/env python3
"""Where images may come from, what `data check` finds in them, and what `data pack` makes of them.

usage: test_data.py BINARY     (needs nothing but Python)
"""
import json
import shutil
import tarfile
import unittest

from archives import IDS, WORDS, make_ilsvrc, make_tar, picture
from pictures import write_png
from program import TINY, Program


class Data(Program):
    def check(self, *words, code=0):
        return json.loads(self.run_it("data", "check", *words, "--json", code=code))

    def test_imagenet_from_its_archives(self):
        make_ilsvrc(self.dir / "ilsvrc")
        words = ["data.root=ilsvrc", "data.class_words=ilsvrc/LOC_synset_mapping.txt"]
        self.run_it("data", "pack", *words, "--out", "i.h5", has=["18 training and 6 validation images of 3 classes", "kit fox"])
        with tarfile.open(self.dir / "ilsvrc/ILSVRC2012_img_train.tar") as outer:
            for member in outer.getmembers():
                with tarfile.open(fileobj=outer.extractfile(member)) as inner:
                    inner.extractall(self.dir / "folders/train" / member.name[:-4])
        with tarfile.open(self.dir / "ilsvrc/ILSVRC2012_img_val.tar") as val:
            for v, member in enumerate(val.getmembers()):
                val.extract(member, self.dir / "folders/val" / IDS[v % 3])
        self.run_it("data", "pack", "data.root=folders", words[1], "--out", "f.h5")
        self.assertTrue((self.dir / "i.h5").read_bytes() == (self.dir / "f.h5").read_bytes(), "equal data, other packs")
        for root in ("i.h5", "ilsvrc"):
            self.run_it("train", f"data.root={root}", words[1] if root == "ilsvrc" else "seed=0", *TINY, "--out", f"run {root}")
        for name in ("model.safetensors", "optimizer.safetensors"):
            one, two = (self.dir / f"run {root}/checkpoints/last" / name for root in ("i.h5", "ilsvrc"))
            self.assertEqual(one.read_bytes(), two.read_bytes(), name)
        self.assertEqual(json.loads((self.dir / "run i.h5/classes.json").read_text()), list(WORDS))
        (self.dir / "ilsvrc/LOC_val_solution.csv").unlink()
        self.run_it("train", *words, *TINY, code=3, has=["data.val_labels", "LOC_val_solution.csv"])

    def test_folders_may_be_called_anything(self):
        for name in ("pictures #2", "pictures: new", "[raw]", "'quoted'", "*stars", "{x}", "null", "- dash", "2020", "a=b", "back\\slash"):
            shutil.copytree(self.data, self.dir / name)
            self.assertEqual(self.check(f"data.root={name}")["train"]["images"], 14, name)
            self.assertIn("14 training", self.run_it("inspect", f"data.root={self.dir}/{name}"), name)
        self.run_it("config", "dump", "data.root=pictures #3", has=['root: "pictures #3"\n'])

    def test_shards_and_lists(self):
        for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            deep = "d" * 90 + "/" + ("é" * 60 if kind != tarfile.USTAR_FORMAT else "e" * 90)
            members = [m for i in range(8) for m in ((f"{deep}/{i}.png", picture(i % 2, i)), (f"{deep}/{i}.cls", str(i % 2).encode()))]
            make_tar(self.dir / f"shards{kind}/train-000.tar", members[:8], format=kind)
            make_tar(self.dir / f"shards{kind}/train-001.tar", members[8:], format=kind)
            found = self.check(f"data.root=shards{kind}")
            self.assertEqual((found["train"]["images"], found["classes"]), (6, ["0", "1"]))
        self.run_it("train", "data.root=shards0", *TINY, "--out", "run")
        rows = [f"class_{c}/{i}.png,name {c}" for c in range(2) for i in range(8)] * 3
        (self.data / "list.csv").write_text("file,label\n" + "\n".join(rows) + "\n")
        self.run_it("train", f"data.root={self.data}/list.csv", *TINY, "--out", "run2")
        self.run_it("data", "pack", f"data.root={self.data}/list.csv", "--out", "l.h5", has=["42 training and 6 validation"])
        one = (self.data / "class_0/0.png").read_bytes()
        self.assertEqual((self.dir / "l.h5").read_bytes().count(one), 1, "a file listed three times is stored once")

    def test_archives_that_are_no_good(self):
        good = [("a.png", picture(0, 0)), ("a.cls", b"0"), ("b.png", picture(1, 0)), ("b.cls", b"1")]
        for name, members, wanted in (("up", [("../a.png", b"x")], "leads out of the archive"), ("root", [("/a.png", b"x")], "absolute path")):
            make_tar(self.dir / f"{name}.tar", members)
            self.run_it("train", f"data.root={name}.tar", *TINY, code=3, has=[wanted])
        make_tar(self.dir / "good.tar", good * 1)
        whole = (self.dir / "good.tar").read_bytes()
        (self.dir / "cut.tar").write_bytes(whole[:1536])
        self.run_it("data", "pack", "data.root=cut.tar", "--out", "x.h5", code=3, has=["cut short"])
        with tarfile.open(self.dir / "packed.tar.gz", "w:gz") as archive:
            archive.add(self.data, "data")
        self.run_it("train", "data.root=packed.tar.gz", *TINY, code=3, has=["compressed (gzip)"])
        with tarfile.open(self.dir / "link.tar", "w") as archive:
            member = tarfile.TarInfo("a.png")
            member.type, member.linkname = tarfile.LNKTYPE, "../../etc/passwd"
            archive.addfile(member)
        self.run_it("train", "data.root=link.tar", *TINY, code=3, has=["is a link"])
        self.assertFalse((self.dir / "x.h5").exists())
        self.assertFalse((self.dir.parent / "a.png").exists())

    def make_faulty(self):
        for split, numbers in (("train", range(8)), ("val", range(8, 11))):
            for label in range(2):
                for number in numbers:
                    write_png(self.dir / "faulty" / split / f"class_{label}" / f"{number}.png", label, number, side=40)
        train, val = self.dir / "faulty/train", self.dir / "faulty/val"
        shutil.copy(train / "class_0/3.png", val / "class_0/leak.png")
        shutil.copy(train / "class_1/4.png", train / "class_0/other.png")
        write_png(train / "class_0/small.png", 5, 77, side=9)
        write_png(train / "class_1/turned.png", 3, 88, side=40, orientation=6)
        return train, val

    def test_check_finds_what_is_wrong(self):
        train, val = self.make_faulty()
        found = self.check("data.root=faulty", "data.image_size=64")
        self.assertEqual(found["training_refuses"], "")
        self.assertEqual(found["train"]["tiny_files"], ["class_0/small.png"])
        self.assertEqual((found["train"]["exif_turned"], found["train"]["png"], found["val"]["images"]), (1, 19, 7))
        self.assertIn({"file": "class_0/leak.png", "split": "val", "repeats": "class_0/3.png", "repeats_split": "train",
                       "same_bytes": True, "distance": 0}, found["leaks"]["images"])
        self.assertTrue(any(r["file"] == "class_1/4.png" and r["repeats"] == "class_0/other.png" for r in
                            found["repeated_with_two_classes"]["images"]), found["repeated_with_two_classes"])
        self.assertEqual(found["train"]["per_class"], [10, 9])
        whole = (train / "class_0/1.png").read_bytes()
        (train / "class_0/cut.png").write_bytes(whole[:-20])
        (val / "class_1/text.jpg").write_text("hello")
        found = self.check("data.root=faulty", "data.image_size=64", code=3)
        self.assertEqual([b["file"] for b in found["train"]["broken_files"] + found["val"]["broken_files"]], ["class_0/cut.png", "class_1/text.jpg"])
        self.check("data.root=faulty", "data.on_error=skip")
        self.run_it("data", "check", "data.root=faulty", code=3, has=["text.jpg", "leak.png (val) repeats class_0/3.png (train): same bytes", "training refuses"])
        self.run_it("data", "pack", "data.root=faulty", "--out", "x.h5", code=3, has=["2 of 28 files cannot be used", "cut.png", "text.jpg", "data.on_error=skip"])
        self.assertEqual([p.name for p in self.dir.glob("x.h5*")], [])
        self.run_it("data", "pack", "data.root=faulty", "data.on_error=skip", "--out", "x.h5", has=["19 training and 7 validation"])
        shutil.copytree(val / "class_0", val / "class_9")
        self.run_it("data", "check", "data.root=faulty", code=3, has=["class 'class_9'"])


if __name__ == "__main__":
    unittest.main(verbosity=1)
