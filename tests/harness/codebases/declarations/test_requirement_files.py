"""Requirement files: which there are, and what their lines say."""

import pytest

from harness.codebases.declarations.requirement_files import (
    looks_like_requirements,
    read_requirements,
    requirement_files,
    requirement_of,
)
from tests.harness.codebases.trees import Tree


def test_files_are_found_by_name_and_folder():
    paths = [
        "requirements.txt", "requirements-dev.txt", "requirements-docs.txt", "dev-reqs.pip",
        "requirements/default.txt", "requirements/test.in", "requirements/test.txt",
        "requirements/lint.txt", "requirements/README.md", "tests/requirements.txt",
        "tests/test.txt", "tests/data.txt", "README.txt", "LICENSE.txt", "test.txt",
    ]  # fmt: skip
    plain, tests = requirement_files(Tree(dict.fromkeys(paths, "a\n")))
    assert sorted(plain) == ["requirements.txt", "requirements/default.txt"]
    assert sorted(tests) == [
        "dev-reqs.pip", "requirements-dev.txt", "requirements/test.in", "test.txt",
        "tests/requirements.txt",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "looks"),
    [
        ("requirements.txt", True),
        ("requirements/anything.txt", True),
        ("requirements", True),
        ("README.txt", False),
        ("version.txt", False),
        ("requirements.py", False),
    ],
)
def test_the_look_of_a_path(path, looks):
    assert looks_like_requirements(path) is looks


@pytest.mark.parametrize(
    ("line", "requirement"),
    [
        ("a", "a"),
        ("a[x]>=1,<2; python_version < '3'", "a[x]>=1,<2; python_version < '3'"),
        ("a==1 --hash=sha256:00 --hash=sha256:11", "a==1"),
        ("-e .", ""),
        ("-e .[test]", ".[test]"),
        ("-e './[test]'", ".[test]"),
        ("--editable=.[test]", ".[test]"),
        (".", ""),
        ("./vendored/a", ""),
        ("../a", ""),
        ("/somewhere/a", ""),
        ("-e git+https://x.invalid/a.git@main#egg=a", "a"),
        ("git+ssh://git@x.invalid/a.git#subdirectory=p&egg=a[x]", "a[x]"),
        ("https://x.invalid/a-1.tar.gz", ""),
        ("a @ https://x.invalid/a-1.tar.gz", "a @ https://x.invalid/a-1.tar.gz"),
        ("a-1-py3-none-any.whl", ""),
        ("--index-url https://x.invalid", ""),
        ("-c constraints.txt", ""),
        ("{toxinidir}", ""),
        ("", ""),
    ],
)
def test_lines(line, requirement):
    assert requirement_of(line) == requirement


def read(path, **files):
    tree = Tree({name.replace("__", "/") + ".txt": text for name, text in files.items()})
    return list(read_requirements(path, tree))


def test_continuation_lines_comments_and_hashes():
    text = "a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nb  # c\n#d\ne#f\n\\\n"
    assert read("r.txt", r=text) == ["a==1", "b", "e#f"]


def test_included_files_are_found_beside_the_one_that_names_them():
    files = {"requirements__test": "-r base.txt\n--requirement=../top.txt\nt\n",
             "requirements__base": "b\n", "top": "x\n"}  # fmt: skip
    assert read("requirements/test.txt", **files) == ["t", "b", "x"]


def test_files_for_documents_are_not_followed_from_files_for_tests():
    files = {"dev": "-r docs.txt\n-r tests.txt\n", "docs": "d\n", "tests": "t\n"}
    assert read("dev.txt", **files) == ["t"]


def test_constraints_require_nothing():
    assert read("r.txt", r="-c c.txt\na\n", c="b==1\n") == ["a"]


def test_circles_and_diamonds_are_read_once():
    assert read("a.txt", a="-r b.txt\nx\n", b="-r a.txt\ny\n") == ["x", "y"]
    files = {f"f{n}": f"-r f{n + 1}.txt\n-r f{n + 1}.txt\n" for n in range(60)}
    assert read("f0.txt", **files, f60="a\n") == ["a"]


def test_a_file_that_is_not_there_requires_nothing():
    assert read("r.txt", r="-r ../../etc/passwd\n-r nothing.txt\na\n") == ["a"]


def test_byte_order_marks_and_utf_16_are_read():
    as_git_gives_it = "a==1\nb\n".encode("utf-16").decode("utf-8", "replace")
    assert read("r.txt", r=as_git_gives_it) == ["a==1", "b"]
    assert read("r.txt", r="\ufeffa\n") == ["a"]
