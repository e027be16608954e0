"""Reliability, lifts on parts of a stream, and net utility: known answers."""

import numpy as np
import pytest

from seqswe.statistics import pass_hat_k, share_interval, two_way
from seqswe.statistics.reliability import net_utility, part_lifts, pass_hat

RNG = np.random.default_rng(4)
Y1 = (RNG.random((40, 4)) < RNG.beta(0.5, 0.5, (40, 1))).astype(float)
Y0 = (RNG.random((40, 3)) < 0.4).astype(float)
SEEN = np.arange(40) % 3 > 0


@pytest.mark.parametrize("k", [1, 2, 3])
def test_its_estimate_is_pass_hat_k(k):
    assert pass_hat(Y1, k).estimate == pytest.approx(pass_hat_k(Y1, k))


def test_with_one_try_it_is_the_interval_of_the_mean():
    found, mean = pass_hat(Y1, 1), share_interval(Y1)
    assert found.run_variance == pytest.approx(mean.run_variance)
    assert (found.se, found.low, found.high) == pytest.approx((mean.se, mean.low, mean.high))


def test_what_never_fails_and_never_succeeds_has_an_interval():
    always, never = pass_hat(np.ones((40, 3)), 2), pass_hat(np.zeros((40, 3)), 2)
    assert 0.85 < always.low < always.high == 1.0
    assert never.low == 0.0 < never.high < 0.15


def test_runs_that_differ_widen_it():
    luck = np.zeros((40, 4))
    luck[:, :2] = 1.0
    assert pass_hat(luck, 2).run_variance > 0.0
    assert pass_hat(luck, 2).low < pass_hat_k(luck, 2) < pass_hat(luck, 2).high


def test_equal_runs_have_the_noise_of_tasks_alone():
    same = np.repeat(Y1[:, :1], 4, axis=1)
    found = pass_hat(same, 2)
    assert found.run_variance == 0.0
    assert found.se == pytest.approx(same[:, 0].std(ddof=1) / np.sqrt(40))
    assert found.p is None


@pytest.mark.parametrize(
    ("values", "k"), [(Y1, 0), (Y1, 4), (Y1 * 0.5, 2), (np.ones((1, 3)), 2), (np.ones((9, 1)), 1)]
)
def test_what_has_no_reliability_is_refused(values, k):
    with pytest.raises(ValueError, match=r"pass\^k counts|choose k"):
        pass_hat(values, k)


def test_parts_have_their_own_mean_lift():
    found = part_lifts(Y1, Y0, SEEN)
    paired = Y1.mean(axis=1) - Y0.mean(axis=1)
    assert found.inside.estimate == pytest.approx(paired[SEEN].mean())
    assert found.outside.estimate == pytest.approx(paired[~SEEN].mean())
    assert found.difference.estimate == pytest.approx(paired[SEEN].mean() - paired[~SEEN].mean())


def test_parts_together_are_the_lift():
    found, share = part_lifts(Y1, Y0, SEEN), SEEN.mean()
    whole = share * found.inside.estimate + (1 - share) * found.outside.estimate
    assert whole == pytest.approx(two_way(Y1, Y0).estimate)


def test_parts_have_no_p():
    found = part_lifts(Y1, Y0, SEEN)
    assert {e.p for e in (found.inside, found.outside, found.difference)} == {None}


def test_a_part_of_four_tasks_has_no_interval():
    assert part_lifts(Y1, Y0, np.arange(40) < 4) is None
    assert part_lifts(Y1, Y0, np.arange(40) < 5) is not None
    assert part_lifts(Y1, Y0, np.ones(40, bool)) is None
    with pytest.raises(ValueError, match="one for each of 40"):
        part_lifts(Y1, Y0, SEEN[:-1])


def test_net_utility_takes_the_price_off_the_lift():
    c1, c0 = np.full(Y1.shape, 3.0), np.full(Y0.shape, 1.0)
    found, lift = net_utility((Y1, Y0), (c1, c0), 0.1), two_way(Y1, Y0)
    assert found.estimate == pytest.approx(lift.estimate - 0.2)
    assert found.se == pytest.approx(lift.se)
    assert found.p is None
    assert net_utility((Y1, Y0), (c1, c0), 0.0).estimate == pytest.approx(lift.estimate)
    with pytest.raises(ValueError, match="costs"):
        net_utility((Y1, Y0), (c1[:, :2], c0), 0.1)
