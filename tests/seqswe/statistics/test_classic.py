import numpy as np
import pytest

from seqswe.statistics import maximum_forgetting, pass_at_k, pass_hat_k, swe_bench_cl
from seqswe.statistics.classic import aulc_weights


def test_pass_at_k_by_hand():
    # c = 2 of n = 4: 1 − C(2, 2)/C(4, 2) = 5/6; pass^2 = C(2, 2)/C(4, 2) = 1/6.
    row = [[1, 1, 0, 0]]
    assert pass_at_k(row, 2) == pytest.approx(5 / 6)
    assert pass_hat_k(row, 2) == pytest.approx(1 / 6)
    assert pass_at_k([[1, 0], [0, 0]], 1) == pass_hat_k([[1, 0], [0, 0]], 1) == 0.25


@pytest.mark.parametrize("k", [0, 3])
def test_pass_at_k_needs_k_runs(k):
    with pytest.raises(ValueError, match="choose k"):
        pass_at_k([[1, 0]], k)


def test_pass_at_k_counts_successes_only():
    with pytest.raises(ValueError, match="0 or 1"):
        pass_at_k([[0.5, 0]], 1)


def test_their_metrics_by_hand():
    theirs = swe_bench_cl([1, 0, 1], [0, 0, 1], replay=[0, 1, 1])
    assert theirs.accuracy == pytest.approx(2 / 3)
    assert theirs.aulc == pytest.approx((1 + 1 / 2 + 2 / 3) / 3)
    assert theirs.forward_transfer == 0.0
    assert theirs.backward_transfer == theirs.forgetting == 0.0
    lost = swe_bench_cl([1, 0, 1], [0, 0, 1], replay=[0, 0, 1])
    assert (lost.forgetting, lost.backward_transfer) == (0.5, -0.5)
    assert lost.cl_score == pytest.approx(lost.accuracy + lost.aulc - 1.0)


def test_without_a_replay_arm_forgetting_is_not_made_up():
    theirs = swe_bench_cl([1, 0, 1], [0, 0, 1])
    assert theirs.forgetting is None
    assert "third of its weight" in theirs.warning


def test_their_aulc_puts_a_third_of_its_weight_on_the_first_tenth():
    weights = aulc_weights(1000)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[:100].sum() == pytest.approx(0.33, abs=0.005)
    assert aulc_weights(50)[0] / aulc_weights(50)[-1] == pytest.approx(225, abs=1)


def test_forgetting_by_a_maximum_by_hand():
    assert maximum_forgetting([[1, np.nan], [0, 1]]) == 1.0
    with pytest.raises(ValueError, match="last pass"):
        maximum_forgetting([[1, np.nan]])
