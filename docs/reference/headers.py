# Reads the public headers: what is declared, and the comment that stands before it. A library for the scripts beside it; not a
# command.

import glob
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "include")
LABELS = ("Ownership", "Units", "Errors", "Callable", "Source")

# Attributes and the like, which say nothing to a reader of a synopsis.
NOISE = re.compile(
    r"\b(SR_MUST_USE|SR_UNCHECKED|SR_INLINE|SRI_HOT|static|inline|extern)\b\s*"
    r"|\b(SR_TAKES_IF_OK|SR_GIVES_IF_OK|SR_TAKES|SR_GIVES|SR_NEEDS|SR_CAPABILITY)\s*\((?:[^()]|\([^()]*\))*\)"
    r"|__attribute__\s*\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)")


class Entry:
    """A function or a macro of the interface."""

    def __init__(self, name, header, line, synopsis, comment, shared):
        self.name, self.header, self.line, self.synopsis, self.shared = name, header, line, synopsis, shared
        self.text, self.sections = split(comment)


def headers():
    return sorted(glob.glob(os.path.join(FOLDER, "safer_ring", "*.h"))) + [os.path.join(FOLDER, "safer_ring.h")]


def bare(comment):
    """A comment's text, without its frame; paragraphs stay."""
    lines = comment[2:-2].split("\n")
    return "\n".join(re.sub(r"^\s*\* ?", "", line).rstrip() for line in lines).strip()


def split(comment):
    """The text before the first label, and a dictionary of label to text."""
    found = re.compile(r"(?:(?<=^)|(?<=\n)|(?<=[.;)] ))(%s)((?:, (?:%s))*):\s"
                       % ("|".join(LABELS), "|".join(label.lower() for label in LABELS)))
    text, sections, labels, at = "", {}, None, 0
    for match in found.finditer(comment):
        if labels is None:
            text = comment[:match.start()].strip()
        for label in labels or ():
            sections[label] = comment[at:match.start()].strip()
        labels = [match.group(1)] + [word.strip().capitalize() for word in match.group(2).split(",") if word.strip()]
        at = match.end()
    if labels is None:
        return comment, {}
    for label in labels:
        sections[label] = comment[at:].strip()
    return text, sections


def tidy(declaration):
    """A declaration as a synopsis shows it."""
    text = NOISE.sub("", declaration)
    text = re.sub(r"\{.*", "", text, flags=re.S)
    return re.sub(r"\s+", " ", text).strip().rstrip("; ") + ";"


def chunks(text):
    """The comments and the pieces of code between them, each with its offset."""
    at = 0
    for match in re.finditer(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', text, re.S):
        if match.group(0).startswith('"'):
            continue
        yield "code", text[at:match.start()], at
        yield "comment", match.group(0), match.start()
        at = match.end()
    yield "code", text[at:], at


def declarations(code):
    """Each declaration, definition or macro of a piece of code, with its offset; and whether a blank line stands before it."""
    depth, begin, brace = 0, 0, False
    at, size = 0, len(code)
    while at < size:
        if code[at] == "#" and depth == 0 and code[begin:at].strip() == "":
            end = at
            while True:
                end = code.find("\n", end)
                end = size if end < 0 else end
                if end == size or code[end - 1] != "\\":
                    break
                end += 1
            yield code[at:end], at, "\n\n" in code[begin:at]
            at = begin = end
            continue
        char = code[at]
        if char in "({":
            depth += 1
            brace = brace or (char == "{" and depth == 1)
        elif char in ")}":
            depth -= 1
        ends_body = char == "}" and depth == 0 and brace and is_function(code[begin:at])
        if (char == ";" and depth == 0) or ends_body:
            yield code[begin:at + 1], begin, "\n\n" in code[begin:at + 1].split(code[begin:at + 1].strip()[:1] or " ")[0]
            begin, brace = at + 1, False
        at += 1


def is_function(code):
    return function_name(code) is not None


def function_name(code):
    head = re.sub(r"\{.*", "", NOISE.sub("", code), flags=re.S)
    if re.match(r"\s*(typedef|enum|struct\s+\w+\s*$|union)\b", head) or "=" in head:
        return None
    match = re.search(r"\b(sr_\w+)\s*\(", head)
    return match.group(1) if match else None


def macro_name(code):
    match = re.match(r"#\s*define\s+((?:SR|sr)_\w+)\(", code)
    return match.group(1) if match else None


def entries_of(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    header = os.path.relpath(path, FOLDER)
    comment, fresh = None, False
    for kind, piece, offset in chunks(text):
        if kind == "comment":
            # One that stands behind code on its line belongs to that.
            line = text[text.rfind("\n", 0, offset) + 1:offset]
            if line.strip() == "":
                comment, fresh = piece, True
            continue
        for code, at, apart in declarations(piece):
            name = macro_name(code) if code.startswith("#") else function_name(code)
            if apart and not fresh:
                comment = None
            if name and not name.endswith("_"):
                line = text.count("\n", 0, offset + at + len(code) - len(code.lstrip())) + 1
                shown = tidy(code) if not code.startswith("#") else re.match(r"#\s*define\s+(\w+\([^)]*\))", code).group(1)
                yield Entry(name, header, line, shown, bare(comment) if comment else "", not fresh)
            fresh = False


def introduction(path):
    """The comment at the top of a header."""
    with open(path, encoding="utf-8") as file:
        match = re.match(r"\s*(/\*.*?\*/)", file.read(), re.S)
    return split(bare(match.group(1))) if match else ("", {})


def interface():
    """Every function and function-like macro, by name: the declaration with the most to say of each."""
    found = {}
    for path in headers():
        if os.path.basename(path) == "hot.h":
            continue
        for entry in entries_of(path):
            known = found.get(entry.name)
            if known is None or len(entry.text) > len(known.text):
                found[entry.name] = entry
    return found
