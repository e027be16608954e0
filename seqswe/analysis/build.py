"""The front door: run directories in, an `Analysis` out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from seqswe.analysis.arms import RunLayout, arm_result, failures, layout, repeats, verdicts
from seqswe.analysis.carried import carried_sentences
from seqswe.analysis.contrasts import LEVEL, contrast, judged_together, pairs
from seqswe.analysis.coupling import is_coupled
from seqswe.analysis.efficiency import efficiencies
from seqswe.analysis.lent import Lent
from seqswe.analysis.lost import LostLessons
from seqswe.analysis.model import Analysis, ArmResult, Contrast, Efficiency, Probe, RunResult
from seqswe.analysis.probes import dose_growth, probes
from seqswe.analysis.secondary import secondary, swe_bench_cl_metrics
from seqswe.analysis.words import crash_mark, finding, run_effects
from seqswe.arms import BASELINE, SEQUENTIAL, is_diagnostic, is_probe
from seqswe.errors import IncompleteError, UsageError
from seqswe.experiment import make_plan
from seqswe.memory import row_name
from seqswe.outcome import Outcome
from seqswe.runs.files import check_files
from seqswe.runs.journal import Journal
from seqswe.runs.outcomes import COST, EXECUTIONS, RECIPROCAL_RANK, RESOLVED, STEPS, TOKENS
from seqswe.runs.registry import present, registry
from seqswe.runs.rollout import Rollout, ThrownAway
from seqswe.runs.store import RunDirectory
from seqswe.statistics import alpha_of_look


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """One run directory as read: what was planned and what the journal says."""

    label: str
    directory: RunDirectory
    journal: Journal
    plan: RunLayout
    lent: Lent | None = None
    """The iid arm that it borrows; it takes the place of one of its own."""

    @property
    def rollouts(self) -> tuple[Rollout, ...]:
        """What is compared: the run's own rollouts, and those of the arm that it borrows."""
        if self.lent is None:
            return self.journal.rollouts
        own = (r for r in self.journal.rollouts if r.arm != BASELINE)
        return (*self.lent.rollouts, *own)

    @property
    def compared(self) -> RunLayout:
        """What was planned of these."""
        return self.plan.borrowing(BASELINE, self.lent.plan) if self.lent else self.plan

    @property
    def complete(self) -> bool:
        """Whether every planned rollout has a verdict."""
        return sum(r.graded for r in self.rollouts) >= self.compared.planned

    @property
    def level(self) -> float:
        """Of intervals: a run that was added to after a look has spent its first one."""
        looks = self.looks
        return LEVEL if looks == 1 else 1.0 - alpha_of_look(looks)

    @property
    def looks(self) -> int:
        """Looks at the run, or at the one whose arm it borrows if that had more."""
        own = self.directory.info.looks
        return max(own, self.lent.lender.info.looks) if self.lent else own


def analyse(directories: Sequence[RunDirectory], baseline: RunDirectory | None = None) -> Analysis:
    """Analyse one or several run directories; `baseline` lends its iid arm to all of them.

    Without it, the first run that has an iid arm lends it to those that were run to borrow one.
    Raises UsageError without any or with the same one twice, and for a baseline that is not
    theirs; RunDirError for a damaged journal and IncompleteError where nothing at all is graded.
    """
    reads = _read(directories)
    if baseline:
        lent = Lent.of(baseline)
        reads = [replace(read, lent=lent.to(read.directory, read.journal)) for read in reads]
    elif lent_among := Lent.among(directories):
        reads = [replace(r, lent=lent_among.to_needy(r.directory, r.journal)) for r in reads]
    rollouts = [rollout for read in reads for rollout in read.rollouts]
    outcomes = present(rollouts)
    headline, reason = headline_outcome(rollouts)
    arms = tuple(
        arm_result(
            read.label, arm, read.rollouts, read.compared, outcomes, headline, coupled=coupled
        )
        for read in reads
        for info in [read.directory.info]
        for coupled in [is_coupled(info.experiment.agent, info.coupled)]
        for arm in read.compared.arms
    )
    contrasts = judged_together(_contrasts(reads, arms, outcomes, headline), headline)
    runs = tuple(_run(read) for read in reads)
    partial = Analysis(
        runs=runs,
        arms=arms,
        contrasts=contrasts,
        probes=tuple(p for read in reads for p in _probes(_of_run(arms, read), read, headline)),
        efficiencies=_efficiencies(reads, arms),
        verdicts=tuple(v for r in reads for v in verdicts(r.label, r.journal.rollouts)),
        failures=tuple(f for r in reads for f in failures(r.label, r.journal.rollouts)),
        repeats=tuple(t for r in reads for t in repeats(r.label, r.journal.rollouts)),
        secondary=(),
        swe_bench_cl=(),
        headline_outcome=headline,
        headline_reason=reason,
        sentences=(),
        warnings=(*_of_runs(runs), *_left_out(), *run_effects(contrasts, headline)),
    )
    described = replace(
        partial, secondary=secondary(partial), swe_bench_cl=swe_bench_cl_metrics(partial)
    )
    return _with_sentences(described)


def headline_outcome(rollouts: Iterable[Rollout]) -> tuple[Outcome, str]:
    """The outcome that the headline is about, and why.

    Resolved is the main one. An agent that only points at files resolves nothing by
    construction; where no arm resolves anything and files are named, the rank of the first gold
    file is the headline. The choice looks at all arms together, so it cannot favour one.
    """
    graded = [r for r in rollouts if r.graded]
    graded = [r for r in graded if not is_diagnostic(r.arm)] or graded
    if any(r.resolved for r in graded):
        return RESOLVED, "Resolved is the main outcome."
    if any(r.gold_files and (r.ranking or r.edited_files) for r in graded):
        return RECIPROCAL_RANK, (
            "No arm resolved any task, but files were named: the headline is the reciprocal rank "
            "of the first file that the true fix touches, not tasks resolved."
        )
    return RESOLVED, "Resolved is the main outcome; no arm resolved any task."


def _read(directories: Sequence[RunDirectory]) -> list[_Read]:
    roots = [directory.root.resolve() for directory in directories]
    if not roots or len(set(roots)) != len(roots):
        raise UsageError("every run directory must be given once", "See `seqswe report --help`.")
    reads = []
    for label, directory in zip(_labels(directories), directories, strict=True):
        journal = directory.journal()
        check_files(directory, journal)
        plan = layout(directory.info, journal)
        reads.append(_Read(label=label, directory=directory, journal=journal, plan=plan))
    if not any(r.graded for read in reads for r in read.journal.rollouts):
        names = ", ".join(str(directory.root) for directory in directories)
        raise IncompleteError(
            f"nothing is graded in {names}: there is no result to report",
            "Finish the run with `seqswe resume`; the journal says why rollouts failed.",
        )
    return reads


def _labels(directories: Sequence[RunDirectory]) -> list[str]:
    """The shortest names that tell the runs apart: memory, agent and memory, or the folder."""
    settings = [d.info.experiment for d in directories]
    rows = [row_name(e.memory) for e in settings]
    by_agent = [f"{e.agent} + {row}" for e, row in zip(settings, rows, strict=True)]
    options = [
        rows,
        by_agent,
        [f"{e.codebase}: {name}" for e, name in zip(settings, by_agent, strict=True)],
        [d.root.resolve().name for d in directories],
    ]
    unique = (names for names in options if len(set(names)) == len(names))
    return next(unique, [str(d.root) for d in directories])


def _contrasts(
    reads: Sequence[_Read],
    arms: Sequence[ArmResult],
    outcomes: Sequence[Outcome],
    headline: Outcome,
) -> list[Contrast]:
    ordered = sorted(outcomes, key=lambda outcome: outcome.name != headline.name)
    contrasts = [
        contrast(
            mine[first],
            mine[second],
            outcome,
            doses=[dose_growth(mine, outcome)] if first == SEQUENTIAL else [],
            level=read.level,
            final=read.complete,
        )
        for read in reads
        for mine in [_of_run(arms, read)]
        for outcome in ordered
        if outcome.better != "neither"
        for first, second in pairs(read.compared.arms)
    ]
    return [item for item in contrasts if item]


def _probes(mine: dict[str, ArmResult], read: _Read, headline: Outcome) -> Iterable[Probe]:
    """What the other arms show; like the headline, without a p-value before the end."""
    for probe in probes(mine, headline):
        p = probe.estimate.p if read.complete else None
        yield replace(probe, estimate=replace(probe.estimate, p=p))


def _of_run(arms: Sequence[ArmResult], read: _Read) -> dict[str, ArmResult]:
    return {arm.arm: arm for arm in arms if arm.run == read.label}


def _efficiencies(reads: Sequence[_Read], arms: Sequence[ArmResult]) -> tuple[Efficiency, ...]:
    by_name = {(arm.run, arm.arm): arm for arm in arms}
    return tuple(
        efficiency
        for read in reads
        for first, second in pairs(read.compared.arms)
        for efficiency in efficiencies(by_name[read.label, first], by_name[read.label, second])
    )


def _run(read: _Read) -> RunResult:
    rollouts = read.journal.rollouts
    graded = sum(r.graded for r in rollouts)
    return RunResult(
        label=read.label,
        root=read.directory.root,
        info=read.directory.info,
        rollouts=rollouts,
        planned=read.plan.planned,
        graded=graded,
        results_digest=read.journal.results_digest(),
        warnings=tuple(_warnings(read, graded)),
        lender=str(read.lent.lender.root) if read.lent else "",
    )


def _warnings(read: _Read, graded: int) -> Iterable[str]:
    planned, rollouts = read.plan.planned, read.journal.rollouts
    info = read.directory.info
    if crashes := [r for r in rollouts if r.crashed]:
        said = " ".join(crashes[0].failure.detail.split()) if crashes[0].failure else ""
        yield (
            f"CRASHED: the agent crashed in {len(crashes)} of {len(rollouts)} rollouts, which are "
            f"graded for what it left. The first said: {said[:200] or 'nothing'}"
        )
    late = sum(r.failure is not None and r.failure.cause == "agent_out_of_budget" for r in rollouts)
    if late:
        yield (
            f"OUT OF TIME: in {late} of {len(rollouts)} rollouts the agent used up its time, steps "
            "or tokens; they are graded for what it left."
        )
    done = [r for r in rollouts if r.graded]
    if done and not any(r.edited_files or r.ranking for r in done):
        yield f"EMPTY: in none of {len(done)} graded rollouts did the agent change or name a file."
    if graded < planned:
        failed = len(rollouts) - graded
        yield (
            f"INCOMPLETE: {planned - graded} of {planned} rollouts have no verdict ({failed} "
            f"failed, {planned - len(rollouts)} not run). Each task counts with the rollouts that "
            "it has; there is no test and no verdict before the end."
        )
    if lag := info.experiment.lag:
        yield (
            f"LAG: the memory heard of each task {lag} task{'' if lag == 1 else 's'} later than it "
            "could have, as in a team at work on several at once."
        )
    yield from carried_sentences(info, rollouts)
    yield from LostLessons.of(info, rollouts).sentences()
    yield from ThrownAway.of(rollouts).sentences()
    yield from _nothing_recalled(read)
    if read.journal.truncated:
        yield "The journal's last line was half written and is left out (resume repeats it)."
    if info.synthetic:
        yield "SYNTHETIC: the bugs were injected, not made by people; do not quote as real issues."
    if info.renamed:
        yield f"RENAMED: {info.renamed}; texts, tests, patches and history have the new names too."
    if reach := info.plugin_reach:
        yield f"Memories and agents could reach {'; '.join(reach)}."
    if told := info.instructions.sentence(len(info.instance_ids)):
        kept = info.experiment.instructions == "keep"
        yield f"INSTRUCTIONS {'kept' if kept else 'hidden'}: {told}"
    if read.looks > 1:
        yield (
            f"This run was added to after a look at its results: this is look {read.looks}, tested "
            f"at {100 * read.level:.4g} %, so that all looks together are wrong in at most 6 %."
        )
    if refused := [r for r in rollouts if r.usage_refused]:
        yield (
            f"{len(refused)} of {len(rollouts)} rollouts report impossible numbers (the first: "
            f"{refused[0].usage_refused[0]}): taken as missing."
        )
    for outcome in (STEPS, EXECUTIONS, TOKENS, COST):
        counted = sum(outcome.measured(r) is not None for r in rollouts)
        if 0 < counted < len(rollouts):
            yield (
                f"{len(rollouts) - counted} of {len(rollouts)} rollouts report no "
                f"{outcome.title.lower()}: taken as missing."
            )
    for outcome in registry().foreign:
        yield from _faults(outcome, [r for r in rollouts if r.graded])
    diagnostic = [arm for arm in read.plan.arms if is_diagnostic(arm)]
    if diagnostic:
        yield (
            f"DIAGNOSTIC: {', '.join(diagnostic)} recall lessons of a task's own future by design; "
            "they stand in a table apart and are no part of the headline."
        )
    if read.lent:
        yield read.lent.sentence
    if not pairs(read.compared.arms) and not all(map(is_probe, read.plan.arms)):
        yield (
            f"Nothing to compare: only {', '.join(read.plan.arms)} was run (baseline: iid). "
            "`seqswe baseline` keeps it, `seqswe compare` holds it against another run."
        )


def _nothing_recalled(read: _Read) -> Iterable[str]:
    """A line for each arm whose memory was told lessons and never recalled anything."""
    info = read.directory.info
    if info.experiment.memory == "none":
        return
    cells = {(c.arm, c.seed): c for c in make_plan(info.experiment, info.instance_ids).cells}
    taught = [
        r
        for r in read.journal.rollouts
        if r.graded and (cell := cells.get((r.arm, r.seed))) and cell.taught(r.position)
    ]
    for arm in dict.fromkeys(r.arm for r in taught):
        rollouts = [r for r in taught if r.arm == arm]
        if not any(r.recalled for r in rollouts):
            yield (
                f"NOTHING RECALLED: in arm {arm}, memory {info.experiment.memory!r} had been told "
                f"of earlier tasks before {len(rollouts)} rollouts and recalled nothing in any of "
                "them, so no lift can come from it."
            )


def _faults(outcome: Outcome, rollouts: Sequence[Rollout]) -> Iterable[str]:
    """One line where another package's outcome fails, or measures what cannot be."""
    faults = [fault for rollout in rollouts if (fault := outcome.fault(rollout))]
    if faults:
        yield (
            f"Outcome {outcome.name!r} is taken as missing in {len(faults)} of {len(rollouts)} "
            f"rollouts, where it cannot be measured: {faults[0]}."
        )


def _of_runs(runs: Sequence[RunResult]) -> Iterable[str]:
    shared = [text for text in runs[0].warnings if all(text in run.warnings for run in runs)]
    yield from shared
    for run in runs:
        yield from (f"{run.label}: {text}" for text in run.warnings if text not in shared)


def _left_out() -> Iterable[str]:
    for error in registry().refused.values():
        yield f"Not reported: {error.message}. {error.hint}"


def _with_sentences(analysis: Analysis) -> Analysis:
    runs = {run.label: run for run in analysis.runs}
    sentences = [
        finding(item, runs[item.run], several=len(runs) > 1) for item in analysis.headlines()
    ]
    sentences += [
        f"{crash_mark(runs[label])}No result ({label}): fewer than two tasks have a verdict in "
        "both arms."
        for label in runs
        if pairs([a.arm for a in analysis.arms if a.run == label])
        and label not in {item.run for item in analysis.headlines()}
    ]
    if analysis.headline_outcome is not RESOLVED or not sentences:
        sentences.append(analysis.headline_reason)
    return replace(analysis, sentences=tuple(sentences))
