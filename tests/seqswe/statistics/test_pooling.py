"""Pooling over codebases and the order of memories: known answers, and the short calibration."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.pooling import BOUNDS, COLUMNS, Size, calibrate, main
from seqswe.statistics.pooling import mean_and_se, paule_mandel, pool, standings
from seqswe.statistics.power import PowerPlan, smallest_pooled_effect
from seqswe.statistics.student import t_quantile

LIFTS = np.array([0.02, 0.11, 0.05, -0.03, 0.08, 0.15])
VARIANCES = np.array([0.0004, 0.0009, 0.0002, 0.0005, 0.0003, 0.0010])


def test_where_codebases_differ_it_is_the_t_interval_over_their_lifts():
    pooled = pool(LIFTS, VARIANCES)
    expected = stats.ttest_1samp(LIFTS, 0.0)
    interval = expected.confidence_interval()
    assert pooled.estimate == pytest.approx(LIFTS.mean())
    assert (pooled.low, pooled.high) == pytest.approx((interval.low, interval.high))
    assert pooled.p == pytest.approx(expected.pvalue)


def test_lifts_that_happen_to_agree_are_no_surer_than_their_own_noise():
    pooled = pool([0.05] * 6, VARIANCES)
    assert pooled.se == pytest.approx(np.sqrt(VARIANCES.mean() / 6))
    assert (pooled.tau, pooled.i_squared) == (0.0, 0.0)


def test_paule_mandel_solves_its_equation():
    tau2 = paule_mandel(LIFTS, VARIANCES)
    weights = 1.0 / (VARIANCES + tau2)
    mean = weights @ LIFTS / weights.sum()
    assert weights @ (LIFTS - mean) ** 2 == pytest.approx(len(LIFTS) - 1)
    assert pool(LIFTS, VARIANCES).tau == pytest.approx(np.sqrt(tau2))


def test_without_noise_of_their_own_tau_is_the_standard_deviation():
    assert pool(LIFTS, np.zeros(6)).tau == pytest.approx(LIFTS.std(ddof=1))
    assert pool(LIFTS, np.zeros(6)).i_squared == 1.0


def test_the_prediction_interval_adds_the_spread_between_codebases():
    pooled = pool(LIFTS, VARIANCES)
    reach = stats.t.ppf(0.975, 4) * np.hypot(pooled.tau, pooled.se)
    assert pooled.predicted_high - pooled.estimate == pytest.approx(reach)
    assert pooled.predicted_low < pooled.low


def test_under_five_codebases_there_is_no_p_and_under_four_no_mean():
    assert pool(LIFTS[:4], VARIANCES[:4]).p is None
    assert pool(LIFTS[:5], VARIANCES[:5]).p is not None
    with pytest.raises(ValueError, match="list their lifts"):
        pool(LIFTS[:3], VARIANCES[:3])


@pytest.mark.parametrize(
    ("lifts", "variances"),
    [([0.1] * 5, [0.1] * 4), ([0.1, np.nan] * 3, [0.1] * 6), ([0.1] * 5, [-0.1] * 5)],
)
def test_what_cannot_be_pooled_is_refused(lifts, variances):
    with pytest.raises(ValueError, match=r"one variance|finite"):
        pool(lifts, variances)


def test_equal_lifts_without_noise_have_a_sign_test():
    assert pool([0.0] * 6, [0.0] * 6).p == 1.0
    assert pool([0.1] * 6, [0.0] * 6).p == 2.0**-5


def test_swapping_the_sign_swaps_the_interval():
    up, down = pool(LIFTS, VARIANCES), pool(-LIFTS, VARIANCES)
    assert (down.low, down.high, down.p) == pytest.approx((-up.high, -up.low, up.p))


def test_many_pairs_at_once_are_what_one_by_one_are():
    mean, se = mean_and_se(np.stack([LIFTS, -LIFTS]), np.stack([VARIANCES, VARIANCES]))
    assert mean[1] == -mean[0]
    assert se == pytest.approx([pool(LIFTS, VARIANCES).se] * 2)


def square(entries, size=4, fill=np.nan):
    values = np.full((size, size), fill)
    for (i, j), value in entries.items():
        values[i, j] = value
    return values


def test_ranks_say_only_what_is_sure():
    gaps = square({(0, 1): 0.1, (0, 2): 0.2, (0, 3): 0.01, (1, 2): 0.1, (1, 3): 0.1, (2, 3): -0.2})
    p = square({(0, 1): 0.3, (0, 2): 1e-6, (0, 3): 1.0, (1, 2): 0.2, (1, 3): 0.4, (2, 3): 1e-6})
    found = standings(gaps, p)
    assert found.better[0, 2]
    assert found.better[3, 2]
    assert found.better.sum() == 2
    assert found.lowest.tolist() == [1, 1, 3, 1]
    assert found.highest.tolist() == [3, 4, 4, 3]
    assert found.tier.tolist() == [1, 1, 2, 1]


def test_holm_counts_every_pair():
    gaps = square({(i, j): 0.1 for i in range(4) for j in range(i + 1, 4)})
    p = square({(i, j): 0.02 for i in range(4) for j in range(i + 1, 4)})
    assert not standings(gaps, p).better.any()


def test_pairs_without_a_p_are_never_sure():
    found = standings(square({(0, 1): 0.9}), np.full((4, 4), np.nan))
    assert found.lowest.tolist() == [1] * 4
    assert found.highest.tolist() == [4] * 4
    assert found.tier.tolist() == [1] * 4


def test_sure_differences_in_a_circle_end_in_one_tier():
    gaps = square({(0, 1): 0.1, (1, 2): 0.1, (0, 2): -0.1}, size=3)
    p = square({(0, 1): 1e-9, (1, 2): 1e-9, (0, 2): 1e-9}, size=3)
    assert standings(gaps, p).tier.tolist() == [1, 1, 1]


def test_a_table_that_is_not_square_is_refused():
    with pytest.raises(ValueError, match="square"):
        standings(np.zeros((2, 3)), np.zeros((2, 3)))


@pytest.fixture(scope="module")
def rows():
    return list(calibrate(Size(sets=200, seed=1, long=False)))


def test_every_share_lies_in_its_range(rows):
    assert [row.cells() for row in rows if not row.holds] == []


def test_every_promise_is_counted(rows):
    assert {row.check for row in rows} == set(BOUNDS)


def test_a_share_out_of_range_fails_the_run(monkeypatch, capsys):
    def broken(size):
        yield size.row("coverage", "broken", 8, 0.5)

    monkeypatch.setattr("benchmarks.pooling.CHECKS", (broken,))
    assert main(["--long"]) == 1
    assert "1 out of range" in capsys.readouterr().out


def test_what_is_recorded_is_what_is_promised():
    recorded = Path(__file__).parents[3] / "docs" / "pooling.csv"
    lines = list(csv.DictReader(recorded.read_text(encoding="utf-8").splitlines()))
    assert tuple(lines[0]) == COLUMNS
    assert {line["check"] for line in lines} == set(BOUNDS)
    for line in lines:
        low, high = BOUNDS[line["check"]][0]
        assert (float(line["low"]), float(line["high"])) == (low, high)
        assert low <= float(line["share"]) <= high, line


@pytest.mark.parametrize("count", [5, 6, 12])
def test_the_planned_effect_over_codebases_is_found_four_times_in_five(count):
    plan = PowerPlan(n=60, k1=3, k0=3)
    effect = smallest_pooled_effect([plan] * count, spread=0.05)
    draw = np.random.default_rng(7)
    noise = (0.05**2 + plan.se**2) ** 0.5
    lifts = draw.normal(effect, noise, size=(4000, count))
    mean, se = mean_and_se(lifts, np.full_like(lifts, plan.se**2))
    found = np.mean(mean / se > t_quantile(0.975, count - 1))
    assert 0.76 <= found <= 0.84
    with pytest.raises(ValueError, match="at least two"):
        smallest_pooled_effect([plan])
