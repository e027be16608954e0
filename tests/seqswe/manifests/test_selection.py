"""Which tasks a sequence holds."""

from dataclasses import replace
from datetime import timedelta

import pytest

from seqswe.errors import UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.selection import Selection

DIGEST = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def manifest():
    loaded = manifests.load("ledgerlite")
    records = [
        replace(record, leaks={"full": 0.1 * n, "title": 0.0}, digests={})
        for n, record in enumerate(loaded.instances[:5])
    ]
    records[2] = replace(records[2], digests={"symptom": DIGEST}, leaks={"symptom": 0.3})
    return replace(loaded, instances=tuple(records))


def test_by_default_every_task_is_in_it(manifest):
    assert Selection().of(manifest).instances == manifest.instances


def test_a_bound_on_the_leak_is_for_the_kind_of_statement(manifest):
    assert Selection(max_leak=0.15).of(manifest).instances == manifest.instances[:2]
    titles = Selection(statement="title", max_leak=0.0).of(manifest).instances
    assert len(titles) == 4  # of one task nobody has measured it


def test_tasks_without_a_symptom_are_left_out(manifest):
    chosen = Selection(statement="symptom").of(manifest)
    assert chosen.instances == manifest.instances[2:3]
    with pytest.raises(UsageError, match="is chosen: a symptom statement, a leak of at most"):
        Selection(statement="symptom", max_leak=0.2).of(manifest)


def test_a_codebase_without_tasks_is_none_of_its_business(manifest):
    empty = replace(manifest, instances=())
    assert Selection(statement="symptom").of(empty) == empty


FILES = (("a.py",), ("b.py",), ("a.py", "c.py"), ("c.py",), ("d.py",))


def positions(manifest, **given):
    chosen = Selection(**given).of(manifest).instances
    return [manifest.instances.index(record) for record in chosen]


@pytest.fixture
def dated(manifest):
    """Tasks on the days 0, 1, 10, 12 and 30."""
    start = manifest.instances[0].created_at
    records = [
        replace(record, gold_files=files, created_at=start + timedelta(days=day))
        for record, files, day in zip(manifest.instances, FILES, (0, 1, 10, 12, 30), strict=True)
    ]
    return replace(manifest, instances=tuple(records))


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({"novelty": "novel"}, [0, 1, 4]),
        ({"novelty": "seen"}, [2, 3]),
        ({"spacing": 5.0}, [0, 2, 4]),
        ({"span": "1:3"}, [1, 2]),
        ({"span": "-2:"}, [3, 4]),
        ({"span": ":-2"}, [0, 1, 2]),
        ({"span": ":80%"}, [0, 1, 2, 3]),
        ({"span": "80%:"}, [4]),
        ({"span": "::2"}, [0, 2, 4]),
        ({"span": "1::2", "novelty": "novel"}, [1]),
        ({"span": ":"}, [0, 1, 2, 3, 4]),
    ],
)
def test_windows_strides_spacing_and_what_is_held_out(dated, given, chosen):
    assert positions(dated, **given) == chosen


@pytest.mark.parametrize("span", ["x", "3", "::0", "::-1", "1:2:3:4", "101%:", "9" * 20 + ":"])
def test_what_is_no_span(span):
    with pytest.raises(UsageError, match="is no span of tasks"):
        Selection(span=span)


def test_an_empty_span_chooses_nothing(dated):
    with pytest.raises(UsageError, match="within 9:"):
        Selection(span="9:").of(dated)
