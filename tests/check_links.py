#!/usr/bin/env python3
"""Every link of the documentation leads somewhere: to a file of the project, and to a heading where it names one.

usage: check_links.py SOURCE_FOLDER
"""
import pathlib
import re
import sys


def anchors(text):
    """What GitHub makes of the headings of a Markdown file."""
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"(?m)^#+ (.*)$", text)}


def broken_links(root, page):
    for path, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", page.read_text()):
        if re.match(r"[a-z]+:", path):
            continue
        target = page.parent / path if path else page
        if not target.exists():
            yield f"{page.relative_to(root)}: there is no {path}"
        elif anchor and anchor not in anchors(target.read_text()):
            yield f"{page.relative_to(root)}: {path or 'it'} has no heading #{anchor}"


root = pathlib.Path(sys.argv[1])
pages = sorted([*root.glob("*.md"), *root.glob("docs/*.md")])
problems = [problem for page in pages for problem in broken_links(root, page)]
print("\n".join(problems) or f"{len(pages)} pages, every link leads somewhere")
sys.exit(1 if problems else 0)
