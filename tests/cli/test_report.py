#!/usr/bin/env python3
"""vicinity report: one page, whole by itself, for any run, with any names; and as a browser shows it.

usage: test_report.py BINARY     (needs nothing but Python; the browser test needs chromium and says so where there is none)
"""
import html.parser
import json
import re
import shutil
import unittest

import browser
from pictures import write_png
from program import Program

# Texts whose contrast with what lies behind them is below WCAG's 4.5 to 1; drawings aside.
FAINT = """(() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => parts(colour).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if ((parts(colour)[3] ?? 1) === 1) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), faint = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest('svg, script')) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(node.data);
  }
  return faint;
})()"""
NASTY = ["<script>alert(1)</script>", "\"quotes\" & 'apostrophes'", "Bär ☂ 日本", "x" * 70]
VOID = {"meta", "img"}


class Page(html.parser.HTMLParser):
    """Elements of a page, which must be closed in their order; addresses that it names; its text."""

    def __init__(self, code):
        super().__init__()
        self.open, self.elements, self.addresses, self.ids, self.text = [], [], [], [], ""
        self.feed(code)
        assert self.open == [], self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        self.addresses += [attributes[name] for name in ("src", "href", "srcset", "data", "action") if name in attributes]
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.addresses += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data


def evaluation(names, files):
    """An eval.json, as vicinity writes it, of a model that takes every second image for the next class."""
    n = len(files)
    labels = [i % len(names) for i in range(n)]
    guesses = [(label + i % 2) % len(names) for i, label in enumerate(labels)]
    cells = sorted({(a, b) for a, b in zip(labels, guesses)})
    right = sum(a == b for a, b in zip(labels, guesses))
    return {"model": "run", "method": "classifier", "step": 4, "n": n, "top1": right, "top5": n, "top1_percent": 100 * right / n,
            "top5_percent": 100.0, "balanced_percent": 50.0, "loss": 1.25, "ece": 0.125,
            "classes": [{"name": name, "n": labels.count(c), "predicted": guesses.count(c),
                         "correct": sum(a == b == c for a, b in zip(labels, guesses)), "precision_percent": None,
                         "recall_percent": 50.0} for c, name in enumerate(names)],
            "confusion": [[a, b, sum(x == (a, b) for x in zip(labels, guesses))] for a, b in cells],
            "calibration": [{"low": i / 15, "high": (i + 1) / 15, "n": n if i == 9 else 0, "correct": right if i == 9 else 0,
                             "confidence": 0.65 if i == 9 else 0} for i in range(15)],
            "worst": [{"index": i, "file": str(file), "label": labels[i], "prediction": guesses[i], "confidence": 0.875,
                       "true_probability": 0.0625} for i, file in enumerate(files) if labels[i] != guesses[i]]}


class Report(Program):
    def report(self, *words, out="report.html"):
        self.run_it("report", *words, "--out", out, has=[out])
        code = (self.dir / out).read_text()
        page = Page(code)
        self.assertEqual(len(page.ids), len(set(page.ids)), "an id twice")
        for address in page.addresses:
            self.assertTrue(address.startswith(("#", "data:image/png;base64,")), address[:80])
            self.assertTrue(not address.startswith("#") or address[1:] in page.ids, address)
        self.assertFalse(re.search(r"https?://(?!www\.w3\.org/2000/svg)", code), "an address of the network")
        self.assertEqual(sum(tag == "script" for tag, _ in page.elements), 1)
        for tag, attributes in page.elements:
            if tag == "svg" and "aria-hidden" not in attributes:
                for part in attributes["aria-labelledby"].split():
                    self.assertIn(part, page.ids)
            self.assertTrue(tag != "img" or attributes["alt"])
            self.assertFalse([name for name in attributes if name.startswith("on")], "a handler in an attribute")
        return page

    def nasty_run(self):
        """A run on classes whose names are traps, with an evaluation of 16 of its images."""
        root = self.dir / "nasty"
        for label, name in enumerate(NASTY):
            for part in ("train", "val"):
                for number in range(4):
                    write_png(root / part / name.replace("/", "∕") / f"{number}.png", label, number)
        self.train("--out", "run", f"data.root={root}", "train.steps=6", "train.eval_every=1", "train.log_every=2",
                   "recipe.name=tiny", "recipe.top1=81.8", "recipe.curve_epochs=[0,3]", "recipe.curve_top1=[25,55]")
        names = json.loads((self.dir / "run/classes.json").read_text())
        files = [root / "val" / name / f"{number}.png" for name in names for number in range(4)]
        (self.dir / "run/eval").mkdir(exist_ok=True)
        (self.dir / "run/eval/eval.json").write_text(json.dumps(evaluation(names, files)))
        return names

    def test_a_page_of_everything(self):
        names = self.nasty_run()
        page = self.report("run")
        for name in names:
            self.assertIn(name, page.text)
        for part in ("Best top-1", "Learning rate", "Norm of the gradient", "Most often confused", "Classes", "Worst mistakes",
                     "12.50 %", "Where the time went", "vicinity train", "train.batch", "command line"):
            self.assertIn(part, page.text)
        last = [json.loads(line) for line in (self.dir / "run/metrics.jsonl").read_text().splitlines()][-1]
        ahead = last["val/top1"] - 55 if last["epoch"] == 3 else None
        self.assertIn(f"tiny: 81.80 % in the end; at epoch 3 this run is {abs(ahead):.2f} points {'below' if ahead < 0 else 'above'}", page.text)
        self.assertIn("expected of tiny", page.text)
        pictures = [attributes for tag, attributes in page.elements if tag == "img"]
        self.assertEqual(len(pictures), 8)
        self.assertEqual((pictures[0]["width"], pictures[0]["height"]), ("112", "112"))
        steps = [json.loads(line) for line in (self.dir / "run/metrics.jsonl").read_text().splitlines()]
        path = next(a for tag, a in page.elements if tag == "path" and a.get("data-name") == "training")
        self.assertEqual(path["data-y"].split(), ["%.5g" % line["train/loss"] for line in steps if "train/loss" in line])
        self.run_it("report", "run", has=["run/report.html"])
        again = (self.dir / "run/report.html").read_bytes()
        self.run_it("report", "run")
        self.assertEqual((self.dir / "run/report.html").read_bytes(), again)

    def test_runs_over_each_other(self):
        self.train("--out", "one", "train.steps=4")
        self.train("--out", "two", "train.steps=6", "optim.lr=0.01")
        page = self.report("one", "two/")
        self.assertNotIn("There is no evaluation", page.text)
        legend = [a["data-name"] for tag, a in page.elements if tag == "path" and "data-name" in a]
        for name in ("one, training", "two, training", "one, validation", "two, validation"):
            self.assertIn(name, legend)
        table = page.text.split("Settings that differ")[1].split("Curves")[0]
        for part in ("train.steps", "4", "6", "optim.lr", "0.001", "0.01"):
            self.assertIn(part, table)
        for part in ("train.batch", "data.root", "seed"):
            self.assertNotIn(part, table)
        shutil.copytree(self.dir / "one", self.dir / "other/one")
        page = self.report("one", "other/one")
        for name in ("other/one, training", "The runs have the same settings."):
            self.assertIn(name, page.text)

    def test_what_a_run_lacks_is_said(self):
        self.train("--out", "run", "train.steps=9", "train.eval_every=0")
        run = self.dir / "run"
        lines = (run / "metrics.jsonl").read_text().splitlines()[:5]
        lines[3] = lines[3].replace(re.search(r'"train/loss": [^,]*', lines[3])[0], '"train/loss": "NaN"')
        (run / "metrics.jsonl").write_text("\n".join(lines) + '\n{"step": 6, "tra')  # killed within a write
        for name in ("timing.jsonl", "summary.csv", "command.txt"):
            (run / name).unlink()
        for file in (run / "eval").glob("*"):
            file.unlink()
        page = self.report("run")
        for part in ("Not finished", "5 of 9", "no evaluation", "no times were recorded", "--resume"):
            self.assertIn(part, page.text)
        self.assertTrue(any(a.get("class") == "bad" for _, a in page.elements), "the NaN is not shown")
        (run / "metrics.jsonl").unlink()
        (run / "eval").mkdir(exist_ok=True)
        (run / "eval/eval.json").write_text('{"n": 3, "classes": []')
        page = self.report("run")
        for part in ("No step was recorded", "eval.json", "is not an evaluation"):
            self.assertIn(part, page.text)

    def test_images_that_are_gone(self):
        self.nasty_run()
        (self.dir / "nasty/val").rename(self.dir / "nasty/away")
        page = self.report("run")
        self.assertIn("images of mistakes", page.text)
        self.assertFalse([tag for tag, _ in page.elements if tag == "img"])

    def test_refusals(self):
        self.run_it("report", code=2, has=["one or more run directories"])
        self.run_it("report", self.data, code=2, has=["is not a run", "config.yaml"])
        self.train("--out", "run")
        (self.dir / "mine.html").write_text("<p>my page")
        self.run_it("report", "run", "--out", "mine.html", code=2, has=["no report", "--out"])
        self.assertEqual((self.dir / "mine.html").read_text(), "<p>my page")

    def test_in_a_browser(self):
        try:
            chromium = browser.Browser()
        except browser.Unavailable as error:
            self.skipTest(str(error))
        self.addCleanup(chromium.close)
        self.nasty_run()
        self.report("run")
        path = self.dir / "report.html"
        brightness = {}
        for width, dark in ((390, False), (390, True), (1200, False)):
            chromium.look(width, 844, dark)
            chromium.open(path)
            self.assertEqual(chromium.complaints(), [])
            self.assertEqual([url for url in chromium.requests() if not url.startswith("data:")], [path.as_uri()])
            self.assertLessEqual(chromium.value("document.documentElement.scrollWidth"), width, "scrolls sideways")
            self.assertEqual(chromium.value("[...document.images].filter(i => !i.naturalWidth).length"), 0)
            self.assertEqual(chromium.value(FAINT), [], "too faint")
            clip = {"x": 0, "y": 0, "width": width, "height": 844, "scale": 0.125}
            across, _, size, rows = browser.pixels(chromium.screenshot(clip=clip))
            colours = {row[i:i + 3] for row in rows for i in range(0, across * size, size)}
            self.assertGreater(len(colours), 20, "nothing to see")
            brightness[dark] = sum(map(sum, rows)) / (len(rows) * len(rows[0]))
        self.assertGreater(brightness[False], 200)
        self.assertLess(brightness[True], 140)
        self.assertEqual(chromium.value("document.querySelector('td').textContent.includes('<') || "
                                        "document.body.textContent.includes('<script>alert(1)<')"), True)
        box = chromium.value("(s => { s.scrollIntoView(); const b = s.getBoundingClientRect(); "
                             "return [b.left + b.width / 2, b.top + b.height / 2]; })(document.querySelector('svg.chart'))")
        chromium.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0], y=box[1])
        self.assertRegex(chromium.value("document.querySelector('.tip').textContent"), r"epoch [\d.]+\n.*: [\d.]+ %")
        self.assertEqual(chromium.complaints(), [])


if __name__ == "__main__":
    unittest.main(verbosity=1)
