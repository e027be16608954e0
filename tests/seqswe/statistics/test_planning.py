"""What a plan can find: by the report's own test, and no other."""

import numpy as np
import pytest

from seqswe.statistics import two_way
from seqswe.statistics.many import two_ways
from seqswe.statistics.planning import (
    RunCounts,
    best_split,
    cheapest,
    detectable_lift,
    simulated_power,
)
from seqswe.statistics.power import smallest_effect

FEW = RunCounts(n=60, k1=3, k0=3)


@pytest.mark.parametrize("coupled", [False, True])
def test_many_intervals_at_once_are_those_of_one_by_one(coupled):
    rng = np.random.default_rng(5)
    sequential = (rng.random((20, 30, 4)) < 0.5).astype(float)
    iid = (rng.random((20, 30, 4)) < 0.4).astype(float)
    iid[0] = sequential[0]  # equal everywhere
    found = two_ways(sequential, iid, coupled=coupled)
    ones = [two_way(*arms, coupled=coupled) for arms in zip(sequential, iid, strict=True)]
    assert found.low == pytest.approx([one.low for one in ones])
    assert found.high == pytest.approx([one.high for one in ones])


def test_the_lift_that_is_detected_has_the_power_that_was_asked_for():
    for power in (0.5, 0.8, 0.95):
        lift = detectable_lift(FEW, power)
        assert simulated_power(FEW, lift) == pytest.approx(power, abs=0.006)


def test_a_test_that_must_estimate_its_variances_finds_less_than_a_formula_says():
    assert detectable_lift(FEW) > 1.2 * smallest_effect(FEW.by_formula)


def test_pairing_by_seed_finds_smaller_lifts():
    paired = RunCounts(n=60, k1=3, k0=3, coupled=True)
    assert detectable_lift(paired) < 0.8 * detectable_lift(FEW)


def test_without_a_lift_little_is_found():
    assert simulated_power(RunCounts(n=60, k1=5, k0=5), 0.0) < 0.05


def test_no_lift_at_all_is_found_on_two_tasks():
    assert detectable_lift(RunCounts(n=2, k1=3, k0=3)) is None


def test_the_cheapest_design_finds_it_and_one_run_less_does_not():
    best = cheapest(100, 0.1)
    assert simulated_power(best, 0.1) > 0.79
    assert simulated_power(best_split(100, best.k1 + best.k0 - 2), 0.1) < 0.8
    assert best.rollouts == 100 * (best.k1 + best.k0)
    assert cheapest(20, 0.01) is None


def test_sequential_runs_are_worth_more_the_longer_the_sequence():
    long, short = best_split(1000, 12), best_split(20, 12)
    assert long.k1 > short.k1 >= short.k0
    assert best_split(1000, 12, coupled=True).k1 == 6


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (RunCounts(n=60, k1=2, k0=3), "no test"),
        (RunCounts(n=60, k1=4, k0=3, coupled=True), "same number of runs"),
    ],
)
def test_what_is_not_tested_has_no_power(runs, said):
    with pytest.raises(ValueError, match=said):
        simulated_power(runs, 0.1)


def test_a_huge_plan_is_tried_on_fewer_datasets():
    assert RunCounts(n=100, k1=50, k0=50).sets == 2000
    assert RunCounts(n=1000, k1=100, k0=100).sets == 100
    assert simulated_power(RunCounts(n=20, k1=1000, k0=1000), 0.4) > 0.99
