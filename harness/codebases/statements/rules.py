"""Rules of statements by version: what is taken out of messages and news, as expressions.

A manifest names the version that made its statements, so that those of a released sequence stay
what they are while later rules are better. Versions are never changed, only added.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from seqswe.errors import ManifestError

TRAILER = re.compile(r"^[A-Z][A-Za-z]*(?:-[A-Za-z]+)+: \S")
"""`Co-authored-by: x` and the like. One word before the colon is prose ("Fix: ...")."""
MERGE = re.compile(
    r"^(?:Merged?\b.*?\b(?:branch|branches|pull request|remote|tag|commit|into|from|PR|"
    r"stable|main|master)\b|Merge\b\s*$|Merge (?:#\d+|[\w./-]+)\s*$)"
)
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
NUMBER = r"(?:(?i:gh|pr|issue|bug)[ -]?)?\#\d{1,9}"
REFERENCE = r"""(?ix)
    [\s,;.–-]*\(?\s*
    \b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?|refs?|references|re|relates?\ to|see)\b\s*:?\s+
    (?:(?:issues?|bug)\s+)?
    (?:\#|(?:gh|pr)-|https?://\S+/(?:issues|pull)/)\d{1,9}\S{0,60}?
    (?:\s*(?:%s)\s*\#\d{1,9})*
    \s*\)?(?=[.,;:!?]?(?:\s|$))
    """
"""`fixes #12`, also in parentheses, with what joins it to the sentence before."""
PICKED = re.compile(r"^\(cherry picked from commit \w+\)|^git-svn-id:|^This reverts commit \w+\.?$")
CHATTER = r"""(?ix)^(?:[*+-]\s+)?(?:
      (?:pr|code|review|reviewer'?s?)?\s*(?:feedback|comments?|suggestions?|nits?)
    | %(answers)s
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
    | %(merges)s
    | \[?pre-commit.{0,60}
    | update\ [\w./-]+\.\w{1,5}
    )[.!…]*$"""
"""What is said to a reviewer, or of the way to the fix, and not of what it mends."""
ANSWERS = r"""(?:address|apply|incorporate|resolve|fix|implement)\w*\b.{0,40}
      \b(?:feedback|comments?|suggestions?|nits?|review|conflicts?|code\ review)
    | fix(?:up|ed|es)?!?\ .{0,20}
      \b(?:ci|lint(?:ing|er)?|typos?|style|flake8?|tests?|mypy|format(?:ting)?)
      (?:\ \(\w+\)|\ issues?)?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What no user who reports a problem would write, and what is made of news."""

    version: int
    merge: re.Pattern[str]
    """The line that git or a host writes for a merge, on a commit with several parents."""
    only_merges: re.Pattern[str]
    """The same, on a commit with one."""
    tags: tuple[re.Pattern[str], ...]
    """What may stand before a title: kind and scope of a change, a name in brackets."""
    numbers: re.Pattern[str]
    """Numbers in parentheses."""
    reference: re.Pattern[str]
    noise: tuple[re.Pattern[str], ...]
    """Whole lines: trailers, what git writes."""
    chatter: re.Pattern[str]
    branch_list: int
    """Paragraphs of one item each (`* x`) that are the list of a branch's commits."""
    keeps_code: bool
    """Whether lines of code stay as they are: those without a word, and those in a fence."""
    whole_entries: bool
    """Whether an entry of news that was wrapped anew is known by all of its words, and a heading's
    underline and folders of tests are no news."""


VERSION_2 = Rules(
    version=2,
    merge=MERGE,
    only_merges=MERGE,
    tags=TAGS,
    numbers=re.compile(rf"\s*\((?:\s*{NUMBER}\s*(?:,|and|&)?)+\)", re.VERBOSE),
    reference=re.compile(REFERENCE % ",|and|&"),
    noise=(TRAILER, PICKED, re.compile(r"^[-=_*]{3,}$")),
    chatter=re.compile(
        CHATTER
        % {
            "answers": ANSWERS,
            "merges": r"merged?\ .{0,80}\b(?:branch|master|main|into|from)\b.*",
        }
    ),
    branch_list=1,
    keeps_code=False,
    whole_entries=False,
)
"""A title that tells what is merged or commented on was taken for a merge or an answer."""

SMALL = (
    r"(?:(?:the|all|some|more|a|few|pr|code|review|reviewer'?s?|remaining|failing|merge|unit)\ )"
)
FORMS_OF_MERGES = (
    r"(?:remote-tracking\ )?branch(?:es)?\b|pull\ request\b|pr\b(?!\ \d+:\ \S)|commit\b|tag\ '|"
    r"(?:up)?stream\b|origin/|(?:master|main|develop|trunk)(?:\ (?:in)?to\b|\ from\b|$)|"
    r"\S+\ (?:in)?to\ (?:master|main|develop|trunk)\b"
)
VERSION_3 = replace(
    VERSION_2,
    version=3,
    only_merges=re.compile(
        rf"^Merged?\b(?:\ (?:{FORMS_OF_MERGES})|\ in\ \S+\ \(pull\ request|\s*$|\ \#\d+\s*$)",
        re.IGNORECASE | re.VERBOSE,
    ),
    tags=(
        re.compile(r"^Merged PR \d{1,9}:\s*"),
        re.compile(
            rf"^(?:{KINDS}|fea|fix\w{{1,4}}|revert|infra|release|security)"
            r"(?:[ /-]\w{1,15})?!{0,2}\s?\([^()\n]{1,80}\)!{0,2}\s*:\s*",
            re.IGNORECASE,
        ),
        *TAGS[1:3],
        re.compile(r"^\[[A-Z][A-Z0-9 ,/_-]{1,30}\]\s*:?\s*"),
        re.compile(r"^\[#?[A-Za-z][\w.#-]*(?:[ /|][\w.#-]+)?\]\s*:?\s*"),
        TAGS[4],
        re.compile(r"^(?:gh|bpo|pr|issue|bug|ticket)[ -]?#?\d{1,9}\s*[:,-]\s+", re.IGNORECASE),
        *TAGS[5:],
    ),
    numbers=re.compile(
        r"\s*[(\[](?:\s*`?(?:(?:(?:gh|pr|issue|bug)[ -]?|[\w.-]{1,40}/[\w.-]{1,60})?\#|gh-|bpo-)"
        r"\d{1,9}(?:`_{0,2})?\s*(?:,\s*and\b|,|\band\b|&)?)+\s*[)\]](?!\()",
        re.VERBOSE | re.IGNORECASE,
    ),
    reference=re.compile(REFERENCE % r",\s*and|,|and|&"),
    noise=(
        *VERSION_2.noise,
        re.compile(r"(?i)^(?:co-authored|signed-off|reviewed|acked|tested|reported|suggested)-by:"),
        re.compile(
            r"(?i)^\(?(?:back-?ported|cherry[ -]picked) from |^--HG(?:--)?$|^(?:branch|extra) : \S|"
            r"^This reverts commit \w+, reversing$|^changes made to \w+\.?$|"
            r"^See merge request \S+!\d+$|^(?:Differential Revision|Pull Request resolved): \S+$"
        ),
    ),
    chatter=re.compile(
        CHATTER
        % {
            "answers": rf"""(?:address|apply|incorporate|resolve|fix|implement)\w*\ {SMALL}{{0,3}}
      (?:feedback|comments?|suggestions?|nits?|review|conflicts?)
      (?:\ (?:from|by)\ .{{1,40}})?
    | fix(?:up|ed|es)?!?\ (?:{SMALL}{{0,3}}(?:style|format(?:ting)?)
      |(?:(?!and\ )[\w.-]{{1,20}}\ ){{0,3}}
        (?:ci|lint(?:ing|er)?|typos?|flake8?|(?:unit)?tests?|mypy))
      (?:\ \(\w+\)|\ (?:issues?|errors?))?""",
            "merges": rf"merged?\ (?:{FORMS_OF_MERGES}).*",
        }
    ),
    branch_list=2,
    keeps_code=True,
    whole_entries=True,
)
LATEST = VERSION_3
VERSIONS: Mapping[int, Rules] = {rules.version: rules for rules in (VERSION_2, VERSION_3)}


def rules_of(version: int, name: str) -> Rules:
    """The rules of a version that a manifest names. Raises ManifestError for one that is not kept.

    name: of the codebase, for the message.
    """
    if version not in VERSIONS:
        raise ManifestError(
            f"{name}: its statements were made by rules {version}, this SeqSWE knows those of "
            f"{', '.join(map(str, VERSIONS))}",
            f"`seqswe statements {name} --renew` makes them anew; nothing is validated again.",
        )
    return VERSIONS[version]
