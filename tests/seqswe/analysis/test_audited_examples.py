"""What an audit printed from the demo's own outcomes, and what a report says of them now."""

import json
from pathlib import Path

import numpy as np
import pytest

from seqswe.analysis import analyse

BASELINE = Path(__file__).parents[3] / ".ci" / "baseline.json"


@pytest.fixture(scope="module")
def iid():
    """Resolved (60 tasks, 3 seeds) of the demo's i.i.d. arm."""
    kept = json.loads(BASELINE.read_text())["arms"]["iid"]["resolved"]
    values = np.array(kept, dtype=bool)
    return values if len(values) == 60 else values.T


@pytest.mark.parametrize("agent", ["repair", "command"])
def test_the_arm_against_itself_is_no_difference_of_at_most_five_points(plant, iid, agent):
    """It was 0.0 (-103.5 to +103.5) points, INCONCLUSIVE, in the table and ± 4e20 of tests."""
    analysis = analyse([plant({"iid": iid, "sequential": iid}, agent=agent)])
    (primary,) = analysis.headlines()
    assert (primary.low, primary.high) == pytest.approx((-0.05, 0.05))
    assert analysis.sentences[0].startswith("NO DIFFERENCE: ")
    assert "no difference in 60 tasks: at most 5.0" in analysis.sentences[0]
    for contrast in analysis.contrasts:
        assert abs(contrast.low) < 1e3
        assert abs(contrast.high) < 1e3
    for estimate in analysis.secondary:
        assert all(abs(end) < 1e3 for end in (estimate.low, estimate.high) if end is not None)


@pytest.mark.parametrize(("agent", "width"), [("repair", 0.11), ("command", 0.5)])
def test_one_rollout_of_180_changed_is_a_narrow_interval_around_half_a_point(
    plant, iid, agent, width
):
    """It was -.006 (-.488 to +.476)."""
    other = iid.copy()
    other[11, 1] = ~other[11, 1]
    analysis = analyse([plant({"iid": iid, "sequential": other}, agent=agent)])
    (primary,) = analysis.headlines()
    assert abs(primary.estimate) == pytest.approx(1 / 180)
    # Never narrower than without that rollout.
    assert primary.low < 0.0 < primary.high
    assert primary.high - primary.low >= 0.1
    assert primary.high - primary.low < width
    assert analysis.sentences[0].startswith("INCONCLUSIVE: ")
