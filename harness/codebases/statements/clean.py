"""What is taken out of a commit's message, because no user who reports a problem would write it.

Tags of a scope name the file to change, numbers name the fix's own pull request, and lists of the
commits of a branch and answers to reviewers tell how the fix was made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MOST = 20_000
"""Characters of a statement; a longer text is cut at a line's end."""
LONGEST_TITLE = 120
"""Characters of a title."""
LONGEST_LINE = 1_000
"""Characters of a line that is looked at; one that is longer is data, and left out."""
CLOSES = re.compile(
    r"(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\s*:?\s+(?:issue\s+)?#(\d{1,9})(?!\d)"
)
TRAILER = re.compile(r"^[A-Z][A-Za-z]*(?:-[A-Za-z]+)+: \S")
"""`Co-authored-by: x` and the like. One word before the colon is prose ("Fix: ...")."""
MERGE = re.compile(
    r"^(?:Merged?\b.*?\b(?:branch|branches|pull request|remote|tag|commit|into|from|PR|"
    r"stable|main|master)\b|Merge\b\s*$|Merge (?:#\d+|[\w./-]+)\s*$)"
)
"""The line that git or a host writes for a merge."""
KINDS = (
    "fix(?:e[sd])?|feat(?:ures?)?|bug(?:fix)?|hotfix|chore|refactor|perf|docs?|tests?|style|build|"
    "ci|deps|internal|minor|wip|cleanup|lint|optimi[sz]ation|improvement|enhancement"
)
TAGS = (
    re.compile(r"^\w[\w -]{0,20}!?\s?\([^()\n]{1,80}\)!?\s*:\s*"),  # fix(duckdb)!: and fix!(a, b):
    re.compile(rf"^(?:{KINDS})(?:/\w+)?!?\s*:\s*", re.IGNORECASE),
    re.compile(r"^\([^()\n]{1,40}\)!?\s*:\s*"),
    re.compile(r"^\[[^\]\n]{1,30}\]\s*:?\s*"),
    re.compile(r"^:\w+:\s*"),
    re.compile(r"^#\d{1,9}\s*[:,-]?\s+"),
    re.compile(r"^!\s*:?\s*"),
)
"""What may stand before a title: kind and scope of a change, a name in brackets, a pictogram."""
AFTER = re.compile(r"\s*\[[A-Z][A-Z0-9 _-]{1,20}\]\s*$")
"""A tag in capitals after a title."""
NUMBER = r"(?:(?i:gh|pr|issue|bug)[ -]?)?\#\d{1,9}"
NUMBERS = re.compile(rf"\s*\((?:\s*{NUMBER}\s*(?:,|and|&)?)+\)", re.VERBOSE)
REFERENCE = re.compile(
    r"""(?ix)
    [\s,;.–-]*\(?\s*
    \b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|refs?|references|re|relates?\ to|see)\b\s*:?\s+
    (?:(?:issues?|bug)\s+)?
    (?:\#|(?:gh|pr)-|https?://\S+/(?:issues|pull)/)\d{1,9}\S{0,60}?
    (?:\s*(?:,|and|&)\s*\#\d{1,9})*
    \s*\)?(?=[.,;:!?]?(?:\s|$))
    """
)
"""`fixes #12`, also in parentheses, with what joins it to the sentence before."""
PICKED = re.compile(r"^\(cherry picked from commit \w+\)|^git-svn-id:|^This reverts commit \w+\.?$")
SKIP = re.compile(r"\s*\[(?:skip[ -]?\w+|\w+[ -]?skip)\]", re.IGNORECASE)
RULE = re.compile(r"^[-=_*]{3,}$")
CHATTER = re.compile(
    r"""(?ix)^(?:[*+-]\s+)?(?:
      (?:pr|code|review|reviewer'?s?)?\s*(?:feedback|comments?|suggestions?|nits?)
    | (?:address|apply|incorporate|resolve|fix|implement)\w*\b.{0,40}
      \b(?:feedback|comments?|suggestions?|nits?|review|conflicts?|code\ review)
    | fix(?:up|ed|es)?!?\ .{0,20}
      \b(?:ci|lint(?:ing|er)?|typos?|style|flake8?|tests?|mypy|format(?:ting)?)
      (?:\ \(\w+\)|\ issues?)?
    | (?:wip|fixup!?|squash!?|lint(?:ing)?|typos?|nits?|cleanup|clean[ -]up
      |tidy(?:\ up)?|format(?:ting)?|style|black|ruff|isort|mypy|flake8|ci|tests?|changelog|news
      |todo|oops|tmp|stuff|more|minor|bump|rebase|refactor)
      (?:\ (?:fix(?:es|up)?|change(?:s|log)?|tests?|files?|up|it|this|that|again|more))*
    | refactor\ ?\+.{0,40}
    | (?:add|update|remove|fix|more|extend|improve)\w*\ (?:a\ |the\ |some\ |more\ |new\ )?
      (?:unit\ ?)?(?:tests?|test\ cases?|changelog(?:\ entry)?|change\ log|changes|docs
      |news(?:\ entry)?|authors)
      (?:\ for\ .{1,40})?
    | (?:suggested|requested|minor|small|some|more|further)\ (?:changes?|fix(?:es)?|updates?)
    | updates?(?:\ docstrings?)? | (?:add\ )?(?:a\ )?failing\ tests?
    | (?:auto|automatic)\ fixes\ from\ pre-commit.{0,60} | for\ more\ information,\ see\ \S+
    | merged?\ .{0,80}\b(?:branch|master|main|into|from)\b.*
    | \[?pre-commit.{0,60}
    | update\ [\w./-]+\.\w{1,5}
    )[.!…]*$"""
)
"""What is said to a reviewer, or of the way to the fix, and not of what it mends."""
BRANCH_LIST = re.compile(r"^\* \S")
"""How a host lists the commits of a branch: one paragraph for each."""


def clean_message(message: str) -> str:
    """A commit's message as a report: title and text; "" if nothing is left of it.

    Of a merge, the line of the merge goes, and what its author wrote below it stays.
    """
    message = message[: 2 * MOST].strip().replace("\r\n", "\n")
    lines = [line.rstrip() for line in message.split("\n") if len(line) <= LONGEST_LINE] or [""]
    if MERGE.match(lines[0]):
        lines = lines[1:]
    title, _, body = "\n".join(lines).strip().partition("\n")
    title = clean_title(title)
    text = "\n\n".join(_paragraphs(body))
    return bounded(f"{title}\n\n{text}".strip())


def clean_title(title: str) -> str:
    """A title without tags and numbers; "" for one that only speaks to reviewers."""
    title = AFTER.sub("", without_tags(_without_references(title.strip())))
    title = re.sub(r"\s+#\d{1,9}$", "", title).lstrip(" \t,;:").rstrip(" \t,;-–")
    return "" if CHATTER.match(title) or not re.search(r"\w\w", title) else title


def without_tags(title: str) -> str:
    """A title without what stands before it."""
    for _ in range(4):  # there are a few at most, but in any order
        for tag in TAGS:
            title = tag.sub("", title, count=1)
    return title


def title_of(statement: str) -> str:
    """The title of a statement: its first line, or the first sentence of a long one."""
    line = statement.strip().split("\n")[0]
    if len(line) > LONGEST_TITLE:
        line = re.split(r"(?<=[.!?])\s", line)[0]
    if len(line) > LONGEST_TITLE:
        line = line[:LONGEST_TITLE].rpartition(" ")[0] + " …"
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


def _paragraphs(body: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", body.strip("\n")):
        lines = [line for line in paragraph.split("\n") if line.strip()]
        if len(lines) == 1 and BRANCH_LIST.match(lines[0]):
            return  # and what follows is the text of those commits
        kept = "\n".join(filter(None, map(_line, lines)))
        if kept:
            yield kept


def _line(line: str) -> str:
    if any(noise.match(line) for noise in (TRAILER, PICKED, RULE, CHATTER)):
        return ""
    # A sentence may end with a reference and start on the line before.
    line = _without_references(line)
    return line if re.search(r"\w", line) else ""


def _without_references(text: str) -> str:
    return SKIP.sub("", NUMBERS.sub("", REFERENCE.sub("", text))).rstrip()
