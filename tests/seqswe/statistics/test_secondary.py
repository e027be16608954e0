import numpy as np
import pytest

from seqswe.statistics import (
    arm_curve,
    backward_transfer,
    cold_start_penalty,
    confidence_sequence,
    cost_per_resolved,
    cost_ratio,
    dose_response,
    forward_transfer,
    gap_closed,
    jumpstart,
    law_of_practice,
    lift_curve,
    regret,
    run_permutation,
    time_to_threshold,
)
from seqswe.statistics.curve import smooth_at_tasks, smoother


@pytest.fixture
def rng():
    return np.random.default_rng(8)


def test_cost_ratio_of_half_the_cost(rng):
    iid = np.exp(rng.normal(size=(50, 4)))
    ratio = cost_ratio(iid / 2, iid)
    assert ratio.ratio == pytest.approx(0.5)
    assert ratio.low <= ratio.ratio <= ratio.high


def test_cost_of_zero_has_no_logarithm():
    with pytest.raises(ValueError, match="zero or less"):
        cost_ratio(np.zeros((4, 2)), np.ones((4, 2)))


def test_cost_per_resolved_is_the_ratio_of_the_two_quotients(rng):
    cost1, cost0 = rng.random((60, 3)), rng.random((60, 5))
    y1, y0 = rng.integers(0, 2, (60, 3)), rng.integers(0, 2, (60, 5))
    ratio = cost_per_resolved(cost1, y1, cost0, y0)
    expected = (cost1.sum() / y1.sum()) / (cost0.sum() / y0.sum())
    assert ratio is not None
    assert ratio.ratio == pytest.approx(expected)
    assert ratio.low < expected < ratio.high


def test_cost_per_resolved_needs_something_resolved():
    one = np.ones((5, 3))
    assert cost_per_resolved(one, np.zeros((5, 3)), one, one) is None
    with pytest.raises(ValueError, match="one cost per rollout"):
        cost_per_resolved(one, np.ones((5, 2)), one, one)


@pytest.mark.filterwarnings("error")
def test_an_interval_may_be_endless_without_a_warning():
    # Two runs that differ wildly leave one degree of freedom.
    wild = np.exp([[300.0, -300.0], [1.0, 1.0], [1.0, 1.0], [-300.0, 300.0]])
    practice = law_of_practice(wild, np.ones((4, 2)))
    assert (practice.low, practice.high) == (-np.inf, 1.0)
    one, lucky = np.ones((2, 2)), np.array([[1.0, 0.0], [1.0, 0.0]])
    ratio = cost_per_resolved(one, lucky, one, one)
    assert ratio is not None
    assert ratio.ratio == pytest.approx(2.0)
    assert ratio.low < 0.001 < 1000 < ratio.high


def test_law_of_practice_finds_the_exponent_it_was_given(rng):
    iid = np.exp(rng.normal(size=(100, 1))) * np.ones((1, 3))
    i = np.arange(1, 101)[:, np.newaxis]
    practice = law_of_practice(iid * 1.1 * i**-0.2, iid)
    assert practice.exponent.estimate == pytest.approx(0.2)
    assert practice.rate == pytest.approx(1 - 2**-0.2)
    assert practice.low <= practice.rate <= practice.high
    assert practice.start == pytest.approx(np.log(1.1))


def test_a_curve_follows_a_straight_line_exactly():
    ramp = np.linspace(0, 1, 60)[:, np.newaxis] * np.ones((1, 3))
    curve = lift_curve(ramp, np.zeros((60, 3)))
    assert curve.estimate == pytest.approx(np.interp(curve.position, np.arange(1, 61), ramp[:, 0]))
    assert curve.position[0] == 1.0
    assert curve.position[-1] == 60.0


def test_the_band_is_wider_than_the_pointwise_one(rng):
    y1, y0 = rng.integers(0, 2, (120, 5)), rng.integers(0, 2, (120, 5))
    curve = lift_curve(y1, y0)
    assert (curve.high > curve.pointwise_high).all()
    assert (curve.low < curve.pointwise_low).all()
    again = lift_curve(y1, y0)
    assert (curve.high == again.high).all()


@pytest.mark.parametrize("values", [np.zeros((20, 3)), np.ones((20, 1))])
def test_a_constant_arm_has_a_band_of_no_width(values):
    curve = arm_curve(values)
    assert curve.low == pytest.approx(curve.high, abs=1e-9)
    assert curve.single_run is (values.shape[1] == 1)


def test_a_curve_refuses_what_it_cannot_draw():
    with pytest.raises(ValueError, match="at least 10"):
        arm_curve(np.ones((9, 3)))
    with pytest.raises(ValueError, match="share of the sequence"):
        arm_curve(np.ones((20, 3)), bandwidth=15)


@pytest.mark.parametrize(("n", "bandwidth"), [(10, 0.15), (137, 0.15), (60, 0.02), (60, 1.0)])
def test_the_quick_smoother_is_the_smoother(rng, n, bandwidth):
    outcome = rng.random(n)
    rows = smoother(n, (np.arange(n) + 0.5) / n, bandwidth)
    fitted, leverage = smooth_at_tasks(outcome, bandwidth)
    assert fitted == pytest.approx(rows @ outcome, rel=1e-9)
    assert leverage == pytest.approx(np.diag(rows), rel=1e-9)


def test_threshold_is_reached_or_censored():
    ramp = np.linspace(0, 1, 101)[:, np.newaxis] * np.ones((1, 3))
    curve = lift_curve(ramp, np.zeros((101, 3)))
    reached = time_to_threshold(curve, 0.495)
    assert reached.earliest == reached.reached == reached.latest == pytest.approx(51, abs=2.5)
    never = time_to_threshold(curve, 1.5)
    assert (never.earliest, never.reached, never.latest) == (None, None, None)


def test_a_threshold_that_the_band_does_not_show_is_not_shown(rng):
    y1, y0 = rng.integers(0, 2, (60, 3)), rng.integers(0, 2, (60, 3))
    curve = lift_curve(y1, y0)
    assert (curve.estimate >= 0.04).any()
    assert time_to_threshold(curve, 0.04).reached is None


def test_a_shown_threshold_lies_between_the_edges_of_the_band(rng):
    x = np.linspace(0, 1, 200)[:, np.newaxis]
    curve = lift_curve(rng.random((200, 5)) < 0.3 + 0.5 * x, rng.random((200, 5)) < 0.3)
    found = time_to_threshold(curve, 0.2)
    assert found.earliest < found.reached < found.latest


def test_jumpstart_reads_the_first_tasks_only():
    y1 = np.ones((10, 3))
    y0 = np.r_[np.ones((4, 3)), np.zeros((6, 3))]
    assert jumpstart(y1, y0, first=4).estimate == 0.0
    with pytest.raises(ValueError, match="from 2 to 10"):
        jumpstart(y1, y0, first=11)


def test_regret_counts_tasks(rng):
    y = rng.integers(0, 2, (40, 3)).astype(float)
    assert regret(y, np.ones((40, 3))).estimate == pytest.approx(40 - y.sum() / 3)


def test_gap_closed_is_a_share_of_the_oracles_gain(rng):
    iid = (rng.random((300, 5)) < 0.3).astype(float)
    oracle = (rng.random((300, 5)) < 0.7).astype(float)
    closed = gap_closed((rng.random((300, 5)) < 0.5).astype(float), iid, oracle)
    assert closed is not None
    assert closed.low < 0.5 < closed.high
    assert gap_closed(oracle, iid, oracle).estimate == pytest.approx(1.0)
    assert gap_closed(iid, iid, iid) is None


def test_cold_start_penalty_counts_tasks():
    y1 = np.repeat(np.r_[np.zeros(6), np.ones(3)][:, np.newaxis], 3, axis=1)
    assert cold_start_penalty(y1, np.zeros((9, 3))).estimate == pytest.approx(6.0)
    with pytest.raises(ValueError, match="at least 6"):
        cold_start_penalty(y1[:5], y1[:5])


def test_whole_run_permutation_by_hand():
    # Of the 20 ways to split six runs, this one and its mirror are the most extreme.
    assert run_permutation(np.ones((4, 3)), np.zeros((4, 3))) == pytest.approx(0.1)
    assert run_permutation(np.ones((4, 3)), np.ones((4, 3))) == 1.0
    sampled = run_permutation(np.ones((4, 9)), np.zeros((4, 9)), draws=1000)
    assert sampled == pytest.approx(1 / 1001, abs=1e-3)


def test_confidence_sequence_waits_then_alarms():
    y1 = np.ones((200, 1))
    y1[::10] = 0.0
    sequence = confidence_sequence(y1, np.zeros((200, 1)))
    assert sequence.alarm == 20
    assert np.isinf(sequence.high[:19]).all()
    assert sequence.estimate[-1] == pytest.approx(0.9)
    assert confidence_sequence(np.ones((50, 1)), np.zeros((50, 1))).alarm is None


def test_forward_transfer_leaves_out_what_the_snapshot_saw():
    frozen = np.r_[np.zeros((5, 3)), np.ones((5, 3))]
    assert forward_transfer(frozen, np.zeros((10, 3)), learnt=5).estimate == 1.0
    with pytest.raises(ValueError, match="nothing is left"):
        forward_transfer(frozen, frozen, learnt=9)


def test_doses_are_measured_on_the_same_tasks():
    later = np.r_[np.zeros((5, 3)), np.ones((5, 3))]
    doses = dose_response({0: np.zeros((10, 3)), 5: later}, np.zeros((10, 3)))
    assert [(dose, e.estimate, e.n) for dose, e in doses.items()] == [(0, 0.0, 5), (5, 1.0, 5)]


def test_backward_transfer_is_negative_where_something_was_forgotten():
    assert backward_transfer(np.zeros((6, 3)), np.ones((6, 3))).estimate == -1.0
