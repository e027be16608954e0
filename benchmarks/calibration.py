"""Does the statistics' own code hold what it promises? python -m benchmarks.calibration --short.

Simulated agents with planted curves meet the shipped functions; each share is printed beside the
range it must lie in, and one outside makes the exit code 1. The short form (400 datasets per
cell) runs with the tests. The long one (2,000) is recorded: `--long --out docs` writes every cell
to docs/calibration.csv and the summary into docs/calibration.md; `--only NAME` counts a part anew,
`--resume` goes on with what is not recorded with as many datasets yet.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from benchmarks.analysis import sentence
from benchmarks.audited import AUDITED, AUDITED_TEETH
from benchmarks.beside import CHECKS as BESIDE
from benchmarks.checks import CHECKS, Share, Size
from benchmarks.fading import FADING, FADING_TEETH
from benchmarks.plans import PLANNED, PLANNED_TEETH
from benchmarks.teeth import TEETH

Bounds = tuple[float, float]
Part = Callable[[Size], Iterator[Share]]
"""Counts some checks, cell by cell."""

LONG: dict[str, tuple[Bounds, Bounds]] = {
    "coverage, stream": ((0.92, 0.999), (0.93, 0.999)),
    "coverage, superpopulation": ((0.92, 0.995), (0.93, 0.995)),
    "type-I error": ((0.0, 0.08), (0.0, 0.07)),
    "slope coverage": ((0.93, 1.0), (0.93, 1.0)),
    "log slope coverage": ((0.93, 1.0), (0.93, 1.0)),
    "cost per resolved": ((0.925, 1.0), (0.925, 1.0)),
    "law of practice": ((0.925, 1.0), (0.925, 1.0)),
    "band": ((0.92, 1.0), (0.92, 1.0)),
    "Holm, 4 memories": ((0.0, 0.06), (0.0, 0.06)),
    "confidence sequence": ((0.0, 0.05), (0.0, 0.05)),
    "harm rate": ((0.92, 1.0), (0.92, 1.0)),
    "lift on seen files": ((0.92, 1.0), (0.92, 1.0)),
    "lift on new files": ((0.92, 1.0), (0.92, 1.0)),
    "seen less new": ((0.92, 1.0), (0.92, 1.0)),
    "lift from other modules": ((0.92, 1.0), (0.92, 1.0)),
    "Brier score": ((0.92, 1.0), (0.92, 1.0)),
    "pass^k": ((0.92, 1.0), (0.92, 1.0)),
    "net utility": ((0.92, 1.0), (0.92, 1.0)),
    "levelling off: falsely shown": ((0.0, 0.05), (0.0, 0.05)),
    "levelling off: coverage": ((0.92, 1.0), (0.92, 1.0)),
    "half-life: falsely shown": ((0.0, 0.05), (0.0, 0.05)),
    "half-life: coverage": ((0.92, 1.0), (0.92, 1.0)),
    "after a refactoring: coverage": ((0.92, 1.0), (0.92, 1.0)),
    "lessons of another age: coverage": ((0.92, 1.0), (0.92, 1.0)),
    "paired by seed: coverage": ((0.93, 1.0), (0.93, 1.0)),
    "this stream: coverage": ((0.92, 1.0), (0.92, 1.0)),
    "i.i.d. runs differ: type-I error": ((0.0, 0.07), (0.0, 0.07)),
    "F test of runs: false alarms": ((0.0, 0.02), (0.0, 0.02)),
    "share: coverage": ((0.91, 0.985), (0.91, 0.985)),
    "one chain of five stops: coverage": ((0.92, 1.0), (0.92, 1.0)),
    "time to a lift: falsely shown": ((0.0, 0.05), (0.0, 0.05)),
    "time to a lift: not wrong": ((0.92, 1.0), (0.92, 1.0)),
    "report, seeds added: any look": ((0.0, 0.06), (0.0, 0.06)),
    "gate, begun anew: any look": ((0.0, 0.05), (0.0, 0.05)),
    "plan: power, said to be .80": ((0.77, 0.83), (0.77, 0.83)),
}
"""Range of each share at K = 3 and at K ≥ 5."""

ALWAYS: dict[str, Bounds] = {
    "A/A flagged": (0.0, 0.05),
    "regression flagged": (0.70, 1.0),
    "unpaired: wider than ±100 points": (0.0, 0.005),
    "equal everywhere: ±3/N and its word": (1.0, 1.0),
    "one chain of five stops: bias": (0.0, 0.01),
    "band, a bandwidth from a step": (0.9, 1.0),
    "gate, ten points lost: paired": (0.4, 1.0),
    "gate, ten points lost: unpaired": (0.0, 0.35),
    "paired t by task": (0.0, 0.75),
    "raw slope of one arm": (0.5, 1.0),
    "repeated z": (0.2, 1.0),
    "forgetting by maximum": (0.25, 1.0),
    "pointwise band": (0.0, 0.93),
    "without the least ν: wider than ±100 points": (0.1, 1.0),
    "i.i.d. runs left out: type-I error": (0.1, 1.0),
    "Wald's interval: coverage": (0.0, 0.8),
    "listwise deletion: coverage": (0.0, 0.7),
    "time to a lift by the estimate: falsely shown": (0.3, 1.0),
    "levelling off by the best hinge: falsely shown": (0.3, 1.0),
    "report, every look at .05": (0.07, 1.0),
    "gate, every restart at .05": (0.07, 1.0),
    "plan by formula: power, said to be .80": (0.0, 0.7),
}
"""The same in both forms; from `paired t by task` on, naive methods and what a repair replaced,
which must fail."""

SHORT: dict[str, Bounds] = {"plan: power, said to be .80": (0.74, 0.86)}
"""Range in the short form, of what is neither a coverage nor an error."""
SHORT_COVERAGE: Bounds = (0.91, 1.0)
SHORT_ERROR: Bounds = (0.0, 0.085)

COLUMNS = ("check", "scenario", "tasks", "runs", "sets", "share", "low", "high", "holds")
"""Of calibration.csv, a line per cell; `low` to `high` is the range the share must lie in."""
CELLS = "calibration.csv"
SUMMARY = "## In short\n"
"""The last section of calibration.md, which is written; what stands above it is by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A share beside the range it must lie in."""

    share: Share
    bounds: Bounds
    sets: int
    """How many datasets were counted."""

    @property
    def holds(self) -> bool:
        """Whether the share lies in its range."""
        return self.bounds[0] <= self.share.value <= self.bounds[1]

    def __str__(self) -> str:
        share, (low, high) = self.share, self.bounds
        mark = "ok" if self.holds else "OUT OF RANGE"
        return (
            f"| {share.check} | {share.scenario} | {share.n} | {share.k} "
            f"| {share.value:.3f} | {low:g} to {high:g} | {mark} |"
        )


def short_size(seed: int) -> Size:
    """Return the size that runs with every change."""
    return Size(datasets=400, seed=seed, tasks=(100,), runs=(3, 5))


def long_size(seed: int, datasets: int = 2000) -> Size:
    """Return the size of the recorded calibration."""
    return Size(datasets=datasets, seed=seed, tasks=(50, 100, 273), runs=(3, 5, 10))


def everything() -> tuple[Part, ...]:
    """What is counted, in the order of the table."""
    checks = (*CHECKS, *BESIDE, *FADING, *AUDITED, *PLANNED)
    return (*checks, *TEETH, *FADING_TEETH, *AUDITED_TEETH, *PLANNED_TEETH)


def calibrate(size: Size, *, long: bool, parts: Sequence[Part] = ()) -> Iterator[Row]:
    """Yield every share with its range, as each is counted; of these parts, if any are named."""
    for part in parts or everything():
        for share in part(size):
            yield Row(share=share, bounds=bounds_of(share, long=long), sets=size.datasets)


def is_recorded(part: Part, rows: Iterable[Row], sets: int) -> bool:
    """Whether all that a part counts is there already, each cell of so many datasets or more."""
    names = {share.check for share in part(Size(datasets=2, seed=1, tasks=(100,), runs=(3, 5)))}
    known = [row for row in rows if row.share.check in names]
    return {row.share.check for row in known} == names and all(r.sets >= sets for r in known)


def bounds_of(share: Share, *, long: bool) -> Bounds:
    """Return the range `share` must lie in."""
    if share.check in ALWAYS:
        return ALWAYS[share.check]
    few, many = LONG[share.check]
    if long:
        return few if share.k < 5 else many
    return SHORT.get(share.check) or (SHORT_COVERAGE if few[1] > 0.5 else SHORT_ERROR)


def cells(rows: Iterable[Row]) -> str:
    """Every cell as CSV, see COLUMNS; shares to three digits, which is what the datasets carry."""
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        share, (low, high) = row.share, row.bounds
        value = f"{share.value:.3f}"
        holds = "yes" if row.holds else "no"
        cell = [share.check, share.scenario, share.n, share.k]
        writer.writerow([*cell, row.sets, value, low, high, holds])
    return text.getvalue()


def summary(rows: Iterable[Row]) -> str:
    """The lowest and the highest share of each check as a Markdown table, few runs and many."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        runs = "K ≥ 5" if row.share.k >= 5 else "K = 3" if row.share.k == 3 else "–"
        groups.setdefault((row.share.check, runs), []).append(row)
    lines = [
        "| check | runs | cells | sets each | lowest | highest | range |",
        "|---|---|---|---|---|---|---|",
    ]
    for (check, runs), members in groups.items():
        values = [row.share.value for row in members]
        low, high = members[0].bounds
        lines.append(
            f"| {check} | {runs} | {len(members)} | {min(row.sets for row in members):,} "
            f"| {min(values):.3f} | {max(values):.3f} "
            f"| {low:g} to {high:g} |"
        )
    return "\n".join(lines) + "\n"


def recorded(file: Path) -> list[Row]:
    """The rows of a calibration.csv; none if there is no such file."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return [_row(cell) for cell in csv.DictReader(lines)]


def _row(cell: Mapping[str, str]) -> Row:
    share = Share(
        check=cell["check"],
        scenario=cell["scenario"],
        n=int(cell["tasks"]),
        k=int(cell["runs"]),
        value=float(cell["share"]),
    )
    return Row(share=share, bounds=bounds_of(share, long=True), sets=int(cell["sets"]))


def with_new(old: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """The rows of a calibration with some checks counted anew, which take the place of the old."""
    fresh = list(new)
    counted = {row.share.check for row in fresh}
    return [row for row in old if row.share.check not in counted] + fresh


def record(folder: Path, rows: Iterable[Row], remarks: str) -> None:
    """Write calibration.csv, and the summary into calibration.md, which must be there."""
    rows = list(rows)
    (folder / CELLS).write_text(cells(rows), encoding="utf-8")
    page = folder / "calibration.md"
    by_hand = page.read_text(encoding="utf-8").partition(SUMMARY)[0]
    page.write_text(f"{by_hand}{SUMMARY}\n{summary(rows)}\n{remarks}\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Print the table of cells; return 1 where a share is out of range."""
    parser = argparse.ArgumentParser(description=__doc__)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help="400 datasets per cell (default)")
    form.add_argument("--long", action="store_true", help="2,000 datasets per cell, or --datasets")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--datasets", type=int, default=2000, help="per cell of the long form")
    parser.add_argument("--out", type=Path, help="folder with calibration.md, to record it there")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=[check.__name__ for check in everything()],
        help="count these alone; with --out they take the place of the recorded ones",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="with --out: leave out what is recorded there with as many datasets; what is counted "
        "is recorded part by part",
    )
    options = parser.parse_args(arguments)
    if options.resume and not options.out:
        parser.error("--resume needs --out, the folder to go on in")
    size = short_size(options.seed)
    if options.long:
        size = long_size(options.seed, options.datasets)
    parts = [p for p in everything() if not options.only or p.__name__ in options.only]
    rows = recorded(options.out / CELLS) if options.out and (options.only or options.resume) else []
    if options.resume:
        parts = [part for part in parts if not is_recorded(part, rows, size.datasets)]
    print("| check | scenario | N | K | share | range | |\n|---|---|---|---|---|---|---|")
    for part in parts:
        fresh = []
        for row in calibrate(size, long=options.long, parts=[part]):
            print(row, flush=True)
            fresh.append(row)
        rows = with_new(rows, fresh)
        if options.out:
            (options.out / CELLS).write_text(cells(rows), encoding="utf-8")
    out = sum(not row.holds for row in rows)
    remarks = f"{len(rows)} shares, seed {size.seed}: {out} out of range.\n{sentence()}"
    print(f"\n{remarks}")
    if options.out:
        record(options.out, rows, remarks)
    return 1 if out else 0


if __name__ == "__main__":
    sys.exit(main())
