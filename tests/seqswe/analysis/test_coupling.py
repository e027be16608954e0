"""Which agents draw the same dice by seed in every arm."""

import pytest

from seqswe.analysis.coupling import is_coupled

SEEDED = ("gold", "localizer", "noop", "predictions", "repair", "scripted")


@pytest.mark.parametrize("agent", SEEDED)
def test_shipped_agents_whose_chance_is_their_seed_say_so(agent):
    assert is_coupled(agent, None)


@pytest.mark.parametrize("agent", ["command", "mini", "codex", "./mine.toml", "mine:Agent", "gone"])
def test_agents_that_ask_a_model_or_come_from_elsewhere_are_not_taken_for_coupled(agent):
    assert not is_coupled(agent, None)


def test_what_the_run_recorded_counts():
    assert is_coupled("gone", True)
    assert not is_coupled("repair", False)
