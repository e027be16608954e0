"""One resolver for all plug-ins: by name or by place, and what it says when there is none."""

import sys

import pytest

from seqswe.errors import MissingError, UnknownName, UsageError
from seqswe.outcome import Outcome
from seqswe.plugins import KINDS, build, installed, options, parameters, plural, resolve

HERE = f"{__name__}:"


class Plain:
    def __init__(self, home, *, count=1, ratio: float = 1.0, deep: bool = False, model: str = ""):
        self.given = (home, count, ratio, deep, model)


class Holder:
    class Nested(Plain):
        pass


def broken(*, seed):
    raise TypeError("unsupported operand, whatever the argument")


def maybe(*, size: int | None = None):
    return size


number = 7


@pytest.mark.parametrize("kind", KINDS)
def test_every_built_in_resolves(kind):
    assert installed(kind)
    for name in installed(kind):
        found = resolve(kind, name)
        assert isinstance(found, Outcome) if kind == "outcome" else callable(found)


@pytest.mark.parametrize(
    ("kind", "name", "closest"),
    [("agent", "localiser", "localizer"), ("memory", "episodc", "episodic"),
     ("sandbox", "dockr", "docker"), ("report", "htlm", "html"),
     ("outcome", "resolvd", "resolved")],
)  # fmt: skip
def test_an_unknown_name_lists_what_there_is_and_names_the_closest(kind, name, closest):
    with pytest.raises(UnknownName) as caught:
        resolve(kind, name)
    assert caught.value.message == f"unknown {kind} {name!r}"
    assert f"Did you mean {closest!r}?" in caught.value.hint
    assert all(known in caught.value.hint for known in installed(kind))


def test_a_name_that_is_like_nothing_gets_no_guess():
    with pytest.raises(UnknownName) as caught:
        resolve("agent", "zzz")
    assert "Did you mean" not in caught.value.hint


def test_an_attribute_is_found_at_any_depth():
    assert resolve("memory", HERE + "Holder.Nested") is Holder.Nested


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module:Thing", "there is no module 'no_such_module'"),
        ("seqswe.no_such:Thing", "there is no module 'seqswe.no_such'"),
        (HERE + "Nothing", "has no 'Nothing'"),
        (HERE + "Holder.Nothing", "has no 'Holder.Nothing'"),
        (HERE, "is not module:attribute"),
        (":Thing", "is not module:attribute"),
        ("a b:Thing", "is not module:attribute"),
    ],
)
def test_a_place_where_nothing_is_is_a_usage_error(name, said):
    with pytest.raises(UsageError) as caught:
        resolve("agent", name)
    assert said in caught.value.message
    assert caught.value.hint


def test_where_an_extra_brings_what_is_missing_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "needs_more.py").write_text("import surely_not_installed.part\n")
    about = tmp_path / "house-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.4\nName: house\nProvides-Extra: cellar\n")
    (about / "entry_points.txt").write_text("[seqswe.memory]\ncellar = needs_more:Cellar\n")
    monkeypatch.syspath_prepend(tmp_path)
    installed.cache_clear()
    try:
        with pytest.raises(MissingError) as caught:
            resolve("memory", "cellar")
    finally:
        installed.cache_clear()
    assert caught.value.hint == "Install it: pip install 'house[cellar]'."


def test_a_missing_dependency_is_named(tmp_path, monkeypatch):
    (tmp_path / "needs_more.py").write_text("import surely_not_installed.part\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingError, match="needs the package 'surely_not_installed'") as caught:
        resolve("memory", "needs_more:Memory")
    assert "pip install surely_not_installed" in caught.value.hint


def test_a_module_that_cannot_be_imported_is_no_traceback(tmp_path, monkeypatch):
    (tmp_path / "half_done.py").write_text("raise RuntimeError('not today')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="cannot be imported: RuntimeError: not today"):
        resolve("memory", "half_done:Memory")
    assert "half_done" not in sys.modules


def test_a_wrong_option_is_refused_with_those_that_are_taken():
    with pytest.raises(UsageError, match=r"refused its options: .*'cuont'") as caught:
        build("memory", HERE + "Plain", "home", cuont=3)
    assert caught.value.hint == "Did you mean 'count'? It takes: count, ratio, deep, model."


def test_a_missing_option_is_said():
    with pytest.raises(UsageError, match="missing a required argument: 'run'") as caught:
        build("agent", "command", seed=0)
    assert caught.value.hint == "Give --agent-option 'run=...'."


def test_an_error_inside_the_factory_is_its_own():
    with pytest.raises(TypeError, match="unsupported operand"):
        build("agent", HERE + "broken", seed=1)


def test_what_cannot_be_called_is_refused():
    with pytest.raises(UsageError, match="which cannot be called"):
        build("agent", HERE + "number")


def test_options_are_read_as_the_factory_says():
    pairs = ("count=3", "ratio=2", "deep=true", "model=4.10")
    found = options("memory", HERE + "Plain", pairs)
    assert found == {"count": 3, "ratio": 2.0, "deep": True, "model": "4.10"}
    assert build("memory", HERE + "Plain", "home", **found).given == ("home", 3, 2.0, True, "4.10")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-2", -2),
        ("1.5", 1.5),
        ("true", True),
        ("false", False),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_options_without_a_type_are_guessed(text, value):
    found = options("memory", HERE + "Plain", (f"count={text}",))["count"]
    assert (found, type(found)) == (value, type(value))


def test_an_optional_type_counts():
    assert options("memory", HERE + "maybe", ("size=3",)) == {"size": 3}


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("ratio=fast", "ratio must be a number"),
        ("deep=yes", "deep must be true or false"),
        ("count", "'count' is not key=value"),
        ("=3", "'=3' is not key=value"),
        ("a b=3", "'a b=3' is not key=value"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(pair, said):
    with pytest.raises(UsageError) as caught:
        options("memory", HERE + "Plain", (pair,))
    assert said in caught.value.message


def test_a_whole_number_must_be_whole():
    with pytest.raises(UsageError, match="size must be a whole number"):
        options("memory", HERE + "maybe", ("size=3.5",))


def test_what_the_harness_gives_is_no_option():
    assert [p.name for p in parameters(Plain)] == ["count", "ratio", "deep", "model"]
    assert [p.name for p in parameters(resolve("agent", "gold"))] == []


def test_plurals():
    assert [plural(kind) for kind in KINDS] == [
        "agents", "memories", "sandboxes", "reports", "outcomes", "users", "trackers",
    ]  # fmt: skip
