"""Which candidates a call proves, and which instances it leaves behind."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from harness.codebases.validate import Validation
from harness.codebases.validation_journal import ValidationJournal
from harness.commands.validate import _kept, chosen_of
from seqswe.manifests.manifest import InstanceRecord
from seqswe.manifests.manifest_files import load_instances, save_instances


def record(year, number, **fields):
    """The `number`th of a year."""
    return InstanceRecord(
        instance_id=f"x__tiny-{year}-{number}",
        base_commit="0" * 40,
        gold_commit="1" * 40,
        created_at=datetime(year, 1, 1 + number, tzinfo=UTC),
        environment="0123456789ab",
        statement_source="message",
        gold_files=("tiny/a.py",),
        test_files=("tests/test_a.py",),
        **{"digests": {"patch": "sha256:0"}, **fields},
    )


SIZES = {2018: 2, 2019: 20, 2020: 5, 2021: 20}
CANDIDATES = [record(year, n) for year, size in SIZES.items() for n in range(size)]


def years(chosen):
    return Counter(candidate.created_at.year for candidate in chosen)


def test_everything_is_chosen_in_order_if_nothing_is_asked_for():
    assert chosen_of(CANDIDATES, None, 0, 0) == CANDIDATES
    assert chosen_of(CANDIDATES, None, 1000, 0) == CANDIDATES


def test_a_sample_is_the_same_for_a_seed_and_in_order():
    drawn = chosen_of(CANDIDATES, None, 12, 7)
    assert drawn == chosen_of(CANDIDATES, None, 12, 7)
    assert drawn != chosen_of(CANDIDATES, None, 12, 8)
    assert [c.created_at for c in drawn] == sorted(c.created_at for c in drawn)


@pytest.mark.parametrize("seed", range(5))
def test_a_sample_is_spread_over_the_years(seed):
    assert years(chosen_of(CANDIDATES, None, 8, seed)) == dict.fromkeys(SIZES, 2)
    more = years(chosen_of(CANDIDATES, None, 20, seed))
    assert more[2018] == 2, "a year that has no more leaves its turns to the others"
    assert more[2020] == 5
    assert more.total() == 20
    assert len(chosen_of(CANDIDATES, None, 1, seed)) == 1


def test_a_small_sample_does_not_prefer_the_early_years():
    drawn = Counter(chosen_of(CANDIDATES, None, 1, seed)[0].created_at.year for seed in range(200))
    assert min(drawn[year] for year in SIZES) > 25


def test_a_sample_is_drawn_from_a_day_on():
    assert years(chosen_of(CANDIDATES, datetime(2020, 1, 4), 0, 0)) == {2020: 2, 2021: 20}
    assert set(years(chosen_of(CANDIDATES, datetime(2021, 1, 1), 4, 0))) == {2021}


@pytest.fixture
def journal(tmp_path):
    with ValidationJournal(tmp_path / "validation.jsonl") as opened:
        yield opened


def good(candidate):
    return replace(candidate, FAIL_TO_PASS=("tests/test_a.py::test_f",))


def test_what_was_proved_before_stays_and_what_is_proved_now_is_added(journal):
    one, two, three = CANDIDATES[:3]
    journal.append(Validation(record=good(two)))
    journal.append(Validation(record=three, problem="no test passes"))
    assert _kept(CANDIDATES, [good(one)], journal) == (good(one), good(two))


def test_what_is_rejected_now_is_no_instance_any_more(journal):
    one, two = CANDIDATES[:2]
    journal.append(Validation(record=two, problem="every test of the fix is flaky"))
    assert _kept(CANDIDATES, [good(one), good(two)], journal) == (good(one),)


def test_trouble_of_the_machine_takes_no_instance_away(journal):
    one = CANDIDATES[0]
    journal.append(Validation(record=one, problem="sandbox_failed: the engine is gone"))
    journal.append(Validation(record=one, problem="environment: no base image"))
    assert _kept(CANDIDATES, [good(one)], journal) == (good(one),)


def test_an_instance_that_is_no_candidate_any_more_keeps_its_place_in_time(journal, tmp_path):
    other = good(record(2019, 25))
    journal.append(Validation(record=good(CANDIDATES[0])))
    journal.append(Validation(record=good(CANDIDATES[-1])))
    kept = _kept(CANDIDATES, [other], journal)
    assert kept == (good(CANDIDATES[0]), other, good(CANDIDATES[-1]))
    save_instances(kept, tmp_path / "instances.jsonl")
    assert load_instances(tmp_path / "instances.jsonl") == kept


def test_a_journal_survives_a_half_written_line(tmp_path):
    path, (one, two) = tmp_path / "validation.jsonl", CANDIDATES[:2]
    with ValidationJournal(path) as first:
        first.append(Validation(record=one, problem="no test passes", log="the log", state="s"))
    path.write_bytes(path.read_bytes() + b'{"record": {"inst\xc3')
    with ValidationJournal(path) as second:
        assert second.known(one, "s").problem == "no test passes"
        second.append(Validation(record=good(two)))
        assert second.log_of(one).read_text() == "no test passes\n\nthe log"
    with ValidationJournal(path) as third:
        assert list(third.all()) == [one.instance_id, two.instance_id]
        assert third.known(two, "whatever").record == good(two)


def test_what_was_proved_by_other_rules_or_elsewhere_is_not_known(journal):
    one = CANDIDATES[0]
    journal.append(Validation(record=good(one), state="before the repair"))
    assert journal.known(one, "before the repair") is not None
    assert journal.known(one, "after it") is None
    other = replace(one, digests={"patch": "sha256:1"})
    assert journal.known(other, "before the repair") is None


def test_a_proof_holds_for_another_statement_and_takes_it(tmp_path):
    proved = record(2020, 0, FAIL_TO_PASS=("a",), digests={"patch": "p", "statement": "old"})
    told = replace(
        proved,
        FAIL_TO_PASS=(),
        statement_source="changelog",
        digests={"patch": "p", "statement": "new"},
        leaks={"full": 0.5},
    )
    other = replace(told, digests={"patch": "q", "statement": "new"})
    with ValidationJournal(tmp_path / "validation.jsonl") as journal:
        journal.append(Validation(record=proved))
        assert journal.known(told, "")
        assert journal.known(other, "") is None
        [kept] = _kept([told], [], journal)
        assert kept == replace(told, FAIL_TO_PASS=("a",))
        assert _kept([other], [], journal) == ()
