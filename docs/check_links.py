#!/usr/bin/env python3
# Purpose: what README.md and docs/*.md link to is there, headings too; each document of docs and each picture is linked from
#          another one.
# Usage:   docs/check_links.py
# Exit:    0 so it is, 1 it is not, as file:line.

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def links(path):
    """Line and target of each link and picture, outside of code."""
    fenced = False
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.startswith("```"):
                fenced = not fenced
            if fenced:
                continue
            for match in re.finditer(r"\]\(([^()\s]+)\)", re.sub(r"`[^`]*`", "", line)):
                yield number, match.group(1)


def anchors(path):
    """The names of a document's headings, as they are linked to."""
    with open(path, encoding="utf-8") as file:
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
                for heading in re.findall(r"^#+ (.*)$", file.read(), re.M)}


def main():
    documents = [os.path.join(ROOT, "README.md"), os.path.join(ROOT, "CHANGELOG.md")]
    documents += sorted(glob.glob(os.path.join(ROOT, "docs", "*.md")))
    count, wrong, linked = 0, 0, set()
    for path in documents:
        name = os.path.relpath(path, ROOT)
        for line, target in links(path):
            if re.match(r"[a-z]+:", target):
                continue
            count += 1
            file, _, anchor = target.partition("#")
            whole = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
            if whole != path:
                linked.add(whole)
            if not os.path.exists(whole):
                print(f"{name}:{line}: there is no {target}")
                wrong += 1
            elif anchor and whole.endswith(".md") and anchor not in anchors(whole):
                print(f"{name}:{line}: {file or name} has no heading #{anchor}")
                wrong += 1
    pictures = glob.glob(os.path.join(ROOT, "docs", "**", "*.svg"), recursive=True)
    for path in documents[2:] + pictures:
        if path not in linked:
            print(f"{os.path.relpath(path, ROOT)}: nothing links to it")
            wrong += 1
    print(f"{count} links, {wrong} wrong")
    return 1 if wrong or count == 0 else 0


sys.exit(main())
