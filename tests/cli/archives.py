"""Archives for the tests of the command line: a miniature of ILSVRC as it is published."""
import io
import pathlib
import tarfile
import tempfile

from pictures import write_png

IDS = ("n01440764", "n01443537", "n02119789")
WORDS = ("tench, Tinca tinca", "goldfish, Carassius auratus", "kit fox, Vulpes macrotis")


def picture(label, number, side=48, height=None):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "x"
        write_png(path, label, number, side=side, height=height)
        return path.read_bytes()


def add(archive, name, data):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def make_tar(path, members, **options):
    """members: pairs of a name and bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", **options) as archive:
        for name, data in members:
            add(archive, name, data)


def tar_bytes(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members:
            add(archive, name, data)
    return buffer.getvalue()


def make_ilsvrc(folder, per_class=6, val=6):
    """Both archives, the words of the classes, and the labels as Kaggle gives them."""
    def train_class(c):
        images = [(f"{IDS[c]}_{i}.JPEG", picture(c, i, side=48 + 5 * i)) for i in range(per_class)]
        return f"{IDS[c]}.tar", tar_bytes(images)

    make_tar(folder / "ILSVRC2012_img_train.tar", [train_class(c) for c in (1, 0, 2)])
    names = [f"ILSVRC2012_val_{v + 1:08}" for v in range(val)]
    make_tar(folder / "ILSVRC2012_img_val.tar", [(f"{n}.JPEG", picture(v % 3, 100 + v)) for v, n in enumerate(names)])
    lines = [f"{name},{IDS[v % 3]} 1 2 3 4 \n" for v, name in enumerate(names)]
    (folder / "LOC_val_solution.csv").write_text("ImageId,PredictionString\n" + "".join(lines))
    (folder / "LOC_synset_mapping.txt").write_text("".join(f"{i} {w}\n" for i, w in zip(IDS, WORDS)))
