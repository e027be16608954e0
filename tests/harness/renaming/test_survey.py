"""Which names may change: each rule holds back a name that would break, and no other."""

import ast
import re

import pytest

from harness.renaming.source import read_python
from harness.renaming.survey import Survey, reasons

FREE = "def fold_rows(row_list):\n    return row_list\n"


def sorted_out(source=FREE, *, tests="", data="", doc="", own=("tiny",)):
    survey = Survey()
    survey.add("tiny/a.py", source.encode(), own, source=True)
    survey.add("tests/test_a.py", tests.encode(), own, source=False)
    survey.add("data.json", data.encode(), own, source=False)
    survey.add("README.md", doc.encode(), own, source=False)
    return survey.sorted_out()


def test_what_nothing_holds_back_may_change():
    assert sorted_out() == {"fold_rows": "", "row_list": ""}


def test_functions_classes_methods_arguments_attributes_and_variables_are_names():
    source = (
        "LAST_ROW = 1\nclass RowFolder:\n    row_count: int = 0\n"
        "    def fold_all(self, row_list, *more_rows, key_row=0, **row_kinds):\n"
        "        self._row_cache = local_row = 1\n        return local_row\n"
    )
    assert set(sorted_out(source)) == {
        *("LAST_ROW", "RowFolder", "row_count", "fold_all", "row_list", "more_rows", "key_row"),
        *("row_kinds", "_row_cache"),
    }


@pytest.mark.parametrize(
    ("why", "more"),
    [
        ("in __all__", {"source": FREE + "__all__ = ['fold_rows']\n"}),
        ("in __all__", {"source": FREE + "__all__ += ['fold_rows']\n"}),
        ("in a string", {"source": FREE + "getattr(x, 'fold_rows')\n"}),
        ("in a string", {"tests": "assert repr(x) == '<fold_rows at 0>'\n"}),
        ("in a string", {"tests": "b'fold_rows'\n"[:-1] + ".x\n"}),
        ("in a string", {"tests": "f'{x} fold_rows'.x\n"}),
        ("in a string", {"tests": "x: Literal['fold_rows']\n"}),
        ("in a string", {"tests": "run('fold-rows')\n"}),
        ("in data, configuration or a path", {"data": '{"fold_rows": 1}'}),
        ("put together from strings", {"tests": "getattr(x, f'fold_{kind}')\n"}),
        ("put together from strings", {"tests": "getattr(x, '%s_rows' % kind)\n"}),
        ("put together from strings", {"tests": "x = 'FOLDROWS'\n"}),
        ("of another package", {"source": "from other import fold_rows\n" + FREE}),
        ("of another package", {"tests": "import other as o\no.deep.fold_rows\n"}),
        ("of another package", {"tests": "import other\nother.call(fold_rows=1)\n"}),
    ],
)
def test_a_rule_holds_a_name_back(why, more):
    found = sorted_out(**more)
    assert found["fold_rows"] == why
    assert found["row_list"] == ""


@pytest.mark.parametrize(
    "more",
    [
        {"source": 'def fold_rows(row_list):\n    """The fold_rows of old."""\n'},
        {"source": FREE + "row_list: 'fold_rows'\n"},
        {"source": FREE + "row_list: Optional['fold_rows']\n"},
        {"source": FREE + "# fold_rows\n"},
        {"doc": "See `fold_rows`.\n"},
        {"tests": "from tiny.a import fold_rows\nfold_rows(row_list=1)\n"},
    ],
)
def test_texts_and_annotations_hold_no_name_back(more):
    assert sorted_out(**more) == {"fold_rows": "", "row_list": ""}


def test_a_word_of_english_stays():
    found = sorted_out("def fold(rows):\n    pass\n", doc="Rows are counted.\n")
    assert found == {"fold": "", "rows": "a word of the texts"}


@pytest.mark.parametrize("name", ["test_rows", "TestRows", "pytest_rows"])
def test_what_pytest_finds_by_name_stays(name):
    assert sorted_out(f"{name} = 1\n") == {name: "found by pytest"}


@pytest.mark.parametrize("name", ["append", "match", "__len__", "self", "property"])
def test_a_name_of_the_language_is_none_of_the_codebase(name):
    assert sorted_out(f"class A:\n    def f(self): self.{name} = 1\n").keys() <= {"A", "f"}


def test_a_piece_that_is_put_in_stays_too():
    source = "class FoldNode: pass\ndef visit_foldnode(some_tree): pass\n"
    found = sorted_out(source, tests="getattr(x, 'visit_' + name.lower())\n")
    assert found["FoldNode"] == found["visit_foldnode"] == "put together from strings"
    assert found["some_tree"] == ""


def test_a_file_that_cannot_be_parsed_is_counted_and_holds_back_its_names():
    survey = Survey()
    survey.add("tiny/a.py", FREE.encode(), ("tiny",), source=True)
    survey.add("tiny/old.py", b"print 'x', fold_rows\n", ("tiny",), source=True)
    assert survey.unparsed == 1
    assert survey.sorted_out()["fold_rows"] == "in data, configuration or a path"


def test_the_share_is_over_uses():
    survey = Survey()
    survey.add("tiny/a.py", (FREE + "fold_rows(1)\n").encode(), ("tiny",), source=True)
    total = survey.share_of_uses(["fold_rows", "row_list"])
    assert total == 1.0
    assert 0 < survey.share_of_uses(["fold_rows"]) < 1
    assert reasons(survey.sorted_out()) == {}


def test_an_escape_makes_no_word():
    found = read_python('x = "\\nfold_rows"\n', ())
    assert found
    assert "nfold_rows" in found.strings
    assert "fold_rows" in found.strings


def test_every_identifier_of_a_tree_is_seen():
    source = (
        "import a.b as c\nfrom d import e as f\nglobal g\n"
        "def h(i, *j, k, **l): nonlocal i\n"
        "class m(n.o, metaclass=p): q: r\n"
        "try: pass\nexcept s as t: pass\n"
        "match u:\n    case v(w=x) | {1: y, **z}: pass\n    case [*aa]: pass\n"
        "bb = lambda cc: dd(ee=1)\n"
    )
    found = read_python(source, ())
    assert found
    words = set(re.findall(r"\b[a-z]{1,2}\b", source)) - {"as", "if", "is", "in"}
    assert found.uses.keys() >= words


def test_the_survey_reads_what_the_host_can_parse():
    assert read_python("def f(:\n", ()) is None
    assert read_python("x = 1\0", ()) is None
    assert ast.parse("match x:\n    case 1: pass\n")
