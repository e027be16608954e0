"""Harm: tasks lost that the baseline's majority solves."""

import numpy as np
import pytest

from seqswe.statistics.harm import harm_rate

IID = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]])


def test_a_task_is_lost_only_where_the_majority_solved_it():
    found = harm_rate(np.array([[0, 0, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0]]), IID)
    assert found.lost.estimate == pytest.approx(1 / 4)
    assert found.won.estimate == 0.0


def test_what_the_majority_failed_can_only_be_won():
    found = harm_rate(np.array([[1, 1, 1], [1, 1, 1], [1, 1, 1], [1, 0, 0]]), IID)
    assert found.won.estimate == pytest.approx((1 + 1 / 3) / 4)
    assert found.lost.estimate == 0.0


def test_losses_less_gains_are_the_lift_beyond_the_majority():
    rng = np.random.default_rng(1)
    y1, y0 = rng.integers(0, 2, (2, 50, 3))
    found = harm_rate(y1, y0)
    majority = (y0.mean(axis=1) > 0.5).mean()
    assert found.won.estimate - found.lost.estimate == pytest.approx(y1.mean() - majority)


def test_chance_is_each_run_against_the_majority_of_the_others():
    # Only the last run of the second task stands against a majority: of two ones.
    assert harm_rate(IID, IID).by_chance == pytest.approx(1 / 12)
    assert harm_rate(IID, IID[:, :2]).by_chance is None


def test_a_harm_has_an_interval_and_no_p():
    found = harm_rate(1 - IID, IID)
    assert found.lost.low < found.lost.estimate < found.lost.high
    assert found.lost.p is None


@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_its_interval_covers_the_rate_of_further_runs_and_tasks(rate):
    """2,000 simulated pairs of arms, 60 tasks and 3 runs; seed 5."""
    rng = np.random.default_rng(5)
    hits = []
    for _ in range(2000):
        p0 = rng.beta(0.5, 0.7, (60, 1))
        kept = 1.0 - rate
        y0 = (rng.random((60, 3)) < p0).astype(float)
        y1 = (rng.random((60, 3)) < p0 * kept).astype(float)
        found = harm_rate(y1, y0).lost
        hits.append((found.low, found.high))
    p = np.random.default_rng(6).beta(0.5, 0.7, 1_000_000)
    majority = p**3 + 3 * p**2 * (1 - p)
    truth = float(np.mean(majority * (1 - p * (1 - rate))))
    covered = np.mean([low <= truth <= high for low, high in hits])
    assert 0.92 <= covered <= 0.985


def test_of_a_graded_outcome_only_what_changes_sides_is_lost_or_won():
    ranks = np.array([[1.0], [1 / 2], [1 / 3], [0.0]])
    same = harm_rate(ranks, ranks)
    assert (same.lost.estimate, same.won.estimate) == (0.0, 0.0)
    better = harm_rate(np.array([[1.0], [1.0], [1 / 2], [1 / 3]]), ranks)
    assert (better.lost.estimate, better.won.estimate) == (0.0, 0.25)
