#!/usr/bin/env python3
"""What a model sees of an image, from the command line: image processors, damaged and odd images, lists, sheets.

usage: test_predict.py BINARY     (needs nothing but Python)
"""
import json
import math
import pathlib
import struct
import unittest

from pictures import write_png
from program import BINARY, Program  # noqa: F401

HALVES = ["data.mean=[0.5, 0.5, 0.5]", "data.std=[0.5, 0.5, 0.25]"]


class Predict(Program):
    def setUp(self):
        super().setUp()
        self.train("--out", "run", *HALVES)
        self.model = self.dir / "run/checkpoints/best"
        self.image = self.data / "class_1/0.png"

    def predict(self, *words, **options):
        return [json.loads(line) for line in self.run_it("predict", *words, "--json", **options).splitlines()]

    def rewrite(self, **changes):
        """The processor beside the model, with other values; None takes a key out."""
        file = self.model / "preprocessor_config.json"
        old = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({k: v for k, v in {**old, **changes}.items() if v is not None}))

    def test_a_run_writes_its_processor_and_a_model_directory_is_read_with_it(self):
        processor = json.loads((self.model / "preprocessor_config.json").read_text())
        self.assertEqual(processor["image_mean"], [0.5, 0.5, 0.5])
        self.assertEqual(processor["image_std"], [0.5, 0.5, 0.25])
        self.assertEqual(processor["crop_size"], {"height": 16, "width": 16})
        self.assertEqual(processor["size"], {"shortest_edge": 16})
        self.assertIn("mean: [0.5, 0.5, 0.5]", (self.dir / "run/config.yaml").read_text())
        write_png(self.dir / "large.png", 1, 3, side=50, height=37)
        from_run = self.predict("run", "large.png")
        from_model = self.predict(self.model, "large.png", has=["images as '", "short side to 16, centre crop 16 x 16, bicubic"])
        self.assertEqual(from_run, from_model)
        self.rewrite(image_mean=0.0, image_std=1.0)
        self.assertNotEqual(self.predict(self.model, "large.png"), from_run)
        self.assertEqual(self.predict(self.model, "large.png", *HALVES, has=["instead of that data.mean = [0.5, 0.5, 0.5] (command line)"]),
                         from_run)
        reports = [json.loads(self.run_it("eval", where, f"data.root={self.data}", "--json", *HALVES)) for where in ("run", self.model)]
        for report in reports:
            del report["model"]  # where it lies
        self.assertEqual(*reports)

    def test_processors_that_are_missing_or_not_supported(self):
        (self.model / "preprocessor_config.json").unlink()
        self.predict(self.model, self.image, has=["no '", "preprocessor_config.json'", "short side to 256, centre crop 224 x 224"])
        self.rewrite(image_processor_type="CLIPImageProcessor")
        self.run_it("predict", self.model, self.image, code=3, has=["image_processor_type = \"CLIPImageProcessor\"", "BitImageProcessor"])
        self.rewrite(image_processor_type="ViTImageProcessor", do_pad=True)
        self.run_it("predict", self.model, self.image, code=3, has=["do_pad = true is not supported"])
        (self.model / "preprocessor_config.json").write_text("{")
        self.run_it("eval", self.model, f"data.root={self.data}", code=3, has=["preprocessor_config.json' is not JSON"])

    def test_training_goes_on_with_the_processor_of_its_weights(self):
        self.rewrite(image_processor_type="ViTImageProcessor", size=16, do_center_crop=None, crop_size=None)
        dump = self.run_it("config", "dump", f"model.weights={self.model}", "--origin")
        origin = f"# {self.model}/preprocessor_config.json"
        for line in ("eval_resize: 16x16", "eval_crop: none", "image_size: 16", "mean: [0.5, 0.5, 0.5]"):
            self.assertIn(f"{line}  {origin}", dump)
        scaled = self.run_it("config", "dump", f"model.weights={self.model}", "data.image_size=24")
        self.assertIn("eval_resize: 24x24", scaled)
        words = [f"data.root={self.data}", f"model.weights={self.model}", "data.train_crop=none", "train.steps=1", "train.batch=4"]
        self.run_it("train", *words, "--out", "tuned", "model.embed_dim=16", "model.depths=[1,1]", "model.num_heads=[2,2]",
                    "model.kernel_size=3", "model.dilations=[[1],[1]]", "model.small_maps=pad", has=["16 x 16 (height x width)"])
        written = json.loads((self.dir / "tuned/checkpoints/last/preprocessor_config.json").read_text())
        self.assertEqual(written["image_processor_type"], "ViTImageProcessor")
        self.assertEqual(written["image_std"], [0.5, 0.5, 0.25])

    def test_pictures_of_other_shapes(self):
        self.rewrite(crop_size={"height": 12, "width": 20})
        write_png(self.dir / "large.png", 1, 3, side=50, height=37)
        self.assertEqual(len(self.predict(self.model, "large.png", self.image)), 2)
        self.run_it("eval", self.model, f"data.root={self.data}", has=["top-1"])
        self.rewrite(do_center_crop=False, do_resize=False)
        many = self.predict(self.model, "large.png", self.image, self.image, "large.png", has=["not resized"])
        self.assertEqual(many[0], many[3])
        self.assertEqual(many[1], self.predict(self.model, self.image)[0])
        self.run_it("eval", self.model, f"data.root={self.data}", code=2, has=["differ in size", "data.eval_crop"])
        self.run_it("predict", self.model, self.image, "data.eval_resize=3y4", "data.mean=[1, 2]", "data.crop_scale=[2, 1]", code=2,
                    has=["data.eval_resize", "3y4", "HxW", "data.mean", "needs 3 numbers, or one for all channels, got 2", "data.crop_scale"])

    def test_ways_to_name_images(self):
        write_png(self.data / "class_0/big [1].PNG", 0, 9, side=31)
        every = self.predict("run", self.data)
        self.assertEqual([line["file"] for line in every], sorted(str(p) for p in self.data.rglob("*.[pP]*")))
        for size in (1, 5):
            for one, other in zip(every, self.predict("run", self.data, "--batch", size)):
                self.assertEqual((one["file"], one["label"]), (other["file"], other["label"]))
                self.assertAlmostEqual(one["logits"][0], other["logits"][0], places=5)
        odd = self.predict("run", f"{self.data}/class_[1]/[0-2]*.png")
        self.assertEqual([pathlib.Path(line["file"]).name for line in odd], ["0.png", "1.png", "2.png"])
        self.assertEqual(len(self.predict("run", self.data / "class_0/big [1].PNG")), 1)  # a name, not a pattern
        album = self.dir / "album"
        album.mkdir()
        (album / "linked").symlink_to(self.data / "class_1")
        for name in ("._1.png", ".thumbnails/1.png", "a.HEIC", "b.heic", "c.bmp"):
            (album / name).parent.mkdir(exist_ok=True)
            (album / name).write_bytes(b"no image")
        for words in ([album], ["alb*"], ["albu[m]"]):
            found = self.predict("run", *words, has=["ignored 3 files in '", "': .bmp, .heic"])
            self.assertEqual([pathlib.Path(line["file"]).parent.name for line in found], ["linked"] * 8)
        listed = self.predict("run", "-", input=f"{self.image}\r\n\n{self.data}/class_0/1.png\n")
        self.assertEqual([line["file"] for line in listed], [str(self.image), f"{self.data}/class_0/1.png"])
        for line in every:
            e = [math.exp(x - max(line["logits"])) for x in line["logits"]]
            for share, probability in zip(e, line["probabilities"].values()):
                self.assertAlmostEqual(share / sum(e), probability, places=6)
        self.run_it("predict", "run", "*.gif", code=3, has=["no file matches '*.gif'"])
        self.run_it("predict", "run", "-", code=3, input="\n", has=["the list is empty"])

    def test_damaged_images_are_named_and_the_others_predicted(self):
        (self.dir / "empty.png").touch()
        (self.dir / "cut.png").write_bytes(self.image.read_bytes()[:-30])
        output = self.run_it("predict", "run", "empty.png", self.image, "absent.png", "cut.png", self.data / "class_0/1.png", code=3,
                             has=["'empty.png' is empty", "'absent.png': there is no such file", "'cut.png' is a damaged PNG", "3 of 5 images"])
        self.assertEqual([line for line in output.splitlines() if line[0] != " "], [str(self.image), f"{self.data}/class_0/1.png"])
        # A header that claims 400 megapixels, and a strip that would become 16 x 20 million.
        header = bytearray(self.image.read_bytes())
        header[16:24] = struct.pack(">II", 20000, 20000)
        (self.dir / "huge.png").write_bytes(header)
        self.run_it("predict", "run", "huge.png", code=3, has=["huge.png", "1 of 1 images"])

    def test_small_and_long_images(self):
        write_png(self.dir / "dot.png", 0, 1, side=1)
        write_png(self.dir / "strip.png", 0, 1, side=2, height=5000)
        self.assertEqual(len(self.predict("run", "dot.png", "strip.png", "--save", "sheet.png")), 2)
        self.assertEqual(len(self.predict(self.model, "dot.png", "strip.png", "data.eval_crop=224", "data.eval_resize=256")), 2)

    def test_one_picture_is_drawn_large_and_many_on_a_sheet(self):
        def width(name):
            return struct.unpack(">I", (self.dir / name).read_bytes()[16:20])[0]
        self.run_it("predict", "run", self.image, "--save", "one.png", has=["sheet of 1 image: one.png"])
        before = self.image.read_bytes()
        self.run_it("predict", "run", self.image, "--save", self.image, code=2, has=["is one of the images, which would be lost"])
        self.run_it("predict", "run", self.image, "--save", "photo.jpg", code=2, has=["--save 'photo.jpg'", "ends in .png"])
        self.assertEqual(self.image.read_bytes(), before)
        self.run_it("predict", "run", self.data, "--save", "many.png", has=["sheet of 16 images"])
        self.assertGreater(width("one.png"), 448)
        self.assertGreater(width("many.png"), 8 * 112)

    def change_config(self, **changes):
        file = self.model / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    def test_what_logits_mean_is_said_by_the_problem_type(self):
        softmax = self.predict(self.model, self.image)[0]
        self.change_config(problem_type="multi_label_classification")
        each = self.predict(self.model, self.image)[0]
        self.assertEqual(each["logits"], softmax["logits"])
        for logit, probability in zip(each["logits"], each["probabilities"].values()):
            self.assertAlmostEqual(probability, 1 / (1 + math.exp(-logit)), places=6)
        self.assertEqual((each["label"], each["probability"]), (softmax["label"], max(each["probabilities"].values())))
        self.change_config(problem_type="regression")
        value = self.predict(self.model, self.image)[0]
        self.assertEqual(list(value), ["file", "values", "logits"])
        self.assertEqual(list(value["values"].values()), value["logits"])
        self.assertNotIn("%", self.run_it("predict", self.model, self.image))
        self.change_config(problem_type="detection")
        self.run_it("predict", self.model, self.image, code=3, has=['problem_type = "detection"', "multi_label_classification"])

    def test_classes_of_one_name_are_told_apart(self):
        self.change_config(id2label={"0": "crane", "1": "crane"}, label2id={"crane": 1})
        line = self.predict(self.model, self.image)[0]
        self.assertEqual(list(line["probabilities"]), ["crane (0)", "crane (1)"])
        self.assertAlmostEqual(sum(line["probabilities"].values()), 1, places=6)
        self.assertIn(line["label"], line["probabilities"])
        self.run_it("export", self.model, "--out", "again")
        config = json.loads((self.dir / "again/config.json").read_text())
        self.assertEqual((config["id2label"], config["label2id"]), ({"0": "crane", "1": "crane"}, {"crane": 1}))

    def test_exif_orientation_is_ignored_or_applied(self):
        write_png(self.dir / "stored.png", 1, 3, side=40, height=25, turned=True)
        write_png(self.dir / "held.png", 1, 3, side=40, height=25, turned=True, orientation=8)
        write_png(self.dir / "upright.png", 1, 3, side=40, height=25)
        stored, upright = (self.predict("run", name)[0]["logits"] for name in ("stored.png", "upright.png"))
        self.assertNotEqual(stored, upright)
        self.assertEqual(self.predict("run", "held.png")[0]["logits"], stored)
        self.assertEqual(self.predict("run", "held.png", "data.exif=apply")[0]["logits"], upright)


if __name__ == "__main__":
    unittest.main(verbosity=1)
