"""Some damaged input of every kind; `python -m benchmarks.fuzz` reads a hundred thousand."""

from random import Random

from benchmarks.fuzz import fuzz
from benchmarks.mutations import mutated

COUNT = 210
"""Ten of each kind."""


def test_damaged_input_is_refused_in_words_or_taken(tmp_path):
    tally = fuzz(tmp_path / "files", COUNT, seed=12)
    assert not tally.failures, "\n".join(tally.lines())
    assert tally.accepted.total() > COUNT / 20
    assert tally.refused.total() > COUNT / 3


def test_the_same_seed_does_the_same_damage():
    good = b'{"a": [1, 2, {"b": "c"}]}\n'
    made = [[mutated(good, "x.json", draw) for _ in range(50)] for draw in (Random(3), Random(3))]
    assert made[0] == made[1]
    assert len(set(made[0])) > 25
