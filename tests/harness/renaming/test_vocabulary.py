"""The program that looks for names in a sandbox's Python and packages."""

import sys

import pytest

from harness.renaming.inside import vocabulary

WANTED = {"fold_rows", "row_list", "row_count", "key_row", "RowFolder", "said_only", "local_row"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def fold_rows(row_list, *, key_row=1): pass\n", {"fold_rows", "row_list", "key_row"}),
        ("class RowFolder: pass\n", {"RowFolder"}),
        ("x.row_count\ncall(key_row=2)\n", {"row_count", "key_row"}),
        ("# said_only\n'said_only'\n'x.said_only'\n", set()),
        ("local_row = 1\n", set()),
        ("def fold_rows(:\n", set()),
    ],
)
def test_names_of_a_module(tmp_path, text, found):
    path = tmp_path / "a.py"
    path.write_text(text)
    assert vocabulary.of_file(str(path), WANTED) == found


def test_a_file_that_is_not_there_has_none(tmp_path):
    assert vocabulary.of_file(str(tmp_path / "gone.py"), WANTED) == set()


def test_modules_without_source_count_too():
    assert vocabulary.of_built_in_modules({"getsizeof", "fold_rows"}) == {"getsizeof"}


def test_neither_the_checkout_nor_the_codebases_own_packages_count(tmp_path, monkeypatch):
    for path in (
        "site/other/a.py",
        "site/tiny/b.py",
        "site/tiny.py",
        "here/c.py",
        "site/test/d.py",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("1\n")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", ["", str(tmp_path / "here"), str(tmp_path / "site"), "gone"])
    found = list(vocabulary.modules({"tiny", *vocabulary.LEFT_OUT}))
    assert found == [str(tmp_path / "site" / "other" / "a.py")]
