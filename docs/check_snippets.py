#!/usr/bin/env python3
# Purpose: hold the C in README.md and docs/*.md against the files it is taken from, so that all of it compiles. A block
#          that begins with ```c must follow a line `<!-- from PATH -->`, and stand in that file line by line, indented as
#          it likes. A block for the shell that follows such a line with a folder's path types files: they are those of it.
# Usage:   docs/check_snippets.py
# Exit:    0 all stand there, 1 one does not, as file:line.

import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def stripped(lines):
    return [line.strip() for line in lines]


def blocks(path):
    """Line, source and lines of each block of C."""
    source, begin, block = None, 0, None
    with open(path, encoding="utf-8") as document:
        for number, line in enumerate(document.read().split("\n"), 1):
            origin = re.fullmatch(r"<!-- from (\S+) -->", line)
            if block is not None and line.startswith("```"):
                yield begin, source, block
                source, block = None, None
            elif block is not None:
                block.append(line)
            elif line.startswith("```c") and line[4:].strip() == "":
                begin, block = number, []
            elif origin:
                source = origin.group(1)


def problem(source, block):
    if source is None:
        return "a block of C without a line that says where it is from"
    path = os.path.join(ROOT, source)
    if not os.path.isfile(path):
        return f"there is no {source}"
    with open(path, encoding="utf-8") as code:
        lines = stripped(code.read().split("\n"))
    wanted = stripped(block)
    found = any(lines[i:i + len(wanted)] == wanted for i in range(len(lines)))
    return None if wanted and found else f"not in {source}"


def typed(path):
    """Folder, name and text of each file that a block for the shell types."""
    with open(path, encoding="utf-8") as document:
        text = document.read()
    for block in re.finditer(r"^<!-- from (\S+) -->\n```sh\n(.*?)^```$", text, re.S | re.M):
        for file in re.finditer(r"^cat > (\S+) << 'END'\n(.*?)^END$", block.group(2), re.S | re.M):
            yield text.count("\n", 0, block.start()) + 1, os.path.join(block.group(1), file.group(1)), file.group(2)


def same(source, text):
    path = os.path.join(ROOT, source)
    if not os.path.isfile(path):
        return False
    with open(path, encoding="utf-8") as file:
        return file.read() == text


def main():
    count, wrong = 0, 0
    documents = [os.path.join(ROOT, "README.md")] + sorted(glob.glob(os.path.join(ROOT, "docs", "*.md")))
    for path in documents:
        for line, source, block in blocks(path):
            count += 1
            why = problem(source, block)
            if why:
                print(f"{os.path.relpath(path, ROOT)}:{line}: {why}")
                wrong += 1
        for line, source, text in typed(path):
            count += 1
            if not same(source, text):
                print(f"{os.path.relpath(path, ROOT)}:{line}: differs from {source}")
                wrong += 1
    print(f"{count} blocks, {wrong} wrong")
    return 1 if wrong or count == 0 else 0


sys.exit(main())
