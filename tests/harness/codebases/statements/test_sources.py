"""Which source is taken, and that it is found again by its name alone."""

from datetime import UTC, datetime, timedelta

import pytest

from harness.codebases.mining import mine, texts_of
from harness.codebases.statements.issues import Issue, load_issues
from harness.history.git import Clone
from seqswe.errors import SeqSWEError
from tests.harness.projects import commit, git, manifest_of

START = datetime(2024, 1, 1, tzinfo=UTC)
FILES = {"tiny/a.py": "2\n", "tests/test_a.py": "2\n"}


def issue(day):
    return Issue(title="It breaks", body="Here.", created_at=START + timedelta(days=day))


@pytest.fixture
def folder(tmp_path):
    commit(tmp_path, {"tiny/a.py": "1\n", "tests/test_a.py": "1\n", "NEWS": "- Old\n"}, day=10)
    return tmp_path


def mined(folder, issues=None):
    return mine(Clone(folder), manifest_of(folder), issues or {})


def told(folder, message="Mend a", files=None, issues=None):
    """Statement and source of a commit, made at mining and again from the source."""
    commit(folder, {**FILES, **(files or {})}, message, day=20)
    return same(folder, issues)


def same(folder, issues=None):
    record = mined(folder, issues).records[-1]
    texts = texts_of(Clone(folder), manifest_of(folder), record, issues or {})
    assert texts.digests == record.digests
    return texts.statement, record.statement_source


def test_an_issue_that_was_open_before_the_base_is_the_statement(folder):
    assert told(folder, "Fixes #7", issues={7: issue(9)}) == ("It breaks\n\nHere.\n", "issue:7")


@pytest.mark.parametrize("day", [10.001, 15, 20, 30])
def test_an_issue_written_after_the_base_is_of_the_future(folder, day):
    found = told(folder, "Mend a\n\nFixes #7", issues={7: issue(day)})
    assert found == ("Mend a\n", "commit")


def test_the_first_issue_in_time_is_taken(folder):
    issues = {7: issue(15), 8: issue(5)}
    assert told(folder, "closes #6, fixes #7, resolved: #8", issues=issues)[1] == "issue:8"


def test_news_name_an_issue_too(folder):
    found = told(folder, files={"news/8.bugfix.rst": "Mend it"}, issues={8: issue(5)})
    assert found[1] == "issue:8"


@pytest.mark.parametrize("message", ["See #7", "prefixes #7", "Fix 7", "fix#7"])
def test_a_number_that_is_only_mentioned_is_not_taken(folder, message):
    assert told(folder, f"Mend a\n\n{message}", issues={7: issue(1)})[1] == "commit"


def test_a_fragment_comes_before_a_changelog_and_that_before_the_message(folder):
    files = {"NEWS": "- Old\n- In the changelog\n"}
    assert told(folder, files=files) == ("In the changelog\n", "changelog")
    files = {"NEWS": "- More\n- Old\n", "news/1.bugfix.rst": "In the fragment"}
    files |= {"tiny/a.py": "3\n", "tests/test_a.py": "3\n"}
    assert told(folder, files=files) == ("In the fragment\n", "fragment")


def test_the_text_of_a_squashed_pull_request(folder):
    found = told(folder, "fix(a): mend a (#12)\n\nIt broke.\n\n* mend\n\n* PR feedback\n")
    assert found == ("mend a\n\nIt broke.\n", "pull")


def merge(folder, message, commits):
    """Commits on a branch, merged into main."""
    git(folder, "checkout", "-q", "-b", "branch")
    for number, text in enumerate(commits):
        extra = {"tiny/a.py": f"{number + 2}\n", "tests/test_a.py": f"{number + 2}\n"}
        commit(folder, extra, text, day=15)
    git(folder, "checkout", "-q", "main")
    git(folder, "merge", "-q", "--no-ff", "-m", message, "branch", day=20)


PULL = "Merge pull request #12 from someone/branch"


def test_a_merged_pull_request_has_its_title_and_the_texts_of_its_commits(folder):
    commits = ["fix(a): mend a\n\nIt broke.", "lint", "Mend b too"]
    merge(folder, f"{PULL}\n\nMend them", commits)
    assert same(folder) == ("Mend them\n\nmend a\n\nIt broke.\n", "merge")


def test_without_a_title_it_is_that_of_its_first_commit(folder):
    merge(folder, PULL, ["fix(a): mend a (#3)", "Mend b too"])
    assert same(folder) == ("mend a\n", "merge")


def test_a_merged_branch_tells_all_its_commits(folder):
    merge(folder, "Merge branch '8.0.x'", ["Mend a", "Mend b"])
    assert same(folder) == ("Mend a\n\nMend b\n", "merge")


@pytest.mark.parametrize("commits", [["wip", "PR feedback"], [f"Mend {n}" for n in range(6)]])
def test_a_merge_that_says_nothing_of_one_change_is_no_task(folder, commits):
    merge(folder, "Merge branch 'main' into stable", commits)
    found = mined(folder)
    assert not found.records
    assert found.skipped["only merges"] == 1


def test_a_commit_that_says_nothing_is_no_task(folder):
    commit(folder, FILES, "wip (#12)", day=20)
    assert mined(folder).skipped["its message says nothing"] == 1


def test_sources_are_counted(folder):
    commit(folder, FILES, "Mend a", day=20)
    commit(folder, {"tiny/a.py": "3\n", "tests/test_a.py": "3\n"}, "Fixes #7", day=21)
    assert mined(folder, {7: issue(1)}).statements == {"commit": 1, "issue": 1}


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
