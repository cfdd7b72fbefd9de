#!/usr/bin/env python3
# Purpose: hold docs/errors.md against what is printed when it goes wrong. Before each block of text stands a line
#          `<!-- errors CASE [COMMAND] -->`, for a case of safer-ring-errors, or `<!-- run COMMAND -->`, for a shell: each line of
#          the block is printed then; `…` stands for anything. Each case that there is must stand there.
# Usage:   docs/check_errors.py FOLDER COMPILER     the folder of the built programs
# Exit:    0 so it is, 1 it is not, as file:line, 77 nothing of it can go wrong here.

import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCUMENT = os.path.join("docs", "errors.md")


def entries():
    """Line, command and lines of text of each block."""
    with open(os.path.join(ROOT, DOCUMENT), encoding="utf-8") as file:
        text = file.read()
    for match in re.finditer(r"^<!-- (errors|run) (.*?) -->\n```text\n(.*?)^```$", text, re.S | re.M):
        command = match.group(2) if match.group(1) == "run" else "safer-ring-errors " + match.group(2)
        yield text.count("\n", 0, match.start()) + 1, command, match.group(3).rstrip("\n").split("\n")


def prepare(folder, programs, compiler):
    """Programs that can't be reached, and the command without what belongs to it."""
    os.makedirs(os.path.join(folder, "alone"))
    shutil.copy2(os.path.join(programs, "safer-ring"), os.path.join(folder, "alone"))
    source = os.path.join(folder, "nothing.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write("int main(void) { return 0; }\n")
    for name, option in (("static", ["-static"]), ("setgid", [])):
        subprocess.run([compiler, *option, "-o", os.path.join(folder, name), source], check=False, stderr=subprocess.DEVNULL)
    setgid = os.path.join(folder, "setgid")
    if os.path.exists(setgid):
        os.chmod(setgid, 0o2755)


def can_run(folder, command):
    """What it needs is there."""
    for name in ("static", "setgid"):
        path = os.path.join(folder, name)
        if f"./{name}" in command and not (os.path.exists(path) and (name == "static" or os.stat(path).st_mode & 0o2000)):
            return False
    return not command.startswith("valgrind") or shutil.which("valgrind") is not None


def expected(line):
    return ".*".join(re.escape(part) for part in line.split("…"))


def main(arguments):
    if len(arguments) != 2:
        print("usage: docs/check_errors.py FOLDER COMPILER", file=sys.stderr)
        return 2
    programs, compiler = os.path.abspath(arguments[0]), arguments[1]
    environment = {**os.environ, "PATH": programs + ":" + os.environ["PATH"], "LC_ALL": "C"}
    environment.pop("SAFER_RING_BACKEND", None)
    tried, skipped, wrong = 0, [], 0
    seen = set()
    folder = tempfile.mkdtemp(prefix="safer-ring-errors.")
    os.chmod(folder, 0o755)
    try:
        prepare(folder, programs, compiler)
        for line, command, block in entries():
            seen.add(command.split()[1] if command.startswith("safer-ring-errors ") else "")
            done = None
            if can_run(folder, command):
                done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", check=False, timeout=50)
            # Debian 12's valgrind can't read what its clang writes about a program.
            if done is None or done.returncode == 77 or "Valgrind: I can't recover" in done.stdout:
                skipped.append(command)
                continue
            tried += 1
            for text in block:
                if not re.search("^" + expected(text) + "$", done.stdout, re.M):
                    print(f"{DOCUMENT}:{line}: `{command}` does not print: {text}\n{done.stdout[-2000:]}")
                    wrong += 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(["safer-ring-errors", "--list"], env=environment, stdout=subprocess.PIPE, encoding="utf-8",
                            check=True).stdout.split()
    for case in listed:
        if case not in seen and case != "forgotten-close":  # under valgrind
            print(f"{DOCUMENT}: nothing of the case {case}")
            wrong += 1
    for command in skipped:
        print(f"can't go wrong here: {command}")
    print(f"{tried} texts, {wrong} wrong, {len(skipped)} not tried")
    return 1 if wrong else 77 if tried == 0 else 0


sys.exit(main(sys.argv[1:]))
