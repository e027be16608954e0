"""Arms beside the headline: how much memory helps how much, what is kept, what carries over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from seqswe.analysis.arms import complete_tasks, started
from seqswe.analysis.contrasts import BASELINE
from seqswe.analysis.model import ArmResult, Probe, ProbeKind
from seqswe.arms import FROZEN, REPLAY, SEQUENTIAL, WITHOUT_OWN, family_of, split
from seqswe.outcome import Outcome
from seqswe.statistics import Estimate, backward_transfer, dose_response, forward_transfer
from seqswe.statistics.arrays import FloatArray


def probes(arms: Mapping[str, ArmResult], outcome: Outcome) -> Iterator[Probe]:
    """What the arms of one run show beside the headline, on the headline outcome."""
    yield from _doses(arms, outcome)
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
    frozen = {split(name)[1] or 0: name for name in arms if family_of(name) == FROZEN}
    if not frozen or BASELINE not in arms:
        return
    values = {dose: arms[name].outcomes[outcome.name].values for dose, name in frozen.items()}
    iid = arms[BASELINE].outcomes[outcome.name].values
    largest = max(frozen)
    kept = complete_tasks(*values.values(), iid)
    if kept[largest:].sum() < 2:
        return
    kept[:largest] = True  # rows that dose_response leaves out by itself
    given = {dose: started(matrix)[kept] for dose, matrix in values.items()}
    for dose, estimate in dose_response(given, started(iid)[kept]).items():
        yield Probe(
            run=arms[BASELINE].run,
            kind="dose",
            arm=frozen[dose],
            baseline=BASELINE,
            outcome=outcome,
            estimate=estimate,
            learnt=dose,
        )


def _pair(
    arms: Mapping[str, ArmResult], outcome: Outcome, kind: ProbeKind, first: str, second: str
) -> Iterator[Probe]:
    if first not in arms or second not in arms:
        return
    y1, y0 = (arms[name].outcomes[outcome.name].values for name in (first, second))
    kept = complete_tasks(y1, y0)
    if kept.sum() < 2:
        return
    estimate = _ESTIMATES[second == BASELINE](started(y1)[kept], started(y0)[kept])
    yield Probe(
        run=arms[first].run,
        kind=kind,
        arm=first,
        baseline=second,
        outcome=outcome,
        estimate=estimate,
    )


def _from_nothing(y1: FloatArray, y0: FloatArray) -> Estimate:
    return forward_transfer(y1, y0, learnt=0)


_ESTIMATES: Mapping[bool, Callable[[FloatArray, FloatArray], Estimate]] = {
    True: _from_nothing,
    False: backward_transfer,
}
"""By whether the baseline starts every task from nothing, or carries a memory as well."""
