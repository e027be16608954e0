"""`seqswe compare` and `seqswe baseline`: a gate for CI that is not noise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqswe.cli.echo import document, echo, note
from seqswe.cli.options import Number
from seqswe.visible import visible_json

if TYPE_CHECKING:
    from seqswe.comparison.baseline import Baseline
    from seqswe.comparison.compare import FailOn
    from seqswe.errors import CrashedError, IncompleteError

ALLOW_CRASHES = "Take rollouts whose agent crashed as they were graded."
PATH = click.Path(path_type=Path)


@click.command("compare")
@click.argument("base", type=PATH)
@click.argument("head", type=PATH)
@click.option("--arm", default="", help="Arm to gate on. Default: sequential.")
@click.option("--outcome", default="", help="Default: resolved, or reciprocal_rank (see docs).")
@click.option(
    "--margin",
    default=0.03,
    type=Number(0, 1e9),
    show_default=True,
    help="Changes within ± this are equal.",
)
@click.option("--once", is_flag=True, help="Only one look will be taken: spend the whole level.")
@click.option(
    "--candidate",
    default="",
    metavar="TEXT",
    help="What HEAD is a run of, such as a commit: each further run of it is a further look.",
)
@click.option("--across-agents", is_flag=True, help="Compare different agents on purpose.")
@click.option("--allow-crashes", is_flag=True, help=ALLOW_CRASHES)
@click.option(
    "--fail-on",
    type=click.Choice(["never", "regression", "inconclusive"]),
    default="never",
    show_default=True,
    help="Exit with 1 on a regression or a crash; `inconclusive` also where neither is shown.",
)
@click.option("--junit", type=PATH, help="Write JUnit XML here.")
@click.option("--markdown", type=PATH, help="Write Markdown here, for a step summary.")
@click.option("--json", "json_", type=PATH, help="Write JSON here.")
def compare(base: Path, head: Path, fail_on: FailOn, **options: object) -> None:
    """Compare HEAD with BASE, paired by instance: regression, no evidence or improvement.

    Where the agent crashed in some rollouts nothing is tested: that is the finding, and it fails
    as a regression does.

    Each is a run directory, a file that `seqswe baseline` wrote, or an outcome table. Both must be
    complete, of one agent, and over the same sequence and policies. `seqswe resume` may add to a
    run between looks, and a run may be begun anew with other seeds: the level pays for it. A
    baseline file keeps the looks that were taken with it.
    """
    from seqswe.comparison.baseline import read
    from seqswe.comparison.compare import Question, compare, noted
    from seqswe.errors import CrashedError, IncompleteError
    from seqswe.reports import comparison as words

    question = {
        name: options[name]
        for name in (
            *("arm", "outcome", "margin", "once"),
            *("candidate", "across_agents", "allow_crashes"),
        )
    }
    sides: tuple[Baseline, Baseline] | tuple[()] = ()
    try:
        sides = read(base), read(head)
        comparison = compare(*sides, Question(**question))  # type: ignore[arg-type]
    except (CrashedError, IncompleteError) as error:
        _without_verdict(error, sides, fail_on, options)
        return
    candidate = str(options["candidate"])
    looks = _looks(base, candidate, noted(*sides, comparison, candidate))
    fails = comparison.fails(fail_on)
    for line in (words.sentence(comparison), *words.remarks(comparison), *looks):
        echo(line)
    junit = words.comparison_junit(comparison, fails=fails)
    data = words.comparison_json(comparison)
    _write_all(options, words.comparison_markdown(comparison), junit, data)
    click.get_current_context().exit(1 if fails else 0)


@click.command("baseline")
@click.argument("run", type=PATH)
@click.option("--allow-crashes", is_flag=True, help=ALLOW_CRASHES)
def baseline(run: Path, *, allow_crashes: bool) -> None:
    """Print a finished RUN, or an outcome table, as one small JSON file for `seqswe compare`.

    It holds outcomes and settings, no issue text and no patch: seqswe baseline RUN > baseline.json
    """
    from seqswe.comparison.baseline import of_run
    from seqswe.comparison.crashes import check_crashes
    from seqswe.comparison.tables import of_table
    from seqswe.manifests.outcome_tables import is_table
    from seqswe.runs.store import RunDirectory

    made = of_table(run) if is_table(run) else of_run(RunDirectory.open(run))
    if not allow_crashes:
        check_crashes({str(run): made.known_crashes()})
    document(made.as_json())


def _without_verdict(
    error: CrashedError | IncompleteError,
    sides: tuple[Baseline, Baseline] | tuple[()],
    fail_on: FailOn,
    options: Mapping[str, object],
) -> None:
    """Write why nothing was tested. A crash closes the gate; an unfinished run stays an error."""
    from seqswe.comparison.compare import no_verdict
    from seqswe.errors import IncompleteError
    from seqswe.reports import no_verdict as words

    found = no_verdict(error, sides)
    unfinished = isinstance(error, IncompleteError)
    fails = unfinished or fail_on != "never"
    _write_all(
        options, words.markdown(found), words.junit(found, fails=fails), words.as_json(found)
    )
    if unfinished:
        raise error
    for line in (words.sentence(found), *words.remarks(found)):
        echo(line)
    click.get_current_context().exit(1 if fails else 0)


def _write_all(
    options: Mapping[str, object], markdown: str, junit: bytes, data: dict[str, Any]
) -> None:
    """Write the documents that were asked for."""
    from seqswe.reports.json_report import strict

    texts = {
        "junit": junit,
        "markdown": markdown.encode(),
        "json_": (strict(data, indent=1) + "\n").encode(),
    }
    for name, text in texts.items():
        if isinstance(path := options[name], Path):
            write(path, text)


def _looks(base: Path, candidate: str, ledger: Baseline | None) -> list[str]:
    """Note a look in the baseline file, and say that it is there; ledger: None for no new look.

    A run directory keeps no looks, and neither does a table, which is somebody else's file.
    """
    from seqswe.manifests.outcome_tables import is_table

    if ledger is None or not base.is_file() or is_table(base):
        return []
    _note(base, ledger)
    note(f"this look is kept in {base}, in its `ledger`")
    if candidate or len(ledger.ledger) == 1:
        return []
    count = len(ledger.looks_at(""))
    return [
        f"No --candidate is named, so this counts as look {count} at one version. If HEAD is a new "
        'version, compare it again with --candidate "$(git rev-parse HEAD)".'
    ]


def _note(path: Path, baseline: Baseline) -> None:
    """Write the look into the baseline file; where that cannot be, say so."""
    try:
        path.write_text(visible_json(baseline.as_json()), encoding="utf-8")
    except OSError as error:
        echo(f"warning: this look is not noted: cannot write {path}: {error.strerror}", err=True)


def write(path: Path, data: bytes) -> None:
    """Write a file that was asked for. Raises UsageError where that cannot be."""
    from seqswe.errors import UsageError

    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", "Choose another file.") from None
