"""Arms beside the headline: how much memory helps how much, what is kept, what carries over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from seqswe.analysis.arms import compared
from seqswe.analysis.model import ArmResult, Probe, ProbeKind
from seqswe.arms import (
    BASELINE,
    FROZEN,
    REPLAY,
    SEQUENTIAL,
    WINDOW,
    WITHOUT_OWN,
    family_of,
    split,
    window_width,
)
from seqswe.outcome import Outcome
from seqswe.statistics import Estimate, dose_slope, share_difference, two_way


def probes(arms: Mapping[str, ArmResult], outcome: Outcome) -> Iterator[Probe]:
    """What the arms of one run show beside the headline, on the headline outcome."""
    yield from _doses(arms, outcome)
    yield from _windows(arms, outcome)
    for name in arms:
        family = family_of(name)
        if family == REPLAY:
            yield from _pair(arms, outcome, "retention", name, SEQUENTIAL)
        elif family == WITHOUT_OWN:
            yield from _pair(arms, outcome, "transfer", name, BASELINE)
            own = name.replace(WITHOUT_OWN, REPLAY)
            yield from _pair(arms, outcome, "own lesson", own, name)
        elif family in ("shuffled", "reversed"):
            yield from _pair(arms, outcome, "order", name, BASELINE)


def _doses(arms: Mapping[str, ArmResult], outcome: Outcome) -> Iterator[Probe]:
    """Every dose on the tasks after the largest one, so that difficulty cannot pass for dose."""
    frozen = _frozen(arms)
    if not frozen or BASELINE not in arms:
        return
    chosen = [arms[name] for name in frozen.values()]
    together = compared([*chosen, arms[BASELINE]], outcome.name, first=max(frozen))
    if together is None:
        return
    *given, iid = together.values
    doses = dict(zip(frozen, given, strict=True))
    for dose, values in doses.items():
        yield Probe(
            run=arms[BASELINE].run,
            kind="dose",
            arm=frozen[dose],
            baseline=BASELINE,
            outcome=outcome,
            estimate=_bounded(two_way(values, iid, coupled=together.coupled), outcome),
            learnt=dose,
        )


def dose_growth(arms: Mapping[str, ArmResult], outcome: Outcome) -> Estimate | None:
    """What an e-fold of lessons adds to the outcome, from frozen arms; None without two of them."""
    frozen = _frozen(arms)
    if len(frozen) < 2:
        return None
    values = {dose: arms[name].outcomes[outcome.name].values for dose, name in frozen.items()}
    return dose_slope(values)


def _windows(arms: Mapping[str, ArmResult], outcome: Outcome) -> Iterator[Probe]:
    """Age at equal dose: memories of as many lessons each, old ones against new ones.

    Each against the baseline; the oldest against the newest, where less is fading; and the snapshot
    that ends where the newest does against it, which is what the older lessons add. The last two
    start from one chain for each seed, and are paired by it.
    """
    windows = _numbered(arms, WINDOW)
    if not windows:
        return
    oldest, newest = windows[min(windows)], windows[max(windows)]
    whole = f"{FROZEN}-{max(windows)}"
    width = window_width(len(arms[newest].outcomes[outcome.name].values))
    for name in windows.values():
        yield from _of_window(arms, outcome, "window", name, BASELINE, learnt=width)
    if oldest != newest:
        yield from _of_window(arms, outcome, "fading", oldest, newest, learnt=width)
    yield from _of_window(arms, outcome, "older lessons", whole, newest, learnt=max(windows))


def _of_window(
    arms: Mapping[str, ArmResult],
    outcome: Outcome,
    kind: ProbeKind,
    first: str,
    second: str,
    *,
    learnt: int,
) -> Iterator[Probe]:
    """It describes: without a p-value."""
    for probe in _pair(arms, outcome, kind, first, second, chained=kind != "window"):
        yield replace(probe, estimate=replace(probe.estimate, p=None), learnt=learnt)


def _frozen(arms: Mapping[str, ArmResult]) -> dict[int, str]:
    """The frozen arms by their dose, the smallest first."""
    return _numbered(arms, FROZEN)


def _numbered(arms: Mapping[str, ArmResult], family: str) -> dict[int, str]:
    """The arms of a family by their number, the smallest first."""
    return dict(sorted((split(a)[1] or 0, a) for a in arms if family_of(a) == family))


def _pair(
    arms: Mapping[str, ArmResult],
    outcome: Outcome,
    kind: ProbeKind,
    first: str,
    second: str,
    *,
    chained: bool = False,
) -> Iterator[Probe]:
    if first not in arms or second not in arms:
        return
    both = [arms[first], arms[second]]
    if chained:  # the snapshots of one seed come from one chain, whatever its dice
        both = [replace(arm, coupled=True) for arm in both]
    pair = compared(both, outcome.name)
    if pair is None:
        return
    yield Probe(
        run=arms[first].run,
        kind=kind,
        arm=first,
        baseline=second,
        outcome=outcome,
        estimate=_bounded(two_way(*pair.values, coupled=pair.coupled), outcome),
    )


def _bounded(estimate: Estimate, outcome: Outcome) -> Estimate:
    return share_difference(estimate) if outcome.kind == "share" else estimate
