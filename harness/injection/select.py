"""Which bug is tried next: a preference by rank, seeded, the same for a codebase throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random

from harness.injection.operators import HARD, OPERATORS, Mutation

HARD_SHARE = 0.08
"""Of the draws: bugs that small edits hardly ever repair are noticed by nearly every test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Weights by rank ** -zipf; ranks are a lot by name, so they hold while the code grows."""

    seed: int
    zipf: float

    def weights(self, kind: str, names: Sequence[str], exponent: float) -> list[float]:
        """The weight of each name: its rank among all names given, to the power -exponent."""
        order = sorted(names, key=lambda name: self._lot(kind, name))
        ranks = {name: rank for rank, name in enumerate(order, 1)}
        return [ranks[name] ** -exponent for name in names]

    def function(self, known: Mapping[str, Sequence[str]], open_: set[str], lot: Random) -> str:
        """Draw a module, then one of its functions, among those still `open_`.

        `known`: functions by module, dry ones too: they keep their ranks.
        """
        modules = sorted(known)
        left = [any(f in open_ for f in known[module]) for module in modules]
        module = _draw(modules, self.weights("module", modules, self.zipf), left, lot)
        functions = sorted(known[module])
        alive = [f in open_ for f in functions]
        return _draw(functions, self.weights("function", functions, self.zipf), alive, lot)

    def mutation(self, found: Sequence[Mutation], lot: Random) -> Mutation:
        """Draw one mutation of a function; kinds are preferred half as sharply as places."""
        hard = [m for m in found if m.operator in HARD]
        easy = [m for m in found if m.operator not in HARD]
        chosen = hard if not easy or (hard and lot.random() < HARD_SHARE) else easy
        weights = dict(
            zip(OPERATORS, self.weights("operator", OPERATORS, self.zipf / 2), strict=True)
        )
        return lot.choices(chosen, [weights[m.operator] for m in chosen])[0]

    def _lot(self, kind: str, name: str) -> bytes:
        return sha256(f"{self.seed} {kind} {name}".encode()).digest()


def _draw(names: list[str], weights: list[float], alive: list[bool], lot: Random) -> str:
    return lot.choices(names, [w if a else 0.0 for w, a in zip(weights, alive, strict=True)])[0]
