#!/usr/bin/env python3
# Purpose: what the compiler is to reject, it rejects, for the reason that is named; and the right program, which differs in the
#          marked lines only, it takes without a word.
# Usage:   tests/compile_fail/check.py [CASE...]      a case is a file of this folder, without .c
# Exit:    0 all as named, 1 one is not, 77 no compiler is here.

import glob
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def compile_case(path, compiler, options, wrong):
    done = subprocess.run([compiler, "-c", "-o", os.devnull, "-std=gnu17", "-O1",
                           "-Wall", "-Wextra", "-Werror", *options.split(), *(["-DWRONG"] if wrong else []),
                           "-I", os.path.join(ROOT, "include"), path],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", check=False)
    return done.returncode, done.stdout


def judge(path):
    """None, or what is not as it should be. False: no such compiler."""
    with open(path, encoding="utf-8") as file:
        match = re.match(r"// (\S+) (.*?): (.*)\n", file.readline())
    if match is None:
        return "its first line names no compiler, options and message"
    compiler, options, message = match.groups()
    if shutil.which(compiler) is None:
        return False
    code, said = compile_case(path, compiler, options, wrong=True)
    flag = options.split()[0]
    found = [line for line in said.split("\n") if re.search(message, line) and flag.lstrip("-W") in line]
    if code == 0 or not found:
        return f"the mistake is not rejected by {flag} with `{message}`:\n{said}"
    code, said = compile_case(path, compiler, options, wrong=False)
    return f"the right program is rejected:\n{said}" if code != 0 else None


def main(names):
    paths = sorted(glob.glob(os.path.join(HERE, "*.c")))
    if names:
        paths = [os.path.join(HERE, name + ".c") for name in names]
    wrong = judged = 0
    for path in paths:
        why = judge(path)
        if why is False:
            continue
        judged += 1
        if why is not None:
            print(f"{os.path.relpath(path, ROOT)}: {why}")
            wrong += 1
    print(f"{judged} of {len(paths)} cases judged, {wrong} not as named")
    if judged == 0:
        return 77
    return 1 if wrong else 0


sys.exit(main(sys.argv[1:]))
