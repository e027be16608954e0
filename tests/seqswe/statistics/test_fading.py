"""When a lift levels off and how fast a lesson fades: known answers, and what cannot be told."""

import numpy as np
import pytest

from seqswe.statistics import two_way
from seqswe.statistics.forgetting import after_events
from seqswe.statistics.halflife import Lessons, half_life
from seqswe.statistics.inversion import Candidates, invert
from seqswe.statistics.saturation import saturation_point

N, RUNS = 120, 4
TASK = np.arange(1.0, N + 1.0)


def arms(lift, seed=0):
    """Two arms of continuous outcomes that differ by `lift` (N,) and a little noise."""
    rng = np.random.default_rng(seed)
    level = rng.random((N, 1))
    noise = 0.05 * rng.standard_normal((2, N, RUNS))
    return level + lift[:, np.newaxis] + noise[0], level + noise[1]


@pytest.mark.parametrize("coupled", [False, True])
def test_a_value_is_refused_where_the_two_way_estimator_sees_another_shape(coupled):
    y1, y0 = arms(np.minimum(TASK, 60.0) / 200.0)
    knots = np.linspace(20.0, 110.0, 10)
    found = invert(
        y1, y0,
        lambda knot: np.minimum(TASK, knot),
        Candidates(values=knots, smaller=knots / 2.0, larger=np.full(10, np.nan)),
        coupled=coupled,
    )  # fmt: skip
    kept = [
        knot
        for knot in knots
        for columns in [[np.ones(N), np.minimum(TASK, knot), np.minimum(TASK, knot / 2.0)]]
        if two_way(y1, y0, np.column_stack(columns), coupled=coupled).low <= 0.0
    ]
    assert found.low is None
    assert len(kept) < 10
    assert found.high == knots[len(kept)]


def test_a_missing_rollout_is_left_out_by_itself():
    y1, y0 = arms(np.minimum(TASK, 40.0) / 100.0)
    y1[50, 2] = np.nan
    found = saturation_point(y1, y0)
    assert found.low < 40.0 < found.high


def test_the_knot_of_a_hinge_lies_between_the_ends():
    found = saturation_point(*arms(np.minimum(TASK, 40.0) / 100.0))
    assert 30.0 < found.low < found.estimate < found.high < 52.0


@pytest.mark.parametrize("lift", [TASK / 300.0, np.zeros(N), -np.minimum(TASK, 40.0) / 100.0])
def test_a_lift_that_grows_to_the_end_or_not_at_all_levels_off_nowhere(lift):
    assert saturation_point(*arms(lift)).high is None


def test_equal_arms_level_off_nowhere():
    y1, _ = arms(np.zeros(N))
    assert saturation_point(y1, y1).high is None


def test_few_tasks_tell_no_knot():
    y1, y0 = arms(np.zeros(N))
    assert saturation_point(y1[:29], y0[:29]) is None
    assert saturation_point(y1[:30], y0[:30]) is not None


def test_the_latest_of_the_lessons_most_alike_counts():
    lessons = Lessons.of([{"a"}, {"b"}, {"a", "b"}, {"a"}, set(), {"b"}, {"a", "b"}, {"c"}])
    assert lessons.similarity.tolist() == [0.0, 0.0, 0.5, 1.0, 0.0, 1.0, 1.0, 0.0]
    assert lessons.age.tolist() == [0.0, 0.0, 1.0, 3.0, 0.0, 4.0, 4.0, 0.0]


def test_lessons_are_those_of_comparing_every_pair():
    rng = np.random.default_rng(3)
    files = [set(rng.choice(list("abcdefghij"), size=rng.integers(0, 4))) for _ in range(150)]
    lessons = Lessons.of(files)
    for i, mine in enumerate(files):
        pairs = [(len(mine & f) / len(mine | f), j) for j, f in enumerate(files[:i]) if mine & f]
        alike, j = max(pairs, default=(0.0, i))
        assert (lessons.similarity[i], lessons.age[i]) == (alike, i - j)


def drawn(seed=1):
    """Lessons of tasks that fix one of 25 files each, some often and some seldom."""
    rng = np.random.default_rng(seed)
    often = 1.0 / np.arange(1.0, 26.0)
    return Lessons.of([{str(file)} for file in rng.choice(25, N, p=often / often.sum())])


def test_the_half_life_of_lessons_lies_between_the_ends():
    lessons = drawn()
    lift = 0.1 + 0.5 * lessons.similarity * 2.0 ** (-lessons.age / 10.0)
    found = half_life(*arms(lift), lessons)
    assert 5.0 < found.low < 10.0 < found.high < 20.0
    assert found.estimate == pytest.approx(10.0, rel=0.3)


def test_lessons_that_last_have_a_least_half_life_alone():
    lessons = drawn()
    found = half_life(*arms(0.5 * lessons.similarity), lessons)
    assert found.high is None
    assert found.low > 20.0


def test_lessons_that_bring_nothing_tell_no_half_life():
    found = half_life(*arms(np.zeros(N)), drawn())
    assert (found.low, found.high) == (None, None)


def test_lessons_of_one_age_tell_no_half_life():
    lessons = Lessons.of([{"a"}] * N)
    assert not lessons.spread
    assert half_life(*arms(np.zeros(N)), lessons) is None


def test_lessons_of_other_tasks_are_refused():
    with pytest.raises(ValueError, match="119 lessons of 120 tasks"):
        half_life(*arms(np.zeros(N)), drawn().only(np.arange(N) > 0))


def test_what_is_lost_at_an_event_is_the_lift_after_it_less_that_before():
    y1, y0 = arms(np.where(TASK <= 60, 0.5, 0.2))
    found = after_events(y1, y0, [60])
    paired = (y1 - y0).mean(axis=1)
    assert found.difference.estimate == pytest.approx(paired[60:80].mean() - paired[40:60].mean())
    assert found.difference.low < -0.3 < found.difference.high < 0.0
    assert (found.events, found.window, found.difference.p) == (1, 20, None)
    assert found.difference.n == 40


def test_events_do_not_share_tasks_and_each_has_a_level_of_its_own():
    steps = np.where(TASK <= 50, 0.9, np.where(TASK <= 62, 0.6, 0.3))
    found = after_events(*arms(steps), [50, 62, 117])
    assert found.events == 2
    assert found.difference.n == 2 * (6 + 6)
    assert found.difference.estimate == pytest.approx(-0.3, abs=0.03)


@pytest.mark.parametrize("events", [[], [4], [N - 4], [50, 57, 64]])
def test_events_without_tasks_of_their_own_on_both_sides_say_nothing(events):
    found = after_events(*arms(np.zeros(N)), events)
    assert found is None or found.events < len(events)
