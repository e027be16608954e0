"""The result set in docs/results: kept, made anew, and written into the pages that quote it.

    python -m benchmarks.results list                      (`make results`)
    python -m benchmarks.results keep RUN [--name NAME]    it is what is expected from now on
    python -m benchmarks.results remake NAME --mirror DIR  run its commands, and keep what came out
    python -m benchmarks.results tables                    write every table into its page

`seqswe verify` checks the set; this changes it. A digest covers what was asked and what came out:
sequence, settings, whole version of Python, versions of packages, verdicts, patches, usage. Nothing
of the machine is in it, so the same Python and packages give the same digest anywhere.

A table in a page stands between two comments, the first of which says what it is of:
`<!-- results: lifts|grid NAME... -->`, `<!-- results: outcomes NAME OUTCOME... -->`,
`<!-- results: codebases|board|simulated|ranked TABLE -->`, of a run with a user to ask
`<!-- results: hints NAME -->` or, of what was measured, `<!-- results: measured NAME -->`; the
other is `<!-- end of results -->`. Within a line, a number stands between
`<!-- result: KIND NAME... -->` and `<!-- end -->`: `PHRASES` has the kinds. Intervals are computed
from the outcomes that the set holds, tables of codebases from the manifests that ship, shares of
simulated agents from the files beside the pages, and what was measured is in measured.toml.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

import click
import numpy as np

from benchmarks import (
    board_tables,
    codebase_tables,
    measured,
    ranked_tables,
    simulation_tables,
)
from seqswe.analysis.words import difference, p_value, value
from seqswe.arms import BASELINE, SEQUENTIAL
from seqswe.cli.verify import made_again
from seqswe.comparison.baseline import Baseline, of_run
from seqswe.comparison.result_set import INDEX, OURS, QUOTED, Result, ResultSet
from seqswe.comparison.standing import Standing, standings
from seqswe.errors import SeqSWEError, UnknownName
from seqswe.outcome import Outcome
from seqswe.runs.outcomes import HINTS_SPENT, RESOLVED
from seqswe.runs.registry import registry
from seqswe.runs.store import RunDirectory
from seqswe.statistics import Estimate, cost_per_resolved
from seqswe.statistics.arrays import FloatArray
from seqswe.statistics.reliability import pass_hat
from seqswe.statistics.twoway import part_lift

ROOT = Path(__file__).parents[1]
PARTS = 3
"""Parts of a sequence along which hints are told."""
MADE_OF_FILES: Mapping[str, Mapping[str, Callable[..., list[str]]]] = {
    "codebases": codebase_tables.TABLES,
    "board": board_tables.TABLES,
    "simulated": simulation_tables.TABLES,
    "ranked": {name: partial(ranked_tables.kept_table, name) for name in ranked_tables.TABLES},
}
"""Tables of manifests, a leaderboard, simulations and rankings in process, by kind and name."""
TABLE = re.compile(r"(?s)(<!-- results: (\w+) ([^>]*?) -->\n).*?(<!-- end of results -->)")
PHRASE = re.compile(r"(<!-- result: (\w+) ([^>]*?) -->).*?(<!-- end -->)")


def pages() -> list[Path]:
    """Where results are quoted."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def places(quoted: str) -> Iterator[str]:
    """`README.md:63` for every line that quotes a digest."""
    for page in pages():
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            if quoted in line:
                yield f"{page.relative_to(ROOT)}:{number}"


@click.group()
def main() -> None:
    """Results that README and docs quote."""


@main.command("list")
def list_() -> None:
    """Print every result, where it is quoted, and the commands that make it."""
    for result in ResultSet.read(OURS).results.values():
        click.echo(f"{result.quoted}  {result.name}  ({', '.join(places(result.quoted)) or '-'})")
        for command in filter(None, (result.first, result.command)):
            click.echo(f"    {command}")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Default: demo-docker or demo-local, by its sandbox.")
def keep(run: Path, name: str) -> None:
    """Make a run the one that is expected by a name, here and wherever it is quoted."""
    made = of_run(RunDirectory.open(run))
    found = ResultSet.read(OURS)
    result = found.result(name or f"demo-{made.settings['sandbox']}")
    keep_as(found, result, made, _pythons(run))
    click.echo(f"{result.name}: {result.results} -> {made.results_digest}")


@main.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--mirror", default="", help="Folder of bare clones.")
@click.option("--runs", default="runs", show_default=True, help="Folder for runs and sequences.")
def remake(names: tuple[str, ...], mirror: str, runs: str) -> None:
    """Run the commands of some results, and keep what came out."""
    for name in names:
        found = ResultSet.read(OURS)
        result = found.result(name)
        out = made_again(result, mirror, runs)
        keep_as(found, result, of_run(RunDirectory.open(out)), _pythons(out))


@main.command()
@click.option("--check", is_flag=True, help="Only say which pages are not as they would be.")
def tables(*, check: bool) -> None:
    """Write every table of results into its page."""
    texts = {page: page.read_text(encoding="utf-8") for page in pages()}
    stale = [page for page, text in texts.items() if written(text) != text]
    for page in stale:
        click.echo(page.relative_to(ROOT))
        if not check:
            page.write_text(written(texts[page]), encoding="utf-8")
    sys.exit(1 if check and stale else 0)


def keep_as(found: ResultSet, result: Result, made: Baseline, pythons: set[str]) -> None:
    """Write a run's outcomes and digest into the set, and the digest over the old one in pages."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        page.write_text(text.replace(result.quoted, made.results_digest[:QUOTED]), encoding="utf-8")
    (found.folder / f"{result.name}.json").write_text(made.as_json(), encoding="utf-8")
    index = found.folder / INDEX
    head, _, rest = index.read_text(encoding="utf-8").partition(f"[{result.name}]\n")
    entry, blank, others = rest.partition("\n\n")
    lines = [line for line in entry.splitlines() if not line.startswith(("results", "python"))]
    about = [f'results = "{made.results_digest}"', f'python = "{" ".join(sorted(pythons))}"']
    entry = "\n".join([*about, *lines])
    text = f"{head}[{result.name}]\n{entry}{blank + others if blank else chr(10)}"
    index.write_text(text, encoding="utf-8")


def written(text: str) -> str:
    """A page's text with its tables and numbers as the set has them today."""
    text = TABLE.sub(lambda m: m[1] + "\n".join(_table(m[2], m[3].split())) + f"\n{m[4]}", text)
    return PHRASE.sub(lambda m: m[1] + _phrase(m[2], m[3].split()) + m[4], text)


def _table(kind: str, names: Sequence[str]) -> list[str]:
    if kind in MADE_OF_FILES:
        return MADE_OF_FILES[kind][names[0]](*names[1:])
    if kind == "measured":
        return measured.table(names[0])
    if kind == "hints":
        return _hints(names[0])
    if kind == "grid":
        return _grid(names)
    return _lifts(names) if kind == "lifts" else _outcomes(names[0], names[1:])


def _lift_and_interval(name: str, outcome: str, base: str = "") -> str:
    return _lift(_standing(name, outcome, base)).partition(", p")[0]


def _lift_and_test(name: str, outcome: str, base: str = "") -> str:
    return _lift(_standing(name, outcome, base))


def _lift_alone(name: str, outcome: str, base: str = "") -> str:
    found = _standing(name, outcome, base)
    return difference(found.outcome, found.lift.overall.estimate)


def _interval(name: str, outcome: str, base: str = "") -> str:
    found = _standing(name, outcome, base)
    ends = (difference(found.outcome, x) for x in (found.lift.overall.low, found.lift.overall.high))
    return " to ".join(ends).replace(" points to", " to")


def _p(name: str, outcome: str, base: str = "") -> str:
    p = _standing(name, outcome, base).lift.overall.p
    return p_value(p) if p is not None else "no p-value"


def _mean(name: str, arm: str, outcome: str) -> str:
    return value(registry().outcomes[outcome], float(np.nanmean(_kept(name).values(arm, outcome))))


def _count(name: str, arm: str) -> str:
    """`42 of 180`: rollouts that resolved their task."""
    resolved = _kept(name).values(arm, RESOLVED.name)
    return f"{int(np.nansum(resolved)):,} of {resolved.size:,}"


def _executions(name: str, arm: str) -> str:
    return _each(_kept(name), arm)


@cache
def _standing(name: str, outcome: str, base: str) -> Standing:
    """A run's lift; `base` is the run that lends it an i.i.d. arm, if it has none."""
    runs = [(each, _kept(each)) for each in dict.fromkeys((name, base or name))]
    found = standings(runs, registry().outcomes[outcome])
    return next(each for each in found if each.name == name)


PHRASES: Mapping[str, Callable[..., str]] = {
    "measured": measured.phrase,
    "lift": _lift_and_interval,
    "tested": _lift_and_test,
    "difference": _lift_alone,
    "interval": _interval,
    "p": _p,
    "mean": _mean,
    "count": _count,
    "executions": _executions,
    "codebases": lambda what: codebase_tables.PHRASES[what](),
    "simulated": lambda what, name: simulation_tables.PHRASES[what](name),
    "board": board_tables.lift,
    "holm": board_tables.holm,
    "tasks": board_tables.tasks,
    "over": ranked_tables.kept_mean,
    "over_p": ranked_tables.kept_p,
    "ranked": ranked_tables.kept_rank,
    "wins": ranked_tables.kept_wins,
}
"""What may stand in the middle of a sentence, by kind: of a measurement (NAME KEY), of a run (NAME
OUTCOME [BASE], or NAME ARM [OUTCOME]), of what ships (PHRASE), of simulations (PHRASE
NAME), of a leaderboard (NAME MEMORY [CODEBASE]), and of the rankings in process (MEMORY, or
CODEBASE [MEMORY])."""


def _phrase(kind: str, names: Sequence[str]) -> str:
    if kind not in PHRASES:
        raise UnknownName("kind of result", kind, PHRASES)
    return PHRASES[kind](*names)


def _lifts(names: Sequence[str]) -> list[str]:
    """The i.i.d. arm, and the lift of every run over it."""
    runs = [(name, _kept(name)) for name in names]
    found = {s.name: s for s in standings(runs)}
    base = next(run for _, run in runs if "iid" in run.arms)
    outcome = found[names[0]].outcome
    rows = [
        [
            *("memory", "tasks, seeds", f"{outcome.title.lower()} (95 % interval)"),
            *("lift (95 % interval)", "executions per resolved", "results"),
        ],
        [
            *("iid arm", _size(base, "iid"), _span(outcome, found[names[0]].lift.iid)),
            *("", _each(base, "iid"), ""),
        ],
    ]
    for name, run in runs:
        arm = _span(outcome, found[name].lift.sequential)
        cells = (f"`{run.settings['memory']}`", _size(run, "sequential"), arm, _lift(found[name]))
        digest = f"`{run.results_digest[:QUOTED]}…`"
        rows.append([*cells, _each(run, "sequential"), digest])
    if not any(row[4] for row in rows[1:]):  # of an agent that executes nothing
        rows = [row[:4] + row[5:] for row in rows]
    return _markdown(rows)


def _grid(names: Sequence[str]) -> list[str]:
    """The lifts of runs, memory by codebase; each codebase has an iid arm of its own."""
    runs: dict[str, list[tuple[str, Baseline]]] = {}
    for name in names:
        run = _kept(name)
        runs.setdefault(str(run.settings["codebase"]).rpartition("/")[2], []).append((name, run))
    lifts: dict[str, dict[str, str]] = {}
    for codebase, group in runs.items():
        found = {each.name: each for each in standings(group)}
        for name, run in group:
            lifts.setdefault(f"`{run.settings['memory']}`", {})[codebase] = _lift(found[name])
    rows = [[memory, *(cells.get(each, "") for each in runs)] for memory, cells in lifts.items()]
    return _markdown([["memory", *runs], *rows])


def _markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table, of which the first row is the head."""
    head, *rest = (f"| {' | '.join(row)} |" for row in rows)
    return [head, "|---" * len(rows[0]) + "|", *rest]


def _outcomes(name: str, outcomes: Sequence[str]) -> list[str]:
    """Several outcomes of one run, arm beside arm."""
    run = _kept(name)
    lines = ["| outcome | iid | sequential | lift (95 % interval) |", "|---|---|---|---|"]
    for each in outcomes:
        [found] = standings([(name, run)], registry().outcomes[each])
        arms = (_span(found.outcome, arm) for arm in (found.lift.iid, found.lift.sequential))
        lines.append(f"| {found.outcome.title} | {' | '.join(arms)} | {_lift(found)} |")
    return lines


def _hints(name: str) -> list[str]:
    """What one run asked, along the sequence, per resolved task, and how reliably it resolves."""
    run = _kept(name)
    [whole] = standings([(name, run)], HINTS_SPENT)
    coupled = whole.lift.coupled
    y1, y0 = (run.values(arm, HINTS_SPENT.name) for arm in (SEQUENTIAL, BASELINE))
    r1, r0 = (run.values(arm, RESOLVED.name) for arm in (SEQUENTIAL, BASELINE))
    lines = ["| | iid | sequential | sequential − iid (95 % interval) |", "|---|---|---|---|"]
    for part in np.array_split(np.arange(len(y1)), PARTS):
        rows = slice(part[0], part[-1] + 1)
        means = (value(HINTS_SPENT, float(np.nanmean(y[rows]))) for y in (y0, y1))
        found = _difference(part_lift(y1, y0, rows, coupled=coupled))
        lines.append(
            f"| hints, tasks {part[0] + 1}–{part[-1] + 1} | {' | '.join(means)} | {found} |"
        )
    if whole.lift.slope:
        found = _difference(whole.lift.slope)
        lines.append(f"| its change from the first task to the last | | | {found} |")
    if ratio := cost_per_resolved(y1, r1, y0, r0, coupled=coupled):
        each = " | ".join(f"{np.nansum(y) / np.nansum(r):.3g}" for y, r in ((y0, r0), (y1, r1)))
        span = f"× {ratio.ratio:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
        lines.append(f"| hints per resolved task | {each} | {span} |")
    if (k := r1.shape[1] - 1) >= 1 and r0.shape[1] == k + 1:
        each = " | ".join(_span(RESOLVED, pass_hat(r, k)) for r in (r0, r1))
        lines.append(f"| pass^{k} over {k + 1} seeds | {each} | |")
    return lines


def _difference(found: Estimate) -> str:
    shown = (difference(HINTS_SPENT, x) for x in (found.estimate, found.low, found.high))
    return "{} ({} to {})".format(*shown)


@cache
def _kept(name: str) -> Baseline:
    kept = ResultSet.read(OURS).outcomes(name)
    if kept is None:
        raise SystemExit(f"docs/results holds no outcomes of {name}: remake it")
    return kept


def _lift(found: Standing) -> str:
    lift, outcome = found.lift.overall, found.outcome
    low, high = (difference(outcome, x).removesuffix(" points") for x in (lift.low, lift.high))
    p = f", {p_value(lift.p)}" if lift.p is not None else ""
    shown = difference(outcome, lift.estimate).removesuffix(" points")
    return f"{shown} ({low} to {high}){p}"


def _span(outcome: Outcome, mean: Estimate) -> str:
    ends = (value(outcome, x).removesuffix(" %") for x in (mean.low, mean.high))
    return f"{value(outcome, mean.estimate)} ({' to '.join(ends)})"


def _size(run: Baseline, arm: str) -> str:
    return f"{len(run.instance_ids)}, {len(next(iter(run.arms[arm].values())))}"


def _each(run: Baseline, arm: str) -> str:
    """Executions per resolved task."""
    if "executions" not in run.arms[arm]:
        return ""
    spent: FloatArray = run.values(arm, "executions")
    resolved = run.values(arm, "resolved").sum()
    return f"{spent.sum() / resolved:.1f}" if resolved else "–"


def _pythons(run: Path) -> set[str]:
    """Whole versions of Python that a run was made with."""
    machine = RunDirectory.open(run).info.machine.values()
    return {about["python"] for about in machine if "python" in about}


if __name__ == "__main__":
    try:
        main()
    except SeqSWEError as error:
        sys.exit(f"error: {error.message}\nhint:  {error.hint}")
