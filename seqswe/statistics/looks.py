"""What a look at results that may still grow costs: every look has its own share of the level.

The union bound makes the shares hold together at any number of looks, however they are chosen.
"""

from __future__ import annotations

FIRST = 0.04
"""Level of the first look, which is the only one in most cases."""
LATER = 0.01
"""Level of all later looks together: Σ_{j ≥ 2} 1/(j(j − 1)) = 1."""


def alpha_of_look(look: int) -> float:
    """Return the level of look j = 1, 2, …: .04, then .01/(j(j − 1)); all together .05.

    Raises ValueError for a look before the first.
    """
    if look < 1:
        raise ValueError(f"Looks are counted from 1, not {look}.")
    return FIRST if look == 1 else LATER / (look * (look - 1))
