"""The problem statement: an issue where it was there in time, else the message without names."""

from datetime import UTC, datetime, timedelta

import pytest

from harness.codebases.statement import Issue, load_issues, statement_of, without_trailers
from harness.history.git import Clone
from seqswe.errors import SeqSWEError
from tests.harness.projects import commit

START = datetime(2024, 1, 1, tzinfo=UTC)


def issue(day):
    return Issue(title="It breaks", body="Here.", created_at=START + timedelta(days=day))


@pytest.fixture
def clone(tmp_path):
    commit(tmp_path, {"a": "1"}, "base", day=10)
    return Clone(tmp_path)


def statement(clone, message, issues):
    base = clone.run("rev-parse", "HEAD").strip()
    return statement_of(clone, base, commit(clone.path, {"a": "2"}, message, day=20), issues)


def test_an_issue_that_was_open_before_the_base_is_the_statement(clone):
    told = statement(clone, "Mend a\n\nFixes #7", {7: issue(9)})
    assert told == ("It breaks\n\nHere.\n", "issue:7")


@pytest.mark.parametrize("day", [10.001, 15, 20, 30])
def test_an_issue_written_after_the_base_is_of_the_future(clone, day):
    told = statement(clone, "Mend a\n\nFixes #7", {7: issue(day)})
    assert told == ("Mend a\n\nFixes #7\n", "commit")


def test_the_first_issue_in_time_is_taken(clone):
    issues = {7: issue(15), 8: issue(5)}
    assert statement(clone, "closes #6, fixes #7, resolved: #8", issues)[1] == "issue:8"


@pytest.mark.parametrize("message", ["See #7", "prefixes #7", "Fix 7", "fix#7"])
def test_a_number_that_is_only_mentioned_is_not_taken(clone, message):
    assert statement(clone, message, {7: issue(1)})[1] == "commit"


@pytest.mark.parametrize(
    "line",
    ["Signed-off-by: A <a@x>", "Co-authored-by: B <b@x>", "Reviewed-By: C", "Change-Id: I12"],
)
def test_names_of_people_are_left_out(line):
    assert without_trailers(f"Mend a\n\nWhy.\n\n{line}\n") == "Mend a\n\nWhy.\n"


@pytest.mark.parametrize(
    "line", ["Fix: the parser", "Note: x", "see http://x", "- a-b: c", "a-b:c"]
)
def test_prose_with_a_colon_stays(line):
    assert line in without_trailers(f"Mend a\n\n{line}\n")


def test_issues_are_read_from_lines_of_json(tmp_path):
    path = tmp_path / "issues.jsonl"
    when = '"created_at": "2024-01-01T00:00:00Z"'
    path.write_text('{"number": 7, "title": "T", "body": null, ' + when + "}\n")
    assert load_issues(path) == {7: Issue(title="T", body="", created_at=START)}
    assert load_issues(None) == {}


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"number": 7}', '{"number": 7, "title": "T", "body": "", "created_at": "2024"}'],
)
def test_a_line_of_another_form_is_named(tmp_path, line):
    path = tmp_path / "issues.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(SeqSWEError, match="line 1"):
        load_issues(path)
