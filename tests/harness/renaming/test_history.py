"""The renamed history: the same at every commit under one mapping, and silent about old names."""

import ast
import shutil
from itertools import pairwise

import pytest

from harness.codebases.project_version import version_from_tags
from harness.codebases.renamed import survey_of
from harness.history.git import Clone
from harness.history.objects import Objects
from harness.renaming.history import BRANCH, Window, files_of, line_of, renamed_clone
from harness.renaming.names import WORD, Names
from harness.renaming.pseudonyms import pseudonyms
from seqswe.errors import MissingError
from tests.harness.projects import commit, git


def window_of(clone, manifest):
    records = [record for record in manifest.instances if not record.bug]
    return Window(first=records[0].base_commit, last=records[-1].gold_commit)


@pytest.fixture(scope="module")
def demo(clone, ledgerlite, tmp_path_factory):
    """The demo codebase, its window, a mapping of what may change, and its renamed clone."""
    window = window_of(clone, ledgerlite)
    survey = survey_of(clone, ledgerlite.layout, window)
    free = [name for name, why in survey.sorted_out().items() if not why]
    names = pseudonyms(free, survey.words, 0)
    assert len(names.new) > 20
    target = tmp_path_factory.mktemp("renamed") / "clone"
    return clone, window, names, target, renamed_clone(clone, window, names, target)


def contents(clone, commit):
    with Objects(clone) as objects:
        return {
            f.path: (f.mode, objects.read(f.oid)) for f in files_of(objects, f"{commit}^{{tree}}")
        }


def test_every_commit_is_the_old_one_under_the_same_mapping(demo):
    clone, _, names, target, commits = demo
    for old, new in commits.items():
        before, after = contents(clone, old), contents(Clone(target), new)
        assert before.keys() == after.keys()
        for path, (mode, data) in before.items():
            assert after[path][0] == mode
            assert names.inverse.apply(after[path][1]) == data


def test_every_parse_tree_is_the_old_one_under_the_mapping(demo):
    clone, window, names, target, commits = demo
    compared = 0
    for old in (window.first, window.last):
        after = contents(Clone(target), commits[old])
        for path, (_, data) in contents(clone, old).items():
            if path.endswith(".py"):
                compared += data != after[path][1]
                back = names.inverse.apply(after[path][1])
                assert ast.dump(ast.parse(back)) == ast.dump(ast.parse(data))
                assert len(list(ast.walk(ast.parse(after[path][1])))) == len(
                    list(ast.walk(ast.parse(data)))
                )
    assert compared > 5


def test_no_renamed_name_is_in_a_string_that_is_a_value(demo):
    clone, _, names, _, commits = demo
    for old in commits:
        for path, (_, data) in contents(clone, old).items():
            if path.endswith(".py"):
                for node in values(ast.parse(data)):
                    assert not names.new.keys() & set(WORD_TEXT(node.value)), (path, node.value)


def WORD_TEXT(value):
    return [w.decode() for w in WORD.findall(value.encode("utf-8", "replace"))]


def values(tree):
    """Strings but for those that are a statement of their own, or in an annotation."""
    nodes = list(ast.walk(tree))
    left = {id(n.value) for n in nodes if isinstance(n, ast.Expr)}
    for node in nodes:
        for note in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            left |= {id(n) for n in ast.walk(note)} if note is not None else set()
    strings = (n for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return [n for n in strings if id(n) not in left]


def test_nothing_of_the_history_has_an_old_name(demo):
    _, _, names, target, commits = demo
    new = Clone(target)
    said = new.run("log", "--all", "--format=%B%an%ae%cn%ce", "-p", "--root", "--no-textconv")
    assert not names.new.keys() & set(WORD_TEXT(said))
    assert set(names.new.values()) & set(WORD_TEXT(said))
    assert set(new.run("rev-list", "--all").split()) == set(commits.values())
    assert not set(new.run("cat-file", "--batch-all-objects", "--batch-check").split()) & {*commits}


def test_it_begins_with_the_first_base_and_keeps_dates_and_authors(demo):
    clone, window, _, target, commits = demo
    new = Clone(target)
    assert new.first_parents(BRANCH)[0] == commits[window.first]
    assert new.run("rev-list", "--max-parents=0", "--all").split() == [commits[window.first]]
    assert list(commits) == line_of(clone, window)
    for old, renamed in commits.items():
        form = ("log", "-1", "--format=%an %ae %ad %cn %ce %cd")
        assert clone.run(*form, old) == new.run(*form, renamed)
    assert all(new.is_ancestor(a, b) for a, b in pairwise(commits.values()))


def test_the_same_names_give_the_same_ids(demo, tmp_path):
    clone, window, names, _, commits = demo
    assert renamed_clone(clone, window, names, tmp_path / "again") == commits
    assert renamed_clone(clone, window, names, tmp_path / "again") == commits
    assert renamed_clone(clone, window, Names({}), tmp_path / "other") != commits


def test_without_names_the_trees_are_the_old_ones(demo, tmp_path):
    clone, window, _, _, _ = demo
    commits = renamed_clone(clone, window, Names({}), tmp_path / "same")
    for old, new in commits.items():
        assert clone.run("rev-parse", f"{old}^{{tree}}") == Clone(tmp_path / "same").run(
            "rev-parse", f"{new}^{{tree}}"
        )


@pytest.fixture
def strange(tmp_path):
    """A history with strange paths, a link, removed files, a merge and tags."""
    folder = tmp_path / "clone"
    first = commit(folder, {"tiny/a.py": "fold_rows = 1\n", 'odd "name".txt': "x\n"}, day=0)
    git(folder, "tag", "v1.0")
    (folder / "link").symlink_to("tiny/a.py")
    (folder / "run.sh").write_text("x\n")
    (folder / "run.sh").chmod(0o755)
    commit(folder, {"gone.txt": "x\n", "b\nc.txt": "x\n"}, day=1)
    git(folder, "checkout", "-q", "-b", "side")
    commit(folder, {"side_rows.py": "fold_rows\n"}, "On fold_rows", day=2)
    git(folder, "tag", "v1.1")
    git(folder, "checkout", "-q", "main")
    commit(folder, {"gone.txt": None, "gone.txt/now": "a folder\n"}, day=3)
    git(folder, "merge", "-q", "--no-ff", "-m", "Merge fold_rows", "side", day=4)
    commit(folder, {"gone.txt/now": None}, day=5)
    (folder / "gone.txt").rmdir()
    last = commit(folder, {"gone.txt": "x\n"}, day=5)
    git(folder, "tag", "-a", "v1.2", "-m", "fold_rows", day=6)
    return folder, Window(first=first, last=last)


def test_strange_paths_modes_merges_and_tags(strange, tmp_path):
    folder, window = strange
    clone, names = Clone(folder), Names({"fold_rows": "gobu_lira"})
    commits = renamed_clone(clone, window, names, tmp_path / "new")
    new = Clone(tmp_path / "new")
    for old, renamed in commits.items():
        before, after = contents(clone, old), contents(new, renamed)
        assert {p: (m, names.apply(d)) for p, (m, d) in before.items()} == after
        assert version_from_tags(new, renamed) == version_from_tags(clone, old)
    assert "fold_rows" not in new.run("log", "--all", "-p", "--format=%B")
    assert version_from_tags(new, commits[window.last]) == "1.2"


def test_a_window_that_the_clone_lacks_is_said(strange, tmp_path):
    folder, window = strange
    lost = Window(first=window.first, last="1" * 40)
    with pytest.raises(MissingError, match="lacks"):
        renamed_clone(Clone(folder), lost, Names({}), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_was_begun_and_not_ended_is_made_anew(strange, tmp_path, monkeypatch):
    folder, window = strange
    for blob in (folder / ".git" / "objects").glob("*/*"):
        kept = blob.read_bytes()
        oid = blob.parent.name + blob.name
        if Clone(folder).run("cat-file", "-t", oid).strip() == "blob":
            blob.unlink()
            break
    with pytest.raises(MissingError, match="lacks the file"):
        renamed_clone(Clone(folder), window, Names({}), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    blob.write_bytes(kept)
    assert renamed_clone(Clone(folder), window, Names({}), tmp_path / "new")
    shutil.rmtree(tmp_path / "new")
