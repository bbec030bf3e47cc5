"""Images a second on one core: JPEG to a normalised 224-pixel tensor, by Pillow, torchvision v2 and timm. See run.sh.

timm_rand is what train.py of timm does for the published recipes: RandAugment rand-m9-mstd0.5-inc1, random erasing
0.25, bilinear or bicubic at random.

--folder DIR takes the JPEGs below DIR. Without it, 320 x 240 images are made from a formula; --save DIR writes them
there, for another program to be measured on the same files.
"""
import argparse
import io
import pathlib
import time

import numpy
import timm.data
import torch
import torchvision
from common import emit, measure
from PIL import Image, ImageOps
from torchvision import transforms
from torchvision.transforms import InterpolationMode, v2

MEAN, STD, BICUBIC = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), InterpolationMode.BICUBIC


def synthetic(count):
    """Smooth waves with grain: about 25 kB each at quality 90."""
    for i in range(count):
        grain = numpy.random.default_rng(i).normal(0, 6, (240, 320, 3))
        y, x, c = numpy.mgrid[0:240, 0:320, 0:3]
        waves = 128 + 60 * numpy.sin(x / (9 + i % 23) + c) + 50 * numpy.cos(y / (7 + i % 17) - c)
        image = Image.fromarray((waves + grain).clip(0, 255).astype(numpy.uint8), "RGB")
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
        yield buffer.getvalue()


def chains():
    """name -> function of (bytes, the same as a uint8 tensor)"""
    def pillow(data):
        return Image.open(io.BytesIO(data)).convert("RGB")

    def decode(tensor):
        return torchvision.io.decode_jpeg(tensor, mode=torchvision.io.ImageReadMode.RGB)

    train = [transforms.RandomResizedCrop(224, interpolation=BICUBIC), transforms.RandomHorizontalFlip()]
    test = [transforms.Resize(256, interpolation=BICUBIC), transforms.CenterCrop(224)]
    end = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
    train2 = [v2.RandomResizedCrop(224, interpolation=BICUBIC, antialias=True), v2.RandomHorizontalFlip()]
    test2 = [v2.Resize(256, interpolation=BICUBIC, antialias=True), v2.CenterCrop(224)]
    end2 = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    pil_train, pil_test = transforms.Compose(train + end), transforms.Compose(test + end)
    tv_train, tv_test = v2.Compose(train2 + end2), v2.Compose(test2 + end2)
    posterize = ImageOps.posterize
    ImageOps.posterize = lambda image, bits: posterize(image, max(bits, 1))  # timm asks for 0, which Pillow 13 refuses
    rand = timm.data.create_transform(224, is_training=True, auto_augment="rand-m9-mstd0.5-inc1", interpolation="random",
                                      re_prob=0.25, re_mode="pixel", color_jitter=None, mean=MEAN, std=STD)
    return {"pillow_decode": lambda data, _: pillow(data), "torchvision_decode": lambda _, t: decode(t),
            "pillow_train": lambda data, _: pil_train(pillow(data)),
            "torchvision_train": lambda _, t: tv_train(decode(t)),
            "pillow_eval": lambda data, _: pil_test(pillow(data)),
            "torchvision_eval": lambda _, t: tv_test(decode(t)),
            "timm_rand": lambda data, _: rand(pillow(data))}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--save", type=pathlib.Path)
    parser.add_argument("--only", default="", help="chains whose name begins so")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.folder:
        files = sorted(f for f in options.folder.rglob("*") if f.suffix.lower() in (".jpg", ".jpeg"))
        images = [f.read_bytes() for f in files[:options.count]]
    else:
        images = list(synthetic(options.count))
    for i, data in enumerate(images if options.save else []):
        options.save.mkdir(parents=True, exist_ok=True)
        (options.save / f"{i:04}.jpg").write_bytes(data)
    tensors = [torch.frombuffer(bytearray(data), dtype=torch.uint8) for data in images]
    for name, chain in chains().items():
        if not name.startswith(options.only):
            continue
        torch.manual_seed(0)
        cpu_seconds = []

        def epoch():
            start = time.process_time()
            for pair in zip(images, tensors):
                chain(*pair)
            cpu_seconds.append(time.process_time() - start)

        figures = measure(epoch, options.seconds, 0, 2)
        emit(what="loader", chain=name, images_per_s=1e3 * len(images) / figures["ms_best"],
             images_per_core_s=len(images) / min(cpu_seconds), images=len(images),
             mean_kb=sum(map(len, images)) / len(images) / 1e3, other_cpus=figures["other_cpus"],
             torchvision=torchvision.__version__, pillow=Image.__version__)


if __name__ == "__main__":
    main()
