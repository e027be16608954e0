"""What is taken out of a commit's message, because no user who reports a problem would write it.

Tags of a scope name the file to change, numbers name the fix's own pull request, and lists of the
commits of a branch and answers to reviewers tell how the fix was made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.codebases.statements.rules import LATEST, Rules

MOST = 20_000
"""Characters of a statement; a longer text is cut at a line's end."""
LONGEST_TITLE = 120
"""Characters of a title."""
LONGEST_LINE = 1_000
"""Characters of a line that is looked at; one that is longer is data, and left out."""
CLOSES = re.compile(
    r"(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\s*:?\s+(?:issue\s+)?#(\d{1,9})(?!\d)"
)
AFTER = re.compile(r"\s*\[[A-Z][A-Z0-9 _-]{1,20}\]\s*$")
"""A tag in capitals after a title."""
SKIP = re.compile(r"\s*\[(?:skip[ -]?\w+|\w+[ -]?skip)\]", re.IGNORECASE)
FENCE = re.compile(r"^\s*(?:```|~~~)")
CODE = re.compile(r"^(?: {4}|\t)|^\s*[)\]}]")
"""A line of code, whatever is on it: indented, or the end of what was opened above."""
BRANCH_LIST = re.compile(r"^\* \S")
"""How a host lists the commits of a branch: one paragraph for each."""


def clean_message(message: str, rules: Rules = LATEST, *, merges: bool = False) -> str:
    """A commit's message as a report: title and text; "" if nothing is left of it.

    merges: whether the commit has several parents. The line of a merge goes, and what its author
    wrote below it stays.
    """
    message = message[: 2 * MOST].strip().replace("\r\n", "\n")
    lines = [line.rstrip() for line in message.split("\n") if len(line) <= LONGEST_LINE] or [""]
    if (rules.merge if merges else rules.only_merges).match(lines[0]):
        lines = lines[1:]
    title, _, body = "\n".join(lines).strip().partition("\n")
    title = clean_title(title, rules)
    text = "\n\n".join(_paragraphs(body, rules))
    return bounded(f"{title}\n\n{text}".strip())


def clean_title(title: str, rules: Rules = LATEST) -> str:
    """A title without tags and numbers; "" for one that only speaks to reviewers."""
    title = _without_references(title.strip(), rules)
    title = AFTER.sub("", without_tags(title, rules))
    title = re.sub(r"\s+#\d{1,9}$", "", title).lstrip(" \t,;:").rstrip(" \t,;-–")
    return "" if rules.chatter.match(title) or not re.search(r"\w\w", title) else title


def without_tags(title: str, rules: Rules = LATEST) -> str:
    """A title without what stands before it."""
    for _ in range(4):  # there are a few at most, but in any order
        for tag in rules.tags:
            title = tag.sub("", title, count=1)
    return title


def title_of(statement: str) -> str:
    """The title of a statement: its first line, or the first sentence of a long one."""
    line = statement.strip().split("\n")[0]
    if len(line) > LONGEST_TITLE:
        line = re.split(r"(?<=[.!?])\s", line)[0]
    if len(line) > LONGEST_TITLE:
        line = (line[:LONGEST_TITLE].rpartition(" ")[0] or line[:LONGEST_TITLE]) + " …"
    return line + "\n"


def bounded(text: str) -> str:
    """The text, or as many of its first lines as a statement may have."""
    text = text.strip()
    if len(text) > MOST:
        text = text[:MOST].rpartition("\n")[0] or text[:MOST]
    return text.rstrip() + "\n" if text else ""


def closed_issues(text: str) -> list[int]:
    """Numbers of the issues that a message says to close, in its order."""
    return [int(number) for number in CLOSES.findall(text)]


def _paragraphs(body: str, rules: Rules) -> Iterator[str]:
    paragraphs = [_lines(text) for text in re.split(r"\n\s*\n", body.strip("\n"))]
    items = sum(map(_is_item, paragraphs))
    fences = sum(bool(FENCE.match(line)) for lines in paragraphs for line in lines)
    closed, fenced = rules.keeps_code and fences % 2 == 0, False
    for lines in paragraphs:
        if _is_item(lines) and items >= rules.branch_list:
            return  # and what follows is the text of those commits
        kept = []
        for line in lines:
            fence = closed and FENCE.match(line) is not None
            kept.append(line if fence or fenced else _line(line, rules))
            fenced ^= fence
        if text := "\n".join(filter(None, kept)):
            yield text


def _lines(paragraph: str) -> list[str]:
    return [line for line in paragraph.split("\n") if line.strip()]


def _is_item(lines: Sequence[str]) -> bool:
    return len(lines) == 1 and BRANCH_LIST.match(lines[0]) is not None


def _line(line: str, rules: Rules) -> str:
    if any(noise.match(line) for noise in (*rules.noise, rules.chatter)):
        return ""
    # A sentence may end with a reference and start on the line before.
    left = _without_references(line, rules)
    is_code = rules.keeps_code and left == line and CODE.match(line)
    return left if is_code or re.search(r"\w", left) else ""


def _without_references(text: str, rules: Rules) -> str:
    return SKIP.sub("", rules.numbers.sub("", rules.reference.sub("", text))).rstrip()
