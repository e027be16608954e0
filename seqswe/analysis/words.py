"""Numbers as people read them, and the findings as sentences."""

from __future__ import annotations

from math import isinf

from seqswe.analysis.model import ArmResult, Contrast, RunResult
from seqswe.outcome import Outcome
from seqswe.statistics import MINIMUM_RUNS, Estimate, Word

MINUS = "−"
LONG = 1e7
"""From here on a number is written with an exponent."""


def value(outcome: Outcome, number: float | None) -> str:
    """An outcome's value: in per cent, a share with three digits, an amount with three figures."""
    if number is None:
        return "–"
    if outcome.percent:
        return f"{100 * number:.1f} %"
    if outcome.kind == "share":
        return f"{number:.3f}"
    if outcome.unit.startswith("USD"):
        return f"{number:.4f} USD" if number < 1 else f"{number:,.2f} USD"
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def change(contrast: Contrast, number: float) -> str:
    """A lift as shown on its scale: points, a relative change, or the outcome's own unit."""
    if contrast.scale == "ratio":
        return signed(100 * number, 1) + " %"
    return difference(contrast.outcome, number)


def difference(outcome: Outcome, number: float) -> str:
    """A difference between two arms: in points, or in the outcome's own unit."""
    if outcome.percent:
        return signed(100 * number, 1) + " points"
    return signed(number, 3 if outcome.kind == "share" else 2)


def signed(number: float, digits: int) -> str:
    """A number with its sign, a true minus, and no sign on what rounds to zero."""
    text = plain(abs(number), digits)
    if not any(c in "123456789∞" for c in text):
        return text
    return ("+" if number > 0 else MINUS) + text


def plain(number: float, digits: int) -> str:
    """A number as people read it, however large: a few tasks can leave an endless interval."""
    if isinf(number):
        return "∞" if number > 0 else MINUS + "∞"
    text = f"{number:,.{digits}f}" if abs(number) < LONG else f"{number:.0e}"
    return text.replace("-", MINUS)


def interval(contrast: Contrast) -> str:
    """`+9.8 to +18.4 points`, in the units of `change`."""
    return f"{change(contrast, contrast.low).split(' ')[0]} to {change(contrast, contrast.high)}"


def p_value(p: float | None) -> str:
    """A p-value, or why there is none."""
    if p is None:
        return f"no p-value under {MINIMUM_RUNS} seeds"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def mean_interval(outcome: Outcome, mean: Estimate | None) -> str:
    """An arm's mean with its interval; a dash where there is none."""
    if mean is None:
        return "–"
    low, high = mean.low, mean.high
    if outcome.kind == "share":
        low, high = max(0.0, low), min(1.0, high)
    return f"{value(outcome, mean.estimate)} ({value(outcome, low)} to {value(outcome, high)})"


def finding(contrast: Contrast, run: RunResult | None = None, *, several: bool = False) -> str:
    """The primary finding of one run in a few sentences, the verdict word before a colon.

    With its `run` given, what crashed, is incomplete or synthetic says so before anything else.
    """
    lift = contrast.lift
    marks = ""
    if run:
        marks = crash_mark(run) + "INCOMPLETE " * (not run.complete)
        marks += "SYNTHETIC " * run.info.synthetic
    whose = f" ({contrast.run})" if several else ""
    return (
        f"{marks}{lift.verdict}{whose}: {contrast.outcome.title} {_means(contrast)}on the same "
        f"{lift.overall.n} tasks, {contrast.name} = {change(contrast, contrast.estimate)} "
        f"({100 * lift.overall.level:.0f} % interval {interval(contrast)}; "
        f"{p_value(contrast.p)}; {_seeds(contrast)}). {meaning(contrast)}"
    )


def crash_mark(run: RunResult) -> str:
    """`CRASHED in 3 of 60 rollouts, `, or nothing."""
    crashed = sum(rollout.crashed for rollout in run.rollouts)
    return f"CRASHED in {crashed} of {len(run.rollouts)} rollouts, " if crashed else ""


def meaning(contrast: Contrast) -> str:
    """What the verdict word says about this sequence, and what it may not say."""
    verdict = contrast.lift.verdict
    gained = {
        Word.LEARNING: f"On this sequence {contrast.arm} did better than {contrast.baseline}.",
        Word.HARM: f"On this sequence {contrast.arm} did worse than {contrast.baseline}.",
        Word.EQUIVALENT: f"The two are equal within ±{_margin(contrast)}.",
        Word.INCONCLUSIVE: "The data do not tell; the smallest effect they could have shown "
        f"with 80 % power is {_unsigned(change(contrast, contrast.shown(verdict.detectable)))}.",
    }[verdict.word]
    if verdict.single_run:
        gained += (
            " With fewer than three seeds the noise between runs is unknown: this holds for "
            "these very runs only."
        )
    elif contrast.deterministic:
        gained += (
            " All seeds gave identical results, so they count as one: the interval carries the "
            "noise of the tasks alone."
        )
    return gained


def _means(contrast: Contrast) -> str:
    if contrast.scale == "ratio":
        return ""
    first = value(contrast.outcome, contrast.lift.sequential.estimate)
    second = value(contrast.outcome, contrast.lift.iid.estimate)
    return f"{first} ({contrast.arm}) against {second} ({contrast.baseline}) "


def _seeds(contrast: Contrast) -> str:
    k1, k0 = contrast.lift.overall.k1, contrast.lift.overall.k0
    if k1 == k0:
        return f"{k1} seed{'s' if k1 > 1 else ''} per arm"
    return f"{k1} seeds against {k0}"


def _margin(contrast: Contrast) -> str:
    margin = contrast.lift.verdict.margin
    return _unsigned(change(contrast, margin))


def _unsigned(text: str) -> str:
    return text.lstrip("+" + MINUS)


def seeds_of(arm: ArmResult) -> str:
    """How many seeds an arm has, and whether they gave the same."""
    return f"{len(arm.seeds)}{' (identical)' if arm.deterministic else ''}"
