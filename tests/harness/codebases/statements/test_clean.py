"""What is taken out of a message, and what stays."""

import time

import pytest

from harness.codebases.statements.clean import (
    MOST,
    clean_message,
    clean_title,
    closed_issues,
    title_of,
)
from harness.codebases.statements.rules import VERSIONS, rules_of
from seqswe.errors import ManifestError


@pytest.mark.parametrize(
    ("title", "left"),
    [
        ("fix(duckdb): keep the alias", "keep the alias"),
        ("Fix(optimizer)!: keep the alias (#5230)", "keep the alias"),
        ("fix!(postgres, duckdb): keep the alias [CODEX] (#8237)", "keep the alias"),
        ("feat(optimizer)!:annotate Left", "annotate Left"),
        ("[parser] Fix: keep the alias", "keep the alias"),
        (":bug: keep the alias", "keep the alias"),
        ("#606 Keep the alias", "Keep the alias"),
        ("keep the alias #17", "keep the alias"),
        ("Keep the alias (fixes #3, #4)", "Keep the alias"),
        ("Keep the alias, closes #5843", "Keep the alias"),
        ("Keep the alias (closes https://github.com/x/y/issues/5)", "Keep the alias"),
        ("Fix _last_id after opening an old file", "Fix _last_id after opening an old file"),
        ("JSONStorage: separate the two", "JSONStorage: separate the two"),
        ("Negate a term with not:", "Negate a term with not:"),
        ("-1 is refused", "-1 is refused"),
        ("call f(x): it fails", "call f(x): it fails"),
        ("_ensure(bad input type): raise", "_ensure(bad input type): raise"),
        ("[1, 2] is parsed wrongly", "[1, 2] is parsed wrongly"),
        ("[TST, BUG]: keep the alias", "keep the alias"),
        ("Refactor(parser)!!: keep the alias", "keep the alias"),
        ("gh-123: keep the alias", "keep the alias"),
        ("Issue #123: keep the alias", "keep the alias"),
        ("404: the page is blank", "404: the page is blank"),
        ("Merged PR 12: keep the alias", "keep the alias"),
        ("Keep the alias (GH-456)", "Keep the alias"),
        ("Keep the alias [#123]", "Keep the alias"),
        ("Keep the alias (`#1`_, `#2`_)", "Keep the alias"),
        ("Keep the alias (a/b#12)", "Keep the alias"),
        ("Keep the alias (fixes #1, #2, and #3)", "Keep the alias"),
        ("See [#1](http://x)", "See [#1](http://x)"),
        ("Fixed time formatting", "Fixed time formatting"),
        ("Fix grouping of comments (fixes #772).", "Fix grouping of comments."),
        ("Fix the plugin and tests", "Fix the plugin and tests"),
        ("Fix PyPy tests", ""),
        ("Fix merge conflicts", ""),
        ("PR feedback", ""),
        ("address review comments", ""),
        ("wip", ""),
        ("Update core.py", ""),
        ("(#12)", ""),
    ],
)
def test_titles(title, left):
    assert clean_title(title) == left


@pytest.mark.parametrize(
    ("title", "left"),
    [
        ("call f(x): it fails", "it fails"),
        ("Fixed time formatting", ""),
        ("Keep the alias (GH-456)", "Keep the alias (GH-456)"),
        ("fix(duckdb): keep the alias (#5)", "keep the alias"),
    ],
)
def test_what_was_released_is_told_by_the_rules_of_then(title, left):
    assert clean_title(title, VERSIONS[2]) == left


def test_rules_that_are_not_kept_are_refused():
    assert rules_of(2, "tiny").version == 2
    for version in (0, 1, max(VERSIONS) + 1):
        with pytest.raises(ManifestError, match=f"rules {version}") as caught:
            rules_of(version, "tiny")
        assert "statements tiny --renew" in caught.value.hint


@pytest.mark.parametrize(
    "line",
    [
        *("Signed-off-by: A <a@x>", "Co-authored-by: B <b@x>", "Reviewed-By: C", "Change-Id: I12"),
        *("---------", "Closes #7", "(cherry picked from commit 0123abc)", "* PR feedback"),
        *("signed-off-by: a <a@x>", "--HG--", "branch : trunk", "See merge request group/x!12"),
        *("This reverts commit 0123abc, reversing", "(backported from commit 0123abc)"),
        *("* fix linting", "- add tests", "Apply suggestions from code review", "[skip ci]"),
    ],
)
def test_lines_that_no_user_would_write(line):
    assert clean_message(f"Mend a\n\nWhy.\n{line}\n") == "Mend a\n\nWhy.\n"


@pytest.mark.parametrize(
    "line",
    [
        "Fix: the parser",
        "Note: x",
        "see http://x",
        "- a-b: c",
        "* first\n* second",
        "a#7 b",
        "#!/x",
    ],
)
def test_prose_stays(line):
    assert line in clean_message(f"Mend a\n\n{line}\n")


def test_the_list_of_a_squashed_branch_goes_with_what_follows():
    message = "Keep the alias (#5)\n\nWhy.\n\n* keep the alias\n\nMore.\n\n* Refactor\n"
    assert clean_message(message) == "Keep the alias\n\nWhy.\n"


def test_one_item_is_no_list_of_a_branch():
    message = "Keep the alias\n\n* The first point.\n\nWhy it matters.\n"
    assert clean_message(message) == message


CODE = """\
Reproduce:

    foo(
        a,
    )

```
---
tests
```

It says [
]
"""


def test_code_stays_as_it_is():
    message = f"Keep the alias\n\n{CODE}"
    assert clean_message(message) == message
    assert "    )" not in clean_message(message, VERSIONS[2])
    # A fence that is never closed opens nothing.
    assert clean_message("Keep it\n\n```\nx\nChange-Id: I12\n") == "Keep it\n\nx\n"


@pytest.mark.parametrize(
    "line",
    [
        "Merge pull request #12 from someone/fix-1",
        "Merge branch '8.0.x'",
        "Merge branch 'main' into stable",
        "Merge remote-tracking branch 'origin/main'",
        "Merge",
    ],
)
def test_of_a_merge_only_what_its_author_wrote_is_left(line):
    for merges in (True, False):
        assert clean_message(line, merges=merges) == ""
        text = clean_message(f"{line}\n\nKeep the alias\n\nWhy.", merges=merges)
        assert text == "Keep the alias\n\nWhy.\n"


@pytest.mark.parametrize(
    "title",
    [
        "Merge adjacent spans",
        "Merge into node interpolation is now by value",
        "Merge load_from and dump_to into data_key",
        "Merge mark_ends",
        "Merge tags from config",
    ],
)
def test_a_sentence_about_merging_is_no_merge(title):
    assert clean_message(title) == f"{title}\n"


def test_a_long_line_without_a_blank_has_a_title():
    assert title_of("語" * 500) == "語" * 120 + " …\n"


def test_numbers_that_are_closed():
    assert closed_issues("closes #6, Fixes: #7, resolved #8; see #9, prefixes #10") == [6, 7, 8]


@pytest.mark.parametrize(
    "text",
    ["x" * 10_000_000, " " * 5_000_000 + "x", "(#1" * 2_000_000, "fix " * 500_000, "[" * 900_000],
)
def test_a_hostile_message_costs_no_time(text):
    start = time.process_time()
    for message in (text, f"t\n\n{text}", "\n".join([text[:900]] * 100)):
        assert len(clean_message(message)) <= MOST + 1
    assert time.process_time() - start < 2
