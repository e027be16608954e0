"""Does pooling over codebases hold what it promises? python -m benchmarks.pooling --short.

Simulated codebases meet the shipped functions; each share is printed beside the range it must lie
in, and one outside makes the exit code 1. The short form (200 data sets a cell) runs with the
tests. The long one (2,000) is recorded: `--long --out docs` writes docs/pooling.csv.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from zlib import crc32

import numpy as np

from benchmarks.planted_codebases import Between, Estimated, estimated
from seqswe.statistics.arrays import FloatArray
from seqswe.statistics.multiplicity import holm
from seqswe.statistics.pooling import Pooled, mean_and_se, pool, standings
from seqswe.statistics.student import t_two_sided

CODEBASES = (4, 8, 12, 16)
MEMORIES = 20
ALPHA = 0.05
RESAMPLES = 500

Bounds = tuple[float, float]
BOUNDS: dict[str, tuple[Bounds, Bounds]] = {
    "coverage": ((0.93, 0.985), (0.90, 1.0)),
    # Where codebases do not differ the variance floor can only widen: it errs on that side.
    "coverage, tau 0": ((0.93, 1.0), (0.90, 1.0)),
    "coverage, skewed": ((0.90, 1.0), (0.85, 1.0)),
    "type-I error": ((0.0, 0.07), (0.0, 0.10)),
    "prediction interval": ((0.90, 1.0), (0.87, 1.0)),
    "rank intervals": ((0.93, 1.0), (0.92, 1.0)),
    "against a reference, Holm": ((0.0, 0.06), (0.0, 0.08)),
    "fixed effect": ((0.0, 0.6), (0.0, 0.6)),
    "bootstrap of codebases": ((0.0, 0.85), (0.0, 0.88)),
}
"""Range of each share in the long and in the short form; the last two methods must fail."""

COLUMNS = ("check", "scenario", "codebases", "share", "low", "high", "holds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A counted share beside the range it must lie in."""

    check: str
    scenario: str
    codebases: int
    value: float
    bounds: Bounds

    @property
    def holds(self) -> bool:
        """Whether the share lies in its range."""
        return self.bounds[0] <= self.value <= self.bounds[1]

    def cells(self) -> tuple[object, ...]:
        """As COLUMNS has them."""
        share, holds = f"{self.value:.3f}", "yes" if self.holds else "no"
        return (self.check, self.scenario, self.codebases, share, *self.bounds, holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much to simulate."""

    sets: int
    seed: int
    long: bool

    def generator(self, *cell: object) -> np.random.Generator:
        """Return this cell's own generator, so that a cell never depends on those before it."""
        return np.random.default_rng([self.seed, crc32(repr(cell).encode())])

    def row(self, check: str, scenario: str, codebases: int, value: float) -> Row:
        """A share with its range."""
        bounds = BOUNDS[check][0 if self.long else 1]
        return Row(check=check, scenario=scenario, codebases=codebases, value=value, bounds=bounds)


def means(size: Size) -> Iterator[Row]:
    """Coverage of the mean over codebases, type-I error, and of a new codebase's lift."""
    cases = [Between(mean=mean, tau=tau) for mean in (0.05, 0.0) for tau in (0.0, 0.05, 0.10)]
    cases += [Between(mean=0.05, tau=tau, skewed=True) for tau in (0.05, 0.10)]
    for between in cases:
        rng = size.generator("means", between.name)
        chunks = list(estimated(between, size.sets, max(CODEBASES), rng))
        for count in CODEBASES:
            yield from _mean_rows(size, between, chunks, count)


def _mean_rows(size: Size, between: Between, chunks: list[Estimated], count: int) -> Iterator[Row]:
    pooled = [
        pool(chunk.lifts[b, :count], chunk.variances[b, :count])
        for chunk in chunks
        for b in range(len(chunk.lifts))
    ]
    inside = np.mean([p.low <= between.mean <= p.high for p in pooled])
    if between.mean == 0.0:
        yield size.row("type-I error", between.name, count, float(1.0 - inside))
        return
    check = "coverage, skewed" if between.skewed else "coverage"
    yield size.row(check if between.tau else "coverage, tau 0", between.name, count, float(inside))
    if not between.skewed:
        new = np.concatenate([chunk.new for chunk in chunks])
        yield size.row("prediction interval", between.name, count, _predicted(pooled, new))
    if between.tau == 0.10 and not between.skewed:
        yield from _teeth(size, between, chunks, count)


def _predicted(pooled: list[Pooled], new: FloatArray) -> float:
    pairs = zip(pooled, new, strict=True)
    return float(np.mean([p.predicted_low <= lift <= p.predicted_high for p, lift in pairs]))


def _teeth(size: Size, between: Between, chunks: list[Estimated], count: int) -> Iterator[Row]:
    """Methods that must fail: a fixed effect, and percentiles of resampled codebases at C = 4."""
    lifts = np.concatenate([chunk.lifts[:, :count] for chunk in chunks])
    weights = 1.0 / np.concatenate([chunk.variances[:, :count] for chunk in chunks])
    total = weights.sum(axis=1)
    error = np.abs((weights * lifts).sum(axis=1) / total - between.mean)
    fixed = float(np.mean(error <= 1.96 / np.sqrt(total)))
    yield size.row("fixed effect", between.name, count, fixed)
    if count == 4:
        rng = size.generator("bootstrap")
        picks = rng.integers(count, size=(RESAMPLES, count))
        ends = np.percentile(lifts[:, picks].mean(axis=2), (2.5, 97.5), axis=1)
        inside = (ends[0] <= between.mean) & (between.mean <= ends[1])
        yield size.row("bootstrap of codebases", between.name, count, float(inside.mean()))


def ranks(size: Size) -> Iterator[Row]:
    """Whether rank intervals hold for all memories at once, and the error against a reference."""
    cases = {"all equal": np.zeros(MEMORIES), "0 to 15 points": np.linspace(0.0, 0.15, MEMORIES)}
    for name, true in cases.items():
        for tau in (0.03, 0.05):
            for count in CODEBASES:
                rng = size.generator("ranks", name, tau, count)
                hits = [_rank_hits(true, tau, count, rng) for _ in range(size.sets)]
                held, false = np.mean(hits, axis=0)
                scenario = f"{MEMORIES} memories, {name}, tau {tau:g}"
                yield size.row("rank intervals", scenario, count, float(held))
                if not true.any():
                    yield size.row("against a reference, Holm", scenario, count, float(false))


def _rank_hits(
    true: FloatArray, tau: float, count: int, rng: np.random.Generator
) -> tuple[bool, bool]:
    """Whether every rank lies in its interval; whether any is falsely unlike the first memory."""
    noise = rng.uniform(0.015, 0.045, count)
    own = tau * rng.standard_normal((MEMORIES, count))
    levels = true[:, np.newaxis] + own + noise * rng.standard_normal((MEMORIES, count))
    rows, columns = np.triu_indices(MEMORIES, k=1)
    # A squared standard error of few runs is itself uncertain, here by eight degrees of freedom.
    variances = 2.0 * noise**2 * rng.chisquare(8, (len(rows), count)) / 8
    mean, se = mean_and_se(levels[rows] - levels[columns], variances)
    p = np.array([t_two_sided(float(t), count - 1) for t in mean / se])
    square = np.full((2, MEMORIES, MEMORIES), np.nan)
    square[0, rows, columns], square[1, rows, columns] = mean, p
    found = standings(*square)
    above = (true > true[:, np.newaxis]).sum(axis=1)
    below = (true < true[:, np.newaxis]).sum(axis=1)
    held = (found.lowest <= 1 + above) & (found.highest >= MEMORIES - below)
    return bool(held.all()), bool((holm(p[rows == 0]) <= ALPHA).any())


CHECKS: tuple[Callable[[Size], Iterator[Row]], ...] = (means, ranks)


def calibrate(size: Size) -> Iterator[Row]:
    """Yield every share with its range, as each is counted."""
    for check in CHECKS:
        yield from check(size)


def table(rows: list[Row]) -> str:
    """Every share as CSV, see COLUMNS."""
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row.cells() for row in rows)
    return text.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """Print every share; return 1 where one is out of range."""
    parser = argparse.ArgumentParser(description=__doc__)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help="200 data sets per cell (default)")
    form.add_argument("--long", action="store_true", help="2,000 data sets per cell")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder to write pooling.csv to")
    options = parser.parse_args(arguments)
    size = Size(sets=2000 if options.long else 200, seed=options.seed, long=options.long)
    rows = []
    for row in calibrate(size):
        print(*row.cells(), sep=", ", flush=True)
        rows.append(row)
    out = sum(not row.holds for row in rows)
    print(f"{len(rows)} shares of {size.sets} data sets, seed {size.seed}: {out} out of range.")
    if options.out:
        (options.out / "pooling.csv").write_text(table(rows), encoding="utf-8")
    return 1 if out else 0


if __name__ == "__main__":
    sys.exit(main())
