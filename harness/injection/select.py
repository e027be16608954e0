"""Which bug is tried next: a seeded preference by rank, the same throughout a codebase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random

from harness.injection.operators import HARD, OPERATORS, Mutation

HARD_SHARE = 0.08
"""Share of draws that are hard. Nearly every test notices such bugs, so they would prevail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Weights by rank ** -zipf. Ranks are drawn by name, so they hold while the code grows."""

    seed: int
    zipf: float

    def weights(self, kind: str, names: Sequence[str], exponent: float) -> list[float]:
        """Return the weight of each name: its rank among `names`, to the power -exponent."""
        order = sorted(names, key=lambda name: self._lot(kind, name))
        ranks = {name: rank for rank, name in enumerate(order, 1)}
        return [ranks[name] ** -exponent for name in names]

    def function(self, by_path: Mapping[str, Sequence[str]], open_: set[str], lot: Random) -> str:
        """Draw a module, then one of its functions, among those still `open_`.

        `by_path`: functions by module, including those without mutations left, which keep ranks.
        """
        modules = sorted(by_path)
        left = [any(f in open_ for f in by_path[module]) for module in modules]
        module = _draw(modules, self.weights("module", modules, self.zipf), left, lot)
        functions = sorted(by_path[module])
        alive = [f in open_ for f in functions]
        return _draw(functions, self.weights("function", functions, self.zipf), alive, lot)

    def mutation(self, mutations: Sequence[Mutation], lot: Random) -> Mutation:
        """Draw one mutation of a function; kinds are preferred half as sharply as places."""
        hard = [m for m in mutations if m.operator in HARD]
        easy = [m for m in mutations if m.operator not in HARD]
        chosen = hard if not easy or (hard and lot.random() < HARD_SHARE) else easy
        weights = dict(
            zip(OPERATORS, self.weights("operator", OPERATORS, self.zipf / 2), strict=True)
        )
        return lot.choices(chosen, [weights[m.operator] for m in chosen])[0]

    def _lot(self, kind: str, name: str) -> bytes:
        return sha256(f"{self.seed} {kind} {name}".encode()).digest()


def _draw(names: list[str], weights: list[float], alive: list[bool], lot: Random) -> str:
    return lot.choices(names, [w if a else 0.0 for w, a in zip(weights, alive, strict=True)])[0]
