"""Whatever a plug-in leaves, its line of the journal can be read again."""

import pytest

from seqswe.runs.bounded import NAMED, bounded
from seqswe.runs.rollout import MOST_NAMED, Rollout
from seqswe.runs.store import RunDirectory
from tests.seqswe.runs.test_store import INFO

ODD = {
    "undecodable": "\udcff" * 200,
    "control": "\x01" * 200,
    "quotes": '"\\' * 100,
    "wide": "\N{PILE OF POO}" * 60,
    "lone half": "\ud800" * 200,
}


def rollout(**fields):
    ids = INFO.instance_ids
    return Rollout(arm="iid", seed=0, position=0, instance_id=ids[0], key="k", **fields)


@pytest.mark.parametrize("odd", ODD)
def test_a_line_with_names_of_any_number_can_be_read_again(tmp_path, odd):
    names = tuple(f"{n}{ODD[odd]}" for n in range(20_000))
    dropped = dict.fromkeys(names, "it is no regular file")
    lists = dict.fromkeys(NAMED, names)
    run = RunDirectory.create(tmp_path / "run", INFO)
    run.append(bounded(rollout(resolved=False, dropped_files=dropped, **lists)))
    (line,) = (run.root / "rollouts.jsonl").read_bytes().splitlines()
    assert len(line) < 8_000_000
    (back,) = RunDirectory.open(run.root).journal().rollouts
    for name in (*NAMED, "dropped_files"):
        kept = getattr(back, name)
        assert len(kept) + back.cut[name] == 20_000
        assert set(kept) == set(names[: len(kept)])


def test_a_single_name_that_is_too_long_is_counted_as_well():
    back = bounded(rollout(edited_files=("a" * MOST_NAMED,)))
    assert (back.edited_files, back.cut) == ((), {"edited_files": 1})


def test_what_fits_stays_and_no_digest_knows_of_it():
    plain = rollout(edited_files=("a.py",), dropped_files={"b.py": "a test"})
    assert bounded(plain) is plain
    assert "cut" not in plain.result()
