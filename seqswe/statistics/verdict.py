"""One word for a comparison, and what it may not say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from seqswe.statistics.power import detectable_effect
from seqswe.statistics.twoway import Estimate

EQUIVALENCE_MARGIN = 0.03
"""Lifts within ± this are called equal, when the whole interval lies there."""


class Word(StrEnum):
    """The five things a comparison can conclude about this stream."""

    LEARNING = "LEARNING"
    """A gain that is shown to grow, along the sequence or with the dose of memory."""
    GAIN = "GAIN"
    """A lift above zero, of which nothing shows that it grows."""
    HARM = "HARM"
    INCONCLUSIVE = "INCONCLUSIVE"
    EQUIVALENT = "EQUIVALENT"

    @property
    def better(self) -> bool:
        """Whether the lift is above zero."""
        return self in (Word.LEARNING, Word.GAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftVerdict:
    """The word, whether it rests on fewer than three runs, and the effect detectable at 80 %."""

    word: Word
    single_run: bool
    detectable: float
    margin: float

    def __str__(self) -> str:
        return f"SINGLE-RUN {self.word.value}" if self.single_run else self.word.value


def judge(
    estimate: Estimate,
    *,
    growth: Iterable[Estimate | None] = (),
    adjusted_p: float | None = None,
    margin: float = EQUIVALENCE_MARGIN,
) -> LiftVerdict:
    """Return the verdict on a 2W estimate of lift.

    A sign that is sure comes first, so a sure but small lift is GAIN, not EQUIVALENT. `growth` are
    slopes of the lift along the sequence or with the dose: a gain is LEARNING if one is surely
    above zero. `adjusted_p` (Holm, several memories) withholds a sign that its own interval grants.
    """
    word = _word(estimate, adjusted_p, margin)
    if word is Word.GAIN and any(slope is not None and slope.low > 0.0 for slope in growth):
        word = Word.LEARNING
    return LiftVerdict(
        word=word,
        single_run=estimate.single_run,
        detectable=detectable_effect(estimate),
        margin=margin,
    )


def _word(estimate: Estimate, adjusted_p: float | None, margin: float) -> Word:
    alpha = 1.0 - estimate.level
    sure = estimate.excludes_zero and not _too_few_equal(estimate, alpha)
    if sure and (adjusted_p is None or adjusted_p < alpha):
        return Word.GAIN if estimate.estimate > 0.0 else Word.HARM
    if estimate.se == 0.0:
        # No width is no certainty: n equal tasks leave room for 3/n.
        inside = abs(estimate.estimate) + detectable_effect(estimate) <= margin
    else:
        inside = -margin <= estimate.low and estimate.high <= margin
    return Word.EQUIVALENT if inside else Word.INCONCLUSIVE


def _too_few_equal(estimate: Estimate, alpha: float) -> bool:
    # An interval of no width over a handful of equal tasks would otherwise be sure of itself.
    return estimate.se == 0.0 and 2.0 ** (1 - estimate.n) >= alpha
