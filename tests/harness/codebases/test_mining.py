"""Which commits become candidates, and why the others do not."""

import time
from dataclasses import replace

import pytest

from harness.codebases.instances import instance_of, instances_of
from harness.codebases.mining import mine
from harness.codebases.python_2 import IMPORT, LIKELY
from harness.codebases.statements.rules import LATEST
from harness.history.git import Clone
from seqswe.errors import ManifestError, MissingError, UsageError
from seqswe.manifests.manifest import Mining
from tests.harness.projects import commit, manifest_of


@pytest.fixture
def folder(tmp_path):
    commit(tmp_path, {"tiny/a.py": "1\n", "tests/test_a.py": "1\n", "tests/data.txt": "1\n"}, day=0)
    return tmp_path


def mined(folder, **rules):
    return mine(
        Clone(folder), manifest_of(folder, mining=Mining(statements=LATEST.version, **rules)), {}
    )


def test_a_part_of_the_runner_is_no_codebase(clone, ledgerlite):
    python = replace(ledgerlite.python, distribution="Pluggy")
    with pytest.raises(UsageError, match="is a part of pytest"):
        mine(clone, replace(ledgerlite, python=python), {})


def test_the_demo_codebase_is_found_again(clone, ledgerlite):
    found = mine(clone, ledgerlite, {})
    assert found.walked == len(clone.first_parents("main"))
    assert sum(found.skipped.values()) + len(found.records) == found.walked
    assert found.skipped["is the first commit"] == 1
    assert found.statements == {"commit": len(found.records)}
    known = {record.instance_id: record for record in ledgerlite.instances if not record.bug}
    assert known.keys() <= {record.instance_id for record in found.records}
    dates = [record.created_at for record in found.records]
    assert dates == sorted(dates)
    for record in found.records:
        if record.instance_id in known:
            assert record.digests.items() <= known[record.instance_id].digests.items()
            assert known[record.instance_id].base_commit == record.base_commit


def test_a_commit_that_changes_source_and_tests_is_one(folder):
    sha = commit(folder, {"tiny/a.py": "2\n", "tests/test_a.py": "2\n", "README": "x\n"}, day=1)
    [record] = mined(folder).records
    assert record.gold_commit == sha
    assert record.gold_files == ("tiny/a.py",)
    assert record.test_files == ("tests/test_a.py",)
    instance = instance_of(Clone(folder), manifest_of(folder), record, {})
    assert "tests/" not in instance.patch
    assert "README" in instance.patch
    assert "tiny/" not in instance.test_patch


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"tests/test_a.py": "2\n"}, "changes no source"),
        ({"tiny/a.py": "2\n"}, "changes no test module"),
        ({"tiny/a.py": "2\n", "tests/data.txt": "2\n"}, "changes no test module"),
        ({"tiny/a.py": "2\n", "tests/test_a.py": None}, "only removes test modules"),
        ({"tiny/a.txt": "2\n", "tests/test_a.py": "2\n"}, "changes no source"),
        ({f"tiny/{n}.py": "2\n" for n in range(4)} | {"tests/test_a.py": "2\n"},
         "changes more than 3 source files"),
        ({"tiny/a.py": "2\n" * 50, "tests/test_a.py": "2\n"}, "changes more than 40 lines"),
    ],
)  # fmt: skip
def test_others_are_counted_by_reason(folder, files, reason):
    commit(folder, files, day=1)
    found = mined(folder, max_source_files=3, max_changed_lines=40)
    assert not found.records
    assert [text for text in found.skipped if text.startswith(reason)]


CODE = "def f(a):\n    return a\n"


@pytest.mark.parametrize(
    ("source", "tests", "reason"),
    [
        ("def f(a):  # why\n    return a\n", "assert 2\n", "comments and layout of source"),
        ("def f(\n    a,\n):\n    return a\n", "assert 2\n", "comments and layout of source"),
        ("def f(a):\n    return 2\n", "\n1  # one\n", "comments and layout of tests"),
        ("def f(a):\n    print a\n", "assert 2\n", "is written in a Python that no"),
        ("def f(a):\n    return 2\n", "except E, e:\n    pass\n", "is written in a Python that no"),
        ("def f(a):\n  return a,\n", "assert 2\n", ""),
        ("def f(a):\n    return 'a'\n", "assert 2\n", ""),
        ("if a:\n    f()\nf()\n", "assert 2\n", ""),
    ],
)
def test_what_no_test_can_tell_is_left_out(folder, source, tests, reason):
    day = 2 - 5 * 365  # before Python 2 had ended
    folder = folder / "old"
    commit(folder, {"tiny/a.py": "1\n", "tests/test_a.py": "1\n"}, day=day - 2)
    commit(folder, {"tiny/a.py": CODE}, day=day - 1)
    commit(folder, {"tiny/a.py": source, "tests/test_a.py": tests}, day=day)
    found = mined(folder)
    assert len(found.records) == (not reason)
    assert not reason or [text for text in found.skipped if reason in text]


@pytest.mark.parametrize(
    ("init", "left_out"),
    [
        ("print 'tiny'\n", True),
        ("import release\n", True),
        ("from release import version\n", True),
        ("from . import release\n", False),
        ("import os, json\n", False),
        ("from tiny.old import f\n", True),
        ("from .old import f\n", True),
        ("import StringIO\n", True),
        ("from urllib import parse\n", False),
        ("import release\nfrom tiny.a import f\n", False),
        ("from __future__ import absolute_import\nimport release\n", False),
        ("import release\nimport tinycss.parse\n", True),
        ('"""\nimport StringIO\nimport release\n"""\nimport os\n', False),
        ("try:\n    import release\nexcept ImportError:\n    from . import release\n", False),
    ],
)
def test_a_package_that_starts_as_python_2_is_left_out(folder, init, left_out):
    day = 2 - 8 * 365
    folder = folder / "old"
    package = {"tiny/old.py": "except E, e:\n"}
    package |= {"tiny/__init__.py": init, "tiny/release.py": "version = 1\n", "tiny/json.py": ""}
    commit(folder, {"tiny/a.py": "1\n", "tests/test_a.py": "1\n", **package}, day=day)
    commit(folder, {"tiny/a.py": "2\n", "tests/test_a.py": "2\n"}, day=day + 1)
    found = mined(folder)
    assert len(found.records) == (not left_out), found.skipped
    assert bool([t for t in found.skipped if "is written in a Python that no" in t]) == left_out


@pytest.mark.parametrize(("helper", "left_out"), [("print 'x'\n", True), ("A = 1\n", False)])
def test_a_helper_beside_a_test_module_is_looked_at(folder, helper, left_out):
    day = 2 - 8 * 365
    folder = folder / "old"
    test = "from sets import A\n"
    commit(folder, {"tiny/a.py": "1\n", "tests/sets.py": helper, "tests/test_a.py": test}, day=day)
    commit(folder, {"tiny/a.py": "2\n", "tests/test_a.py": f"{test}2\n"}, day=day + 1)
    assert len(mined(folder).records) == (not left_out)


@pytest.mark.parametrize(
    "text", ["\n" * 300_000, " " * 300_000, f"except{' ' * 300_000}", f"from {'.' * 300_000}"]
)
def test_a_file_that_is_made_to_be_slow_is_read_at_once(text):
    start = time.process_time()
    for expression in (LIKELY, IMPORT):
        assert not expression.findall(text.encode())
    assert time.process_time() - start < 5


def test_a_line_that_is_only_moved_to_another_block_is_code(folder):
    commit(folder, {"tiny/a.py": "if a:\n    f()\n    g()\n"}, day=1)
    commit(folder, {"tiny/a.py": "if a:\n    f()\ng()\n", "tests/test_a.py": "2\n"}, day=2)
    assert len(mined(folder).records) == 1


def test_messages_can_be_chosen(folder):
    commit(folder, {"tiny/a.py": "2\n", "tests/test_a.py": "2\n"}, "feat: more", day=1)
    commit(folder, {"tiny/a.py": "3\n", "tests/test_a.py": "3\n"}, "FIX: less", day=2)
    found = mined(folder, message="^fix")
    assert len(found.records) == 1
    assert found.skipped["its message does not match"] == 1


def test_time_never_goes_back(folder):
    commit(folder, {"tiny/a.py": "2\n", "tests/test_a.py": "2\n"}, day=5)
    commit(folder, {"tiny/a.py": "3\n", "tests/test_a.py": "3\n"}, day=3)
    found = mined(folder)
    assert len(found.records) == 1
    assert found.skipped["dated before its predecessor"] == 1


def test_only_a_window_of_history_is_walked(folder):
    for day in range(2, 6):
        commit(folder, {"tiny/a.py": f"{day}\n", "tests/test_a.py": f"{day}.0\n"}, day=day)
    assert len(mined(folder).records) == 4
    found = mined(folder, window=2)
    assert (found.walked, len(found.records)) == (2, 2)


def test_a_file_name_that_looks_like_two_is_mined_whole(folder):
    files = {"tiny/a b/x.py": "1\n", 'tiny/"q".py': "1\n", "tests/test_a.py": "2\n"}
    commit(folder, files, day=1)
    [record] = mined(folder).records
    assert record.gold_files == ('tiny/"q".py', "tiny/a b/x.py")


def test_texts_that_changed_since_are_refused(folder):
    commit(folder, {"tiny/a.py": "2\n", "tests/test_a.py": "2\n"}, day=1)
    [record] = mined(folder).records
    manifest = manifest_of(folder)
    changed = replace(record, digests={**record.digests, "patch": "sha256:0"})
    with pytest.raises(ManifestError, match="the patch in the clone is not the one"):
        instances_of(Clone(folder), manifest, [changed], {})
    lost = replace(record, gold_commit="0" * 40)
    with pytest.raises(MissingError, match="lacks"):
        instances_of(Clone(folder), manifest, [lost], {})


def lose(folder, name):
    """Delete a blob from a clone, as a partial clone has it never."""
    blob = Clone(folder).run("rev-parse", name).strip()
    (folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()


ABSENT = "a file that it needs is absent from the clone"


def test_what_starts_from_an_absent_file_is_left_out(folder):
    commit(folder, {"tiny/deep/data.bin": "large\n"}, day=1)
    commit(folder, {"tiny/a.py": "2\n", "tests/test_a.py": "2\n"}, day=2)
    commit(folder, {"tiny/deep/data.bin": "other\n"}, day=3)
    commit(folder, {"tiny/a.py": "3\n", "tests/test_a.py": "3\n"}, day=4)
    assert len(mined(folder).records) == 2
    lose(folder, "HEAD~3:tiny/deep/data.bin")
    found = mined(folder)
    assert found.skipped[ABSENT] == 1
    assert [record.base_commit for record in found.records] == [
        Clone(folder).run("rev-parse", "HEAD~1").strip()
    ]


def test_what_changes_an_absent_file_is_left_out(folder):
    commit(folder, {"tiny/a.py": "2\n", "tests/test_a.py": "2\n", "big": "large\n"}, day=2)
    commit(folder, {"tiny/a.py": "3\n", "tests/test_a.py": "3\n", "big": None}, day=3)
    commit(folder, {"tiny/a.py": "4\n", "tests/test_a.py": "4\n"}, day=4)
    lose(folder, "HEAD~2:big")
    found = mined(folder)
    assert found.skipped[ABSENT] == 2
    [record] = found.records
    [instance] = instances_of(Clone(folder), manifest_of(folder), [record], {})
    assert instance.patch


def test_a_head_that_is_not_there_is_said(folder):
    with pytest.raises(MissingError, match="lacks the commit --output=x"):
        mined(folder, head="--output=x")
    assert not (folder / "x").exists()
