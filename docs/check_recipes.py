#!/usr/bin/env python3
# Purpose: hold the recipes for continuous integration, and the commands that the documents show, against what there is: scripts
#          of ci/, presets, fuzz targets, packages, and each verb and option of `safer-ring`.
# Usage:   docs/check_recipes.py SAFER-RING
# Exit:    0 all of it is there, 1 something is not, as file:line.

import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def presets():
    return {preset["name"] for preset in json.loads(read("CMakePresets.json"))["buildPresets"]}


def targets():
    names = {os.path.basename(path)[:-2] for path in glob.glob(os.path.join(ROOT, "fuzz", "*.c"))}
    return names - {"replay_main"}


class Command:
    """What safer-ring knows, asked of itself."""

    def __init__(self, path):
        self.options = {}
        for verb in re.findall(r"^  safer-ring ([a-z]+) ", self.say(path, "--help"), re.M):
            self.options[verb] = set(re.findall(r"--[a-z][a-z-]*", self.say(path, verb, "--help"))) | {"--help"}

    @staticmethod
    def say(*line):
        return subprocess.run(line, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout

    def wrong(self, line):
        """What a command line has that the command does not."""
        words = line.split(" -- ")[0].split()
        if not words or words[0].startswith("-") or words[0].isupper():
            return None
        if words[0] not in self.options:
            return f"safer-ring has no verb {words[0]}"
        unknown = [word for word in words[1:] if re.fullmatch(r"--[a-z][a-z-]*", word) and word not in self.options[words[0]]]
        return f"safer-ring {words[0]} has no option {unknown[0]}" if unknown else None


def commands(path):
    """Line and arguments of each safer-ring that stands in code."""
    fenced, workflow = False, path.endswith(".yml")
    for number, line in enumerate(read(path).split("\n"), 1):
        if line.startswith("```"):
            fenced = not fenced
        pieces = [line] if fenced or workflow or line.startswith("    ") else re.findall(r"`([^`]*)`", line)
        for piece in pieces:
            match = re.match(r"(?:\s*- run: |\s*)(?:\S*/)?safer-ring ([a-z-].*)", piece)
            if match and "…" not in piece:
                yield number, re.split(r" (?:&&|\||>) | #|  ", match.group(1))[0]


def check_workflow(path):
    text = read(path)
    for match in re.finditer(r"- run: (ci/\w+)(.*)$", text, re.M):
        if not os.access(os.path.join(ROOT, match.group(1)), os.X_OK):
            yield f"there is no {match.group(1)}"
    for preset in re.findall(r"(\w+)", "".join(re.findall(r"preset: \[(.*)\]", text))):
        if preset not in presets():
            yield f"there is no preset {preset}"
    listed = set(re.findall(r"\w+", "".join(re.findall(r"target: \[(.*)\]", text))))
    if listed and listed != targets():
        yield f"fuzz targets: {sorted(listed ^ targets())} are only here or only in fuzz/"


def check_packages():
    """The builder of ClusterFuzzLite needs what the library's build needs."""
    setup = read("ci", "setup")
    for package in re.findall(r"apt-get install -y (.*)$", read(".clusterfuzzlite", "Dockerfile"), re.M)[0].split():
        if not re.search(r"(?<![\w-])" + re.escape(package) + r"(?![\w-])", setup):
            yield f"ci/setup knows no package {package}"


def main(arguments):
    command = Command(arguments[0])
    found, count = [], 0
    for path in sorted(glob.glob(os.path.join(ROOT, ".github", "workflows", "*.yml"))):
        name = os.path.relpath(path, ROOT)
        found += [f"{name}: {what}" for what in check_workflow(name)]
    found += [f".clusterfuzzlite/Dockerfile: {what}" for what in check_packages()]
    documents = ["README.md"] + [os.path.relpath(path, ROOT) for path in sorted(glob.glob(os.path.join(ROOT, "docs", "*.md")))]
    for name in documents + [".github/workflows/ci.yml"]:
        for line, words in commands(name):
            count += 1
            what = command.wrong(words)
            if what:
                found.append(f"{name}:{line}: {what}")
    print("\n".join(found + [f"{count} command lines, {len(found)} things that are not there"]))
    return 1 if found or count == 0 else 0


sys.exit(main(sys.argv[1:]))
