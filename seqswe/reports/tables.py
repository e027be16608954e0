"""The tables that Markdown and HTML share."""

from __future__ import annotations

from seqswe.analysis import Analysis, Contrast, Efficiency, RunResult
from seqswe.analysis.words import change, interval, mean_interval, p_value, plain, seeds_of
from seqswe.experiment import CODE_POLICY
from seqswe.reports.probe_tables import diagnostic_arms_table, doses_table, retention_table
from seqswe.reports.secondary import secondary_table, their_metrics_table
from seqswe.reports.table import Table

NOT_RECORDED = "not recorded by the version that made this run"


def arms_table(analysis: Analysis) -> Table:
    """Every arm with both denominators and its mean on the headline outcome."""
    outcome = analysis.headline_outcome
    return Table(
        caption="Arms",
        header=(
            "Run",
            "Arm",
            "Tasks",
            "Seeds",
            "Resolved / graded",
            "Resolved / all",
            f"{outcome.title} (95 % interval)",
        ),
        rows=tuple(
            (
                arm.run,
                arm.arm,
                str(arm.tasks),
                seeds_of(arm),
                f"{arm.resolved} / {arm.graded}",
                f"{arm.resolved} / {arm.rollouts}",
                mean_interval(outcome, arm.outcomes[outcome.name].mean),
            )
            for arm in analysis.arms
            if not arm.diagnostic
        ),
        note="Both denominators: rollouts with a verdict, and all that were planned. An arm's "
        "interval speaks of tasks like these; arms are compared pair by pair below.",
    )


def contrasts_table(analysis: Analysis) -> Table:
    """Every contrast: estimate, interval, p and verdict."""
    return Table(
        caption="Contrasts, paired by task",
        header=("Run", "Outcome", "Contrast", "Estimate", "95 % interval", "p", "Verdict", "Tasks"),
        rows=tuple(
            (
                contrast.run,
                contrast.outcome.title,
                contrast.name,
                change(contrast, contrast.estimate),
                interval(contrast),
                _p(contrast),
                str(contrast.lift.verdict),
                _tasks(contrast),
            )
            for contrast in analysis.contrasts
        ),
        note="LEARNING is a change for the better whichever way better is, HARM one for the "
        "worse. Amounts above zero are compared by their ratio. Only the headline outcome is a "
        "test made in advance; the others describe.",
    )


def diagnostics_table(analysis: Analysis) -> Table:
    """What tells whether the headline's numbers can be trusted."""
    return Table(
        caption="Diagnostics of the headline",
        header=(
            "Run",
            "Tasks, seeds",
            "Dropped tasks",
            "Wins / losses / ties",
            "ICC",
            "DEFF run, arm | baseline",
            "σ run",
            "Lag-1 of lift",
            "Detectable",
        ),
        rows=tuple(_diagnostics(contrast) for contrast in analysis.headlines()),
        note="ICC: share of variance between tasks. DEFF run: variance between runs over what "
        "tasks explain; near 1 in the baseline, or else the batch drifted. Detectable: smallest "
        "lift seen with 80 % power.",
    )


def efficiency_table(analysis: Analysis) -> Table:
    """What a resolved task costs in each arm, and how that changes with practice."""
    return Table(
        caption="Cost per resolved task",
        header=(
            "Run",
            "Resource",
            "Contrast",
            "Arm",
            "Baseline",
            "Ratio (95 %)",
            "Practice (95 %)",
        ),
        rows=tuple(
            (
                e.run,
                f"{e.outcome.title} ({e.outcome.unit.removesuffix(' per task')})",
                f"{e.arm} against {e.baseline}",
                _spent(e.per_resolved),
                _spent(e.baseline_per_resolved),
                _ratio(e),
                _practice(e),
            )
            for e in analysis.efficiencies
        ),
        note="Everything spent, failures included, over the tasks resolved; none where nothing was "
        "resolved. Practice: the share saved with each doubling of tasks, tasks' own difficulty "
        "taken out.",
    )


def failures_table(analysis: Analysis) -> Table:
    """Failures by cause; those without a verdict are outside the first denominator."""
    return Table(
        caption="Failures",
        header=("Run", "Arm", "Cause", "Rollouts", "Graded all the same", "Meaning", "Example"),
        rows=tuple(
            (f.run, f.arm, f.cause, str(f.count), "yes" if f.graded else "no", f.meaning, f.example)
            for f in analysis.failures
        ),
    )


def settings_table(run: RunResult) -> Table:
    """Policies, digests and versions of one run."""
    experiment = run.info.experiment
    models = " ".join(filter(None, [experiment.model, experiment.embedding]))
    rows = [
        ("Codebase", experiment.codebase + (" (synthetic bugs)" if run.info.synthetic else "")),
        ("Agent", " ".join([experiment.agent, *experiment.agent_option])),
        ("Memory", " ".join([experiment.memory, *experiment.memory_option])),
        *((("Models of the memory", models),) if models else ()),
        ("Feedback policy", experiment.feedback),
        ("Delivery of the memory", experiment.delivery),
        ("Code policy", CODE_POLICY),
        ("Sandbox", experiment.sandbox),
        ("Limits", _limits(run)),
        ("Tasks in the sequence", str(len(run.info.instance_ids))),
        ("Tests that grade", _graded_tests(run)),
        ("Quarantined tests", _quarantined(run)),
        ("Sequence digest", run.info.sequence_digest),
        ("Settings digest", experiment.digest),
        ("Results digest", run.results_digest),
        ("Made with", f"seqswe {run.info.seqswe}"),
        *((f"Environment {key}", digest) for key, digest in sorted(run.info.environments.items())),
    ]
    return Table(
        caption=f"Policies, digests and versions: {run.label}",
        header=("Setting", "Value"),
        rows=tuple(rows),
    )


def all_tables(analysis: Analysis) -> list[Table]:
    """The tables of results that have any rows."""
    makers = (
        arms_table,
        contrasts_table,
        doses_table,
        diagnostics_table,
        secondary_table,
        efficiency_table,
        failures_table,
        diagnostic_arms_table,
        retention_table,
        their_metrics_table,
    )
    filled = [table for table in (make(analysis) for make in makers) if table.rows]
    return filled if len(analysis.runs) > 1 else [table.without_run() for table in filled]


def _diagnostics(contrast: Contrast) -> tuple[str, ...]:
    lift, noise = contrast.lift, contrast.lift.diagnostics
    return (
        contrast.run,
        f"{noise.n}, {noise.k1} against {noise.k0}",
        str(noise.missing),
        f"{noise.wins} / {noise.losses} / {noise.ties}",
        _number(noise.sequential.icc),
        f"{_number(noise.sequential.deff_run)} | {_number(noise.iid.deff_run)}",
        _number(noise.sequential.sigma_run, 3),
        _number(noise.autocorrelation),
        change(contrast, contrast.shown(lift.verdict.detectable)).lstrip("+"),
    )


def _p(contrast: Contrast) -> str:
    if contrast.p is None:
        return "none (seeds < 3)"
    return p_value(contrast.p).removeprefix("p ").removeprefix("= ")


def _tasks(contrast: Contrast) -> str:
    missing = contrast.lift.diagnostics.missing
    dropped = f" ({missing} dropped)" if missing else ""
    return f"{contrast.lift.overall.n}{dropped}"


def _limits(run: RunResult) -> str:
    e = run.info.experiment
    return (
        f"{e.cpus:g} CPU, {e.memory_mb} MB, {e.pids} processes, {e.command_seconds:g} s per "
        f"command, {e.task_seconds:g} s per task"
    )


def _graded_tests(run: RunResult) -> str:
    tests = run.info.tests
    if tests is None:
        return NOT_RECORDED
    return f"{tests.fail_to_pass:,} FAIL_TO_PASS, {tests.pass_to_pass:,} PASS_TO_PASS"


def _quarantined(run: RunResult) -> str:
    tests = run.info.tests
    if tests is None:
        return NOT_RECORDED
    where = f" in {tests.quarantined_tasks:,} tasks" if tests.quarantined else ""
    return f"{tests.quarantined:,}{where} (flaky when validated, so never graded)"


def _spent(value: float | None) -> str:
    if value is None:
        return "none resolved"
    return plain(value, 0) if value >= 1000 else f"{value:.3g}"


def _ratio(found: Efficiency) -> str:
    ratio = found.ratio
    if ratio is None:
        return "–"
    middle, low, high = (plain(value, 2) for value in (ratio.ratio, ratio.low, ratio.high))
    return f"{middle} ({low} to {high})"


def _practice(found: Efficiency) -> str:
    practice = found.practice
    if practice is None:
        return "–"
    values = (practice.rate, practice.low, practice.high)
    rate, low, high = (plain(100 * value, 1) for value in values)
    return f"{rate} % ({low} to {high})"


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else plain(value, digits)
