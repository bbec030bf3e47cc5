"""What a source of this project is made of, for scripts that remember results by its hash."""
import functools
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


@functools.lru_cache(maxsize=None)
def text_and_headers(path):
    text = path.read_text()
    beside = [(ROOT / name, path.parent / name) for name in INCLUDE.findall(text)]
    return text, [next((p for p in pair if p.exists()), None) for pair in beside]


def all_files(path):
    """The file and every project header below it, each once, in an order that depends on nothing else."""
    seen, todo = set(), [path]
    while todo:
        now = todo.pop()
        if now is None or now in seen:
            continue
        seen.add(now)
        todo += text_and_headers(now)[1]
    return sorted(seen)


def all_texts(path):
    return [text_and_headers(p)[0] for p in all_files(path)]
