"""The best of an index that breaks ties its own way, in an order that is the same everywhere."""

from __future__ import annotations

from collections.abc import Callable

Ask = Callable[[int], list[tuple[int, float]]]
"""Returns the N nearest records, with scores rounded so that they are equal on every machine."""
SPARE = 20
"""Candidates asked for beyond k, to be ranked again."""


def nearest(ask: Ask, k: int, total: int) -> list[tuple[int, float]]:
    """Return records with positive scores, best first, at least k if there are as many.

    Of equals the later record comes first.
    """
    wanted = k + SPARE
    while True:
        near = sorted(ask(min(wanted, total)), key=lambda pair: (-pair[1], -pair[0]))
        # A tie across the edge of the candidates would be broken by the index's whim.
        last, edge = near[-1:], near[k - 1 : k]
        # Any other number than requested is all that the index has: records without words are not
        # in it, and a server may not take a number at all.
        if len(near) != wanted or wanted >= total or not edge or last[0][1] < edge[0][1]:
            return [(index, score) for index, score in near if score > 0]
        wanted *= 4
