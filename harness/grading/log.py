"""A test log as people and memories read it: without controls, and the same on any machine."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import zip_longest

CHANGING = (
    (re.compile(r"\bin \d+(?:\.\d+)?s\b(?: \(\d+:\d\d:\d\d\))?"), "in ?s"),
    (re.compile(r"\b0x[0-9a-f]{6,16}\b"), "0x?"),
    (re.compile(r"(?<!\S)([^\s/]*)/\S*/tmp\.\w{10}\b"), r"\1/tmp/?"),
)
"""Durations, addresses and names of temporary files, and what stands in their place."""
SECTION = re.compile(r"^=+ .* =+$")
BLOCK = re.compile(r"^_{3,} .* _{3,}$|^=+ .* =+$|^-+ generated xml file")
PROGRESS = re.compile(r"^[.FEsxXRuU,-]+(?: *\[ *\d+%\])?$")
CLOSING = re.compile(r"^(=+ )?(\d+ \w++.*)( in (?:\?|[\d.]+)s\b.*)$")
COUNTED = re.compile(r"(?<!\d)(\d{1,9}) (failed|errors?|xfailed)(?:, )?")


def normalize_log(log: str, root: str) -> str:
    """Replace what differs between runs that did the same: durations, addresses, folders.

    Logs reach memories, and a memory's snapshot must not depend on how fast a test was.
    """
    for pattern, replacement in CHANGING:
        log = pattern.sub(replacement, log)
    return log.replace(root, "/testbed")


def without_controls(log: str, names: Collection[str], counts: Mapping[str, int]) -> str:
    """Leave out what pytest printed of some test functions.

    `counts` are theirs, by the words of pytest's closing line, which is counted anew. The dots of
    progress are left out as a whole: they do not tell whose they are.
    """
    if not names:
        return log
    control = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")
    lines: list[str] = []
    in_progress, hidden = True, False
    for line in log.splitlines():
        if SECTION.match(line):
            in_progress = False
        if BLOCK.match(line):
            hidden = line.startswith("___") and bool(control.search(line))
        progress = in_progress and PROGRESS.match(line)
        if not (hidden or progress or control.search(line)):
            lines.append(_counted_anew(line, counts))
    return "\n".join([*_without_empty_sections(lines), ""])


def _counted_anew(line: str, counts: Mapping[str, int]) -> str:
    closing = CLOSING.match(line)
    if not closing:
        return line

    def rest(match: re.Match[str]) -> str:
        left = int(match[1]) - counts.get(match[2].removesuffix("s"), 0)
        return match[0].replace(match[1], str(left), 1) if left else ""

    words = COUNTED.sub(rest, closing[2]).removesuffix(", ")
    return f"{closing[1] or ''}{words or 'no tests ran'}{closing[3]}"


def _without_empty_sections(lines: list[str]) -> Iterator[str]:
    """Leave out headings of sections that have nothing left in them."""
    for line, following in zip_longest(lines, lines[1:], fillvalue=""):
        empty = SECTION.match(following) or CLOSING.match(following)
        if not (SECTION.match(line) and not CLOSING.match(line) and empty):
            yield line
