#!/usr/bin/env python3
"""What training sees of images: data.augment and its like, and the sheet of vicinity data preview.

usage: test_preview.py BINARY     (needs nothing but Python)
"""
import struct
import unittest

from program import TINY, Program


class Preview(Program):
    def preview(self, *words, **options):
        return self.run_it("data", "preview", f"data.root={self.data}", "data.image_size=16", *words, **options)

    def test_the_sheet_has_a_row_of_eight_for_each_image_and_repeats(self):
        self.preview("--out", "a.png", "--images", 3, "data.augment=rand-m9-mstd0.5-inc1",
                     has=["first 3 training images", "random_resized crop, bicubic", "augmentation rand-m9-mstd0.5-inc1"])
        self.preview("--out", "b.png", "--images", 3, "data.augment=rand-m9-mstd0.5-inc1")
        self.preview("--out", "c.png", "--images", 3)
        sheets = [(self.dir / name).read_bytes() for name in ("a.png", "b.png", "c.png")]
        self.assertEqual(sheets[0], sheets[1])
        self.assertNotEqual(sheets[0], sheets[2])
        width, height = struct.unpack(">II", sheets[0][16:24])
        self.assertEqual(width, 6 + 8 * (112 + 6))
        self.assertEqual(height, 6 + 3 * (112 + 26 + 6))
        self.preview("--out", "few.png", "--images", 99, has=["first 14 training images"])

    def test_pictures_of_the_sheet_are_mixed_and_erased_as_train_says(self):
        for name, words in (("plain", []), ("none", ["train.mixup=0", "train.erase=0"]), ("mixed", ["train.mixup=1"]),
                            ("cut", ["train.cutmix=1"]), ("erased", ["train.erase=1"])):
            self.preview("--out", f"{name}.png", "--images", 4, *words)
        sheets = {path.stem: path.read_bytes() for path in self.dir.glob("*.png")}
        self.assertEqual(sheets["plain"], sheets["none"])
        self.assertEqual(len({sheets[name] for name in ("plain", "mixed", "cut", "erased")}), 4)

    def test_views_for_self_distillation_are_drawn_but_not_trained_on(self):
        words = ["--images", 3, "data.augment=dinov2"]
        self.preview("--out", "a.png", *words, has=["first 3 training images, each as it is and in views", "2 views of 224 pixels and 8 of 98"])
        self.preview("--out", "b.png", *words)
        self.preview("--out", "c.png", *words, "seed=3")
        sheets = [(self.dir / name).read_bytes() for name in ("a.png", "b.png", "c.png")]
        self.assertEqual(sheets[0], sheets[1])
        self.assertNotEqual(sheets[0], sheets[2])
        width, height = struct.unpack(">II", sheets[0][16:24])
        self.assertEqual((width, height), (6 + 8 * (112 + 6), 6 + 6 * (112 + 26 + 6)))
        for verb in ["train", "--out", "run"], ["plan"], ["bench", "loader"]:
            self.run_it(*verb, f"data.root={self.data}", *TINY, "data.augment=dinov2", code=2,
                        has=["data.augment=dinov2 makes 10 views of each picture", "self-distillation", "vicinity data preview"])
        self.assertFalse((self.dir / "run").exists())
        self.preview("--out", "d.png", "data.augment=dinov2", "data.blur=0.5", code=2, has=["data.blur = 0.5: stands beside data.augment=dinov2"])

    def test_what_is_wrong_is_named(self):
        self.preview(code=2, has=["needs --out"])
        self.preview("--out", "a.png", "data.augment=rand-m9-foo1-inc1", code=2, has=["data.augment", "unknown part 'foo1'", "mstd"])
        self.preview("--out", "a.png", "data.color_jitter=high", code=2, has=["data.color_jitter = high", "1, 3 or 4 numbers"])
        self.preview("--out", "a.png", "data.train_interpolation=lanczos", "data.augment=v0", code=2, has=["= lanczos", "bicubic"])
        self.preview("--out", "a.png", "data.repeat=2", code=2, has=["data.repeats"])

    def test_training_says_what_it_augments_and_what_has_no_effect(self):
        self.run_it("train", f"data.root={self.data}", *TINY, "data.augment=v0", "data.color_jitter=0.4", "data.repeats=2", "--out", "run",
                    has=["no crop, bicubic, flip 0.5, augmentation v0, colour jitter 0.4 (without effect beside data.augment"])
        self.assertIn("repeats: 2", (self.dir / "run/config.yaml").read_text())


if __name__ == "__main__":
    unittest.main()
