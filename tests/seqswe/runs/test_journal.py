"""A journal is read into little memory, and nothing of what it says is another thing after that."""

import json
import pickle
import tracemalloc

import pytest

from seqswe.agent import Usage
from seqswe.instance import digest_of
from seqswe.models.meter import MemoryUsage
from seqswe.runs import journal
from seqswe.runs.compact import Digests, Numbers, Pool
from seqswe.runs.journal import JOURNAL, Journal, journal_line, read_journal, tally
from seqswe.runs.rollout import Failure
from tests.seqswe.conftest import failed, rollout

PHASES = ("agent", "audit", "checkout", "collect", "container", "memory", "processor", "total")
FILES = ("experience.json", "patch.diff", "report.json", "test.log", "trajectory.json")
ODD = {
    "usual": rollout(),
    "no verdict": failed(rollout()),
    "text beyond ASCII": rollout(edited_files=("é.py", "\ud800")),
    "a digest within": rollout(edited_files=('"digest": "x", ',), dropped_files={"digest": "x"}),
    "crashed": rollout(failure=Failure(cause="agent_crashed", detail="x"), resolved=False),
    "times": rollout(timing={"agent": 0.1 + 0.2, "memory": -0.0}),
    "files": rollout(files={name: digest_of(name) for name in FILES}),
    "files of another kind": rollout(files={"a": digest_of("a"), "b": "SHA256:" + "AB" * 32}),
    "tries": rollout(earlier_tries={"cancelled": 2}, cut={"ranking": 3}),
    "nothing below zero": rollout(usage=Usage(cost_usd=-0.0)),
}


def as_read(path, *rollouts):
    path.write_bytes(b"".join(map(journal_line, rollouts)))
    return read_journal(path, lambda made: None).rollouts


@pytest.mark.parametrize("made", ODD.values(), ids=ODD)
def test_what_is_read_is_what_was_written_to_the_byte(made, tmp_path):
    (back,) = as_read(tmp_path / JOURNAL, made)
    assert back == made
    assert journal_line(back) == journal_line(made)
    assert pickle.loads(pickle.dumps(back)) == made


@pytest.mark.parametrize("made", ODD.values(), ids=ODD)
def test_a_line_in_another_form_is_read_by_its_fields(made, tmp_path):
    turned = dict(reversed(made.as_json().items()))
    path = tmp_path / JOURNAL
    path.write_text(json.dumps(turned, indent=None, separators=(",", ":")) + "\n")
    assert read_journal(path, lambda _: None).rollouts == (made,)


def test_zeros_that_are_equal_and_not_the_same_stay_apart(tmp_path):
    made = [rollout(seed=n, usage=Usage(cost_usd=cost)) for n, cost in enumerate((0.0, -0.0))]
    back = as_read(tmp_path / JOURNAL, *made)
    assert [str(r.usage.cost_usd) for r in back] == ["0.0", "-0.0"]


def realistic(position):
    """A rollout of `localizer` in a chain, as long as they are."""
    return rollout(
        "sequential",
        0,
        position,
        instance_id=f"owner__project-{position:010d}",
        key=digest_of(f"key {position}"),
        memory_before=digest_of(f"{position}"),
        memory_after=digest_of(f"{position + 1}"),
        patch_digest=digest_of(""),
        ranking=tuple(f"src/package/module_{(position * 7 + i) % 300:03d}.py" for i in range(20)),
        gold_files=(f"src/package/module_{position % 300:03d}.py",),
        memory_usage=MemoryUsage(recall_seconds=position / 7, record_seconds=position / 9),
        timing={name: position / 3 + i for i, name in enumerate(PHASES)},
        files={name: digest_of(f"{name} {position}") for name in FILES},
        started_at=f"2026-01-01T00:{position // 60:02d}:{position % 60:02d}+00:00",
    )


def test_a_rollout_that_is_read_takes_less_than_1500_bytes(tmp_path):
    path, count = tmp_path / JOURNAL, 1500
    path.write_bytes(b"".join(journal_line(realistic(n)) for n in range(count)))
    read_journal(path, lambda made: None)  # what is made once
    tracemalloc.start()
    try:
        kept = read_journal(path, lambda made: None)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(kept.rollouts) == count
    assert size / count < 1500


def test_a_digest_over_many_results_is_that_of_all_their_lines_in_order(monkeypatch):
    monkeypatch.setattr(journal, "SORTED_AT_ONCE", 3)
    for count in (0, 1, 2, 3, 4, 6, 11):
        made = [realistic(n * 7 % 11) for n in range(count)] + [failed(rollout())]
        lines = sorted(json.dumps(r.result(), sort_keys=True) for r in made if r.graded)
        assert Journal(rollouts=tuple(made)).results_digest() == digest_of("\n".join(lines))


def test_packed_tables_are_tables():
    pool = Pool()
    numbers, digests = pool.numbers({"a": 0.1, "b": 2.0}), pool.digests({"a": digest_of("a")})
    assert isinstance(numbers, Numbers)
    assert isinstance(digests, Digests)
    assert numbers == {"a": 0.1, "b": 2.0} != {"a": 0.1}
    assert numbers.get("c") is None
    assert dict(digests) == {"a": digest_of("a")}
    with pytest.raises(KeyError):
        digests["b"]


def test_values_far_apart_are_kept_apart_and_right(tmp_path, monkeypatch):
    monkeypatch.setattr("seqswe.runs.compact.MOST_KEPT", 5)
    made = [realistic(n) for n in range(10)]
    assert list(as_read(tmp_path / JOURNAL, *made)) == made


def test_a_tally_counts_what_a_reader_would(tmp_path):
    text = '"resolved": true, '
    made = [
        rollout(arm="sequential", resolved=True, edited_files=(text,)),
        rollout(arm="iid", resolved=False, dropped_files={text: "x"}),
        rollout(arm="iid", resolved=True),
        failed(rollout(arm="iid", dropped_files={text: "x"})),
    ]
    path = tmp_path / JOURNAL
    path.write_bytes(b"".join(map(journal_line, made)) + b'{"arm": "iid", "half": ')
    found = tally(path)
    assert found.lines == 4
    assert found.graded == {"sequential": 1, "iid": 2}
    assert found.resolved == {"sequential": 1, "iid": 1}
