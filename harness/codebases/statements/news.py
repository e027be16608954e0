"""Entries that a fix adds for its users: fragments of news (towncrier and alike), changelogs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from harness.codebases.statements.clean import LONGEST_LINE, bounded, without_tags
from harness.codebases.statements.rules import LATEST, Rules
from harness.grading.patch import Part

FOLDERS = frozenset(
    {
        *("news", "newsfragments", "newsfragment", "changes", "changes.d", "changelog"),
        *("changelogs", "changelog.d", "changelog_entries", "upcoming_changes", "unreleased"),
        "fragments",
    }
)
"""Names of folders that hold a file of news for each change."""
NO_NEWS = frozenset({"test", "tests", "testing", "testdata", "fixtures"})
"""Folders in which a file of any name is there for tests."""
UNDERLINE = re.compile(r"^([-=~^*+#\"'`.:_])\1{2,}$")
"""Of a heading, as reStructuredText and Markdown have it."""
FRAGMENT = re.compile(r"^\+?[\w-]{1,60}(?:\.[a-z]\w{0,20})?(?:\.\d{1,3})?(?:\.(?:rst|md|txt))?$")
"""`123.bugfix.rst`, `+anything.feature.md`, `123-user.md`, `123.misc`."""
CHANGELOGS = re.compile(
    r"^(?:changes|change[-_]?log|history|news|release[-_]?notes?|releases|what'?s[-_]?new)$", re.I
)
TEXTS = ("", ".rst", ".md", ".txt")
BULLET = re.compile(r"^( {0,4})[-*+•]\s+(?=\S)")
ROLES_OF_NUMBERS = re.compile(
    r",?\s*:(?:issues?|pr|pull|ghpull|ghissue|gh|bug|user|github-user|commit):`[^`\n]{1,80}`"
)
ROLE = re.compile(r":(?:[\w-]+:)?[\w-]+:`[~!]?([^`<\n]{1,120}?)(?:\s*<[^>`\n]*>)?`")
LINKED_NUMBER = re.compile(r",?\s*\(?\[?`{0,2}\[?#\d{1,9}\]?(?:\([^)\s]{1,200}\)|\s*<[^>]*>`_+)\)?")
LINK = re.compile(
    r"\s*\(?(?:see\s+)?`+[^`<\n]{0,60}<https?://[^>\s]*/(?:issues|pull)/\d+>`_*\)?", re.I
)
"""A link to an issue, as reStructuredText has it."""
CREDIT = re.compile(r"\s*\((?:thanks|by|contributed by|via|patch by)\b[^()]{1,120}\)\.?", re.I)
NUMBER = re.compile(r"(?<![\w&])#(\d{1,9})\b|:(?:issues?|bug|ghissue):`\D{0,20}(\d{1,9})")
MOST_ENTRIES = 5
"""Of more, the commit is a release or a collection, and none of them is its statement."""


def fragment_of(parts: Sequence[Part], rules: Rules = LATEST) -> str:
    """The text of the fragments that a fix adds; "" if there is none."""
    texts = [_entry(_added(part), rules) for part in parts if _is_fragment(part, rules)]
    return _joined([text for text in texts if text])


def changelog_of(parts: Sequence[Part], rules: Rules = LATEST) -> str:
    """The entries that a fix adds to a changelog; "" if there is none, or too many."""
    return _joined([_entry(entry.split("\n"), rules) for entry in _entries(parts, rules)])


def issues_in_news(parts: Sequence[Part], rules: Rules = LATEST) -> list[int]:
    """Numbers that the news of a fix name, in their order."""
    numbers = []
    for part in parts:
        if _is_fragment(part, rules):
            numbers += re.findall(r"^\+?(\d{1,9})\b", PurePosixPath(part.paths[-1]).name)
            numbers += _numbers("\n".join(_added(part)))
    for entry in _entries(parts, rules):
        numbers += _numbers(entry)
    return [int(number) for number in numbers]


def _numbers(text: str) -> list[str]:
    return [a or b for a, b in NUMBER.findall(text)]


def _joined(entries: Sequence[str]) -> str:
    unique = list(dict.fromkeys(entries))
    return bounded("\n\n".join(unique)) if len(unique) <= MOST_ENTRIES else ""


def _is_fragment(part: Part, rules: Rules) -> bool:
    path = PurePosixPath(part.paths[-1])
    folders = {folder.lower() for folder in path.parent.parts}
    if rules.whole_entries and folders & NO_NEWS:
        return False
    return (
        "\nnew file mode 100" in part.text.partition("\n@@")[0]
        and bool(folders & FOLDERS)
        and FRAGMENT.match(path.name) is not None
        and path.suffix not in (".py", ".cfg", ".toml", ".yml", ".html", ".j2", ".jinja2")
        and path.stem.lower() not in ("readme", "template", "index")
    )


def _is_changelog(part: Part) -> bool:
    path = PurePosixPath(part.paths[-1])
    stem = path.name.removesuffix(path.suffix) if path.suffix in TEXTS else path.name
    return path.suffix in TEXTS and CHANGELOGS.match(stem) is not None


def _added(part: Part) -> list[str]:
    _, _, hunks = part.text.partition("\n@@")
    lines = (line for line in hunks.split("\n") if len(line) <= LONGEST_LINE)
    return [line[1:].rstrip() for line in lines if line.startswith("+")]


def _entries(parts: Sequence[Part], rules: Rules) -> list[str]:
    """Raw entries of changelogs, without those that only moved."""
    found: list[str] = []
    for part in filter(_is_changelog, parts):
        _, _, hunks = part.text.partition("\n@@")
        removed = [_words(line[1:]) for line in hunks.split("\n") if line.startswith("-")]
        gone, before = set(removed), " ".join(["", *removed, ""])
        # Moved to another section, or wrapped anew, an entry is not one of this fix.
        for entry in _entries_of(hunks):
            wrapped = rules.whole_entries and f" {_words(entry)} " in before
            if not wrapped and _words(entry.split("\n")[0]) not in gone:
                found.append(entry)
    return found


def _words(line: str) -> str:
    return " ".join(re.findall(r"\w+", line))


def _entries_of(hunks: str) -> Iterator[str]:
    """Bullets that are added, each with the added lines that are indented below it."""
    entry: list[str] = []
    indent = 0
    for line in [*hunks.split("\n"), "@@"]:
        added = line.startswith("+") and len(line) <= LONGEST_LINE
        text = line[1:].rstrip()
        bullet = BULLET.match(text) if added else None
        deeper = added and (not text or len(text) - len(text.lstrip()) > indent)
        if entry and deeper and not (bullet and len(bullet[1]) <= indent):
            entry.append(text)
            continue
        if entry:
            yield "\n".join(entry)
        entry, indent = ([text], len(bullet[1])) if bullet else ([], 0)


def _entry(lines: Sequence[str], rules: Rules) -> str:
    """An entry as a text: no bullet, no numbers, roles of reStructuredText as code."""
    if rules.whole_entries:
        lines = [line for line in lines if not UNDERLINE.match(line)]
    text = "\n".join(lines).strip("\n")
    text = BULLET.sub("", text)
    for noise in (ROLES_OF_NUMBERS, LINK, LINKED_NUMBER, rules.numbers, CREDIT):
        text = noise.sub("", text)
    text = without_tags(ROLE.sub(r"``\1``", text), rules)
    paragraphs = (" ".join(p.split()) for p in re.split(r"\n\s*\n", text))
    return "\n\n".join(p for p in paragraphs if re.search(r"\w\w", p))
