"""Entries that a fix adds, found in its patch."""

import pytest

from harness.codebases.statements.news import changelog_of, fragment_of, issues_in_news
from harness.codebases.statements.rules import VERSIONS
from harness.grading.patch import parts
from harness.history.git import Clone
from harness.history.walk import diff
from tests.harness.projects import commit

HEAD = "Changes\n=======\n\nVersion 2\n---------\n\nUnreleased\n\n"
OLD = "-   Something old, of\n    two lines. :issue:`3`\n"


def parts_of(folder, before, after):
    base = commit(folder, before, day=0)
    return parts(diff(Clone(folder), base, commit(folder, after, day=1)))


def added(folder, text, name="CHANGES.rst"):
    return parts_of(folder, {name: HEAD + OLD}, {name: HEAD + OLD + text})


def test_an_entry_of_a_changelog_is_one_paragraph_without_numbers(tmp_path):
    entry = "-   :class:`~x.Path` takes ``b``,\n    also :meth:`go`. :issue:`12`\n    :pr:`13`\n"
    found = added(tmp_path, entry)
    assert changelog_of(found) == "``x.Path`` takes ``b``, also ``go``.\n"
    assert issues_in_news(found) == [12]


@pytest.mark.parametrize("name", ["CHANGELOG.md", "docs/history.rst", "NEWS", "docs/changes.txt"])
def test_names_of_changelogs(tmp_path, name):
    assert (
        changelog_of(added(tmp_path, "* Fix: mend it ([#4](https://x/4))\n", name)) == "mend it\n"
    )


@pytest.mark.parametrize("name", ["changes.py", "docs/changing.rst", "renews.md", "history/a.rst"])
def test_other_files_are_no_changelogs(tmp_path, name):
    assert changelog_of(added(tmp_path, "- Mend it\n", name)) == ""


def test_more_entries_than_one_change_has_are_a_release(tmp_path):
    assert (
        changelog_of(added(tmp_path, "".join(f"- Mend {n}\n" for n in range(5)))).count("Mend") == 5
    )
    other = tmp_path / "other"
    assert changelog_of(added(other, "".join(f"- Mend {n}\n" for n in range(6)))) == ""


def test_a_heading_alone_is_no_entry(tmp_path):
    assert changelog_of(added(tmp_path, "\nVersion 1\n---------\n\nReleased today.\n")) == ""


def test_an_entry_that_was_wrapped_anew_is_not_of_this_fix(tmp_path):
    before = {"NEWS": HEAD + "- Old entry that\n  was wrapped anew here\n"}
    after = {"NEWS": HEAD + "- Old entry that was\n  wrapped anew here\n"}
    found = parts_of(tmp_path, before, after)
    assert changelog_of(found) == ""
    assert changelog_of(found, VERSIONS[2]) == "Old entry that was wrapped anew here\n"


def test_an_entry_that_moved_or_grew_is_not_of_this_fix(tmp_path):
    after = HEAD + "Version 1\n---------\n\n" + OLD
    assert changelog_of(parts_of(tmp_path, {"NEWS": HEAD + OLD + "\n"}, {"NEWS": after})) == ""
    other = tmp_path / "other"
    assert changelog_of(added(other, "    and a third line\n", "NEWS")) == ""


@pytest.mark.parametrize(
    ("name", "issues"),
    [
        ("news/12.bugfix.rst", [12, 13]),
        ("newsfragments/12.bugfix", [12, 13]),
        ("changes/12-someone.md", [12, 13]),
        ("changelog.d/+a.fix.md", [13]),
    ],
)
def test_a_fragment_is_the_statement(tmp_path, name, issues):
    found = parts_of(tmp_path, {"a": "1"}, {name: "Mend :func:`go`,\nalways. (#13)\n"})
    assert fragment_of(found) == "Mend ``go``, always.\n"
    assert issues_in_news(found) == issues


@pytest.mark.parametrize("name", ["news/README.rst", "news/x.py", "other/12.bugfix.rst"])
def test_other_new_files_are_no_fragments(tmp_path, name):
    assert fragment_of(parts_of(tmp_path, {"a": "1"}, {name: "Mend it\n"})) == ""


def test_a_fragment_that_is_only_changed_is_of_an_earlier_fix(tmp_path):
    name = "news/12.bugfix.rst"
    assert fragment_of(parts_of(tmp_path, {name: "Mend it\n"}, {name: "Mend it all\n"})) == ""
