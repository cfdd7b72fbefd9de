#!/usr/bin/env python3
# Purpose: hold docs/ownership/forms.c against clang: its analysis reports every wrong_… and misjudged_… function, no other.
# Usage:   docs/check_ownership.py [CLANG]      default: clang
# Exit:    0 as documented, 1 not, 77 there is no such clang.

import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCE = os.path.join(ROOT, "docs", "ownership", "forms.c")


def reported_lines(clang):
    """The lines of SOURCE that have a report of the analysis; anything else clang says is an error here."""
    run = subprocess.run([clang, "-fsyntax-only", "-std=gnu17", "-Wall", "-Wextra", "-Wthread-safety",
                          "-I" + os.path.join(ROOT, "include"), SOURCE], capture_output=True, text=True)
    lines = set()
    for line, kind, text in re.findall(r"forms\.c:(\d+):\d+: (warning|error): (.*)", run.stderr):
        if "[-Wthread-safety" not in text:
            sys.exit(f"{SOURCE}:{line}: {kind}: {text}")
        lines.add(int(line))
    if run.returncode != 0:
        sys.exit(run.stderr)
    return lines


def functions():
    """Name, first and last line of each function that has a body."""
    name, first = None, 0
    with open(SOURCE, encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            match = re.match(r"(?:static )?\w+ (\w+)\(.*[^;]$", line.rstrip("\n"))
            if match and not line.startswith(" "):
                name, first = match.group(1), number
            if line.startswith("}") and name:
                yield name, first, number
                name = None


def main():
    clang = sys.argv[1] if len(sys.argv) > 1 else "clang"
    if shutil.which(clang) is None:
        print(f"no {clang} here")
        return 77
    lines = reported_lines(clang)
    wrong = 0
    count = 0
    for name, first, last in functions():
        expected = name.startswith(("wrong_", "misjudged_"))
        reported = any(first <= line <= last for line in lines)
        count += 1
        if expected != reported:
            print(f"{SOURCE}:{first}: {name} is {'not ' if expected else ''}reported")
            wrong += 1
    print(f"{count} functions, {wrong} not as documented")
    return 1 if wrong or count == 0 else 0


sys.exit(main())
