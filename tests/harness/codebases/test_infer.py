"""A manifest is decided from tree and history, whatever the project looks like."""

import pytest

from harness.codebases.find_layout import find_layout, pytest_settings
from harness.codebases.infer import choose_name, infer
from harness.codebases.licence import licence_of
from harness.codebases.target import Origin
from harness.grading.layout import is_source, is_test, is_test_module
from harness.history.git import Clone
from harness.history.walk import walk
from seqswe.errors import UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import Manifest
from tests.harness.projects import commit


class Tree(dict):
    """Files of the top folder, by name."""

    def text(self, path):
        return self.get(path)

    def names(self, folder=""):
        return sorted(self) if not folder else []


@pytest.fixture(autouse=True)
def codebases(tmp_path, monkeypatch):
    """A folder of one's own codebases that is empty."""
    monkeypatch.setenv("SEQSWE_CODEBASES", str(tmp_path / "codebases"))
    return tmp_path / "codebases"


def origin(folder, repo="someone/tiny", url="https://example.org/someone/tiny"):
    return Origin(clone=Clone(folder), repo=repo, url=url, found="here")


def layout(*changed, package="pkg", **files):
    tree = Tree({name.replace("_", "."): text for name, text in files.items()})
    return find_layout(tree, changed, package).layout


def test_tests_of_one_top_folder_are_named_plainly():
    found = layout("pkg/a.py", "tests/test_a.py", "tests/data/x.py")
    assert found.tests == ("tests", "**/conftest.py")
    assert is_source(found)("pkg/a.py")
    assert is_test(found)("tests/data/x.py")
    assert not is_test(found)("pkg/tests_data.py")


def test_other_names_of_test_modules_are_seen_where_most_have_them():
    changed = ("pkg/a.py", "pkg/tests/a_tests.py", "pkg/tests/b_tests.py", "pkg/tests/test_c.py")
    found = layout(*changed, "pkg/data_tests.py")
    assert is_test_module(found)("pkg/tests/a_tests.py")
    assert is_test_module(found)("pkg/tests/test_c.py")
    few = layout("tests/test_a.py", "tests/test_b.py", "tests/load_tests.py")
    assert not is_test_module(few)("tests/load_tests.py")


def test_helpers_that_outnumber_the_test_modules_are_none():
    names = ("tests/TestBase.py", "tests/TestUtils.py")
    helpers = Tree(dict.fromkeys(names, "class Test: pass\n"))
    found = find_layout(helpers, (*names, "tests/test_a.py"), "pkg").layout
    assert found.test_modules == "test_*.py *_test.py"
    helpers |= {names[0]: "class A:\n    def testA(self): pass\n"}
    found = find_layout(helpers, (*names, "tests/test_a.py"), "pkg").layout
    assert found.test_modules.endswith("Test*.py")


def test_tests_inside_the_package_are_found_anywhere():
    found = layout("pkg/a.py", "pkg/x/tests/test_a.py", "tests/test_b.py")
    assert found.tests == ("**/tests/", "**/conftest.py")
    assert is_test(found)("pkg/y/tests/data.txt")
    assert is_test(found)("pkg/y/conftest.py")


def test_a_root_that_moved_is_source_all_the_time():
    source = is_source(layout("pkg/a.py", "src/pkg/a.py", "old/b.py", "tests/test_a.py"))
    assert all(map(source, ("pkg/a.py", "src/pkg/a.py", "old/b.py")))


@pytest.mark.parametrize(
    "path", ["docs/conf.py", "setup.py", "noxfile.py", "examples/a/b.py", "benchmarks/x.py"]
)
def test_what_is_no_part_of_the_package_is_no_source(path):
    assert not is_source(layout("pkg/a.py", "tests/test_a.py"))(path)


def test_the_package_is_source_whatever_it_is_called():
    source = is_source(layout("examples/a.py", "tests/test_a.py", package="examples"))
    assert source("examples/a.py")
    assert not source("docs/a.py")


def test_helpers_for_tests_that_are_shipped_are_source():
    found = layout("pkg/testing/api.py", "pkg/testing/tests/test_api.py", "tests/test_a.py")
    assert is_source(found)("pkg/testing/api.py")
    found = layout("pkg/a.py", "testing/test_a.py", "testing/helper.py")
    assert is_test(found)("testing/helper.py")
    assert is_source(found)("pkg/testing/api.py")


def test_tests_of_examples_are_not_run():
    module = is_test_module(layout("pkg/a.py", "tests/test_a.py"))
    assert module("tests/test_a.py")
    assert not module("examples/app/tests/test_app.py")


def test_the_projects_own_names_of_test_modules_count():
    ini = "[tool:pytest]\npython_files = check_*.py testing/x.py\n"
    found = layout("pkg/a.py", "tests/check_a.py", setup_cfg=ini)
    assert found.test_modules == "test_*.py *_test.py check_*.py"
    assert found.tests == ("tests", "**/conftest.py")
    assert is_test_module(found)("tests/check_a.py")


def test_a_test_path_counts_if_it_holds_little_else():
    toml = '[tool.pytest.ini_options]\ntestpaths = ["t/unit", "src", "."]\n'
    paths = ("src/pkg/a.py", "src/pkg/b.py", "src/pkg/test_c.py", "t/unit/test_a.py")
    assert layout(*paths, pyproject_toml=toml).tests == ("t/unit", "**/conftest.py")


def test_a_package_with_its_tests_in_it_is_no_test_path():
    toml = '[tool.pytest.ini_options]\ntestpaths = ["pkg"]\n'
    paths = ("pkg/__init__.py", "pkg/a.py", *(f"pkg/tests/test_{n}.py" for n in "abcdef"))
    found = layout(*paths, pyproject_toml=toml)
    assert found.tests == ("**/tests/", "**/conftest.py")
    assert is_source(found)("pkg/a.py")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\npython_files = a.py b.py\n"),
        ("tox.ini", "[pytest]\npython_files =\n    a.py\n    b.py\n"),
        ("setup.cfg", "[tool:pytest]\npython_files = a.py b.py\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\npython_files = ["a.py", "b.py"]\n'),
        ("pyproject.toml", '[tool.pytest.ini_options]\npython_files = "a.py b.py"\n'),
    ],
)
def test_every_file_of_settings_is_read(name, text):
    assert pytest_settings(Tree({name: text})).python_files == ("a.py", "b.py")


@pytest.mark.parametrize(
    "text", ["[[[", "[tool]\npytest = 3", "[tool.pytest]\nini_options = 4", "x=[" * 3000]
)
def test_broken_settings_are_none(text):
    for name in ("pyproject.toml", "tox.ini", "setup.cfg"):
        assert pytest_settings(Tree({name: text})).python_files == ()


MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy"
BSD = "Redistributions of source code must retain\nNeither the name of the copyright holder"


@pytest.mark.parametrize(
    ("files", "licence"),
    [
        (
            {"pyproject.toml": '[project]\nlicense = "BSD-3-Clause"\n', "LICENSE": MIT},
            "BSD-3-Clause",
        ),
        ({"pyproject.toml": '[project]\nlicense = {text = "MIT"}\n'}, "MIT"),
        ({"pyproject.toml": '[tool.poetry]\nlicense = "MIT"\n'}, "MIT"),
        ({"setup.py": 'setup(\n    license="BSD",\n)\n', "LICENSE.rst": BSD}, "BSD-3-Clause"),
        ({"setup.cfg": "[metadata]\nlicense = Apache 2.0\n"}, "Apache-2.0"),
        ({"setup.py": '"License :: OSI Approved :: MIT License"'}, "MIT"),
        ({"COPYING": "GNU GENERAL PUBLIC LICENSE\n Version 3"}, "GPL-3.0"),
        ({"LICENCE.txt": "GNU LESSER GENERAL PUBLIC LICENSE"}, "LGPL"),
        ({"LICENSE": "All rights reserved."}, ""),
        ({}, ""),
    ],
)
def test_the_licence_is_found(files, licence):
    assert licence_of(Tree(files)).value == licence


def test_a_whole_manifest_comes_with_reasons(tmp_path):
    toml = '[project]\nname = "Tiny-Thing"\nrequires-python = ">=3.9"\nlicense = "MIT"\n'
    commit(tmp_path, {"pyproject.toml": toml, "tiny/a.py": "1\n", "tests/test_a.py": "1\n"})
    found = infer(origin(tmp_path), walk(Clone(tmp_path), "HEAD"))
    manifest = found.manifest
    assert (manifest.name, manifest.licence) == ("tiny", "MIT")
    assert manifest.python.distribution == "Tiny-Thing"
    assert manifest.python.dated
    assert manifest.python.version == ""
    assert manifest.tests.plugins == ()
    assert manifest.mining.message == ""
    text = "\n".join(found.lines)
    assert ">=3.9" in text
    assert "MIT: pyproject.toml" in text
    assert all(len(line) < 300 for line in found.lines)
    manifests.save_manifest(manifest, tmp_path / "m")
    assert manifests.load(str(tmp_path / "m")).layout == manifest.layout


def test_a_history_without_python_is_said(tmp_path):
    commit(tmp_path, {"README": "x"})
    with pytest.raises(UsageError, match="no Python file"):
        infer(origin(tmp_path), walk(Clone(tmp_path), "HEAD"))


def save(name, repo, url):
    plain = manifests.load("ledgerlite")
    manifest = Manifest(
        name=name, repo=repo, url=url, licence="", layout=plain.layout, python=plain.python
    )
    manifests.save_manifest(manifest, manifests.codebases_folder() / name)


def test_names_are_free(tmp_path):
    assert choose_name(origin(tmp_path)).value == "tiny"
    assert choose_name(origin(tmp_path, "pallets/click")).value == "pallets-click"
    assert choose_name(origin(tmp_path, "A/Some_.Thing")).value == "some_.thing"
    save("tiny", "someone/tiny", "https://example.org/someone/tiny")
    assert choose_name(origin(tmp_path)).value == "tiny", "it is the same codebase"
    assert choose_name(origin(tmp_path, "other/tiny")).value == "other-tiny"
    save("app", "local/app", "/a/app")
    assert choose_name(origin(tmp_path, "local/app", "/b/app")).value == "app-2"
    (manifests.codebases_folder() / "broken").mkdir()
    (manifests.codebases_folder() / "broken" / "manifest.toml").write_text("[[[")
    assert choose_name(origin(tmp_path, "x/broken")).value == "x-broken"
