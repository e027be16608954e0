"""The best of an index whose ties are broken anew."""

import pytest

from memory_backends.shared.nearest import SPARE, nearest


@pytest.mark.parametrize("size", [0, 3, SPARE, 4 * SPARE, 500])
def test_an_index_that_holds_fewer_than_the_memory_is_asked_no_more_than_needed(size):
    """All scores are equal: nothing but the end of the index ends the search."""
    asked = []

    def ask(wanted):
        asked.append(wanted)
        return [(number, 0.5) for number in range(size)][:wanted]

    found = nearest(ask, 5, 1_000_000)
    assert found == [(number, 0.5) for number in reversed(range(size))]
    assert all(wanted <= size for wanted in asked[:-1])


def test_ties_across_the_edge_go_to_the_later_record():
    scores = [0.9, *[0.5] * 60, 0.1]
    found = nearest(lambda n: list(enumerate(scores))[:n], 3, len(scores))
    assert found[:3] == [(0, 0.9), (60, 0.5), (59, 0.5)]
