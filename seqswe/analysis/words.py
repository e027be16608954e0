"""Numbers as people read them, and the findings as sentences."""

from __future__ import annotations

from collections.abc import Iterable
from math import copysign, inf

from seqswe.analysis.model import ArmResult, Contrast, RunResult
from seqswe.outcome import MAX_AMOUNT, Outcome
from seqswe.statistics import MINIMUM_RUNS, Estimate, Word

MINUS = "−"
LONG = 1e7
"""From here on a number has no digits after the point."""
ENDLESS = 1e5
"""Per cent. A ratio of a few tasks may leave an interval that ends further out: for people, it does
not end."""
NARROWER = 0.9
"""An interval for this stream is told if it is narrower than this part of the other."""
PAIRED = "Runs are paired by seed, which takes luck that the arms share out of the lift."
UNPAIRED = "The interval of the lift carries that."


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
        shown = 100 * number if abs(100 * number) < ENDLESS else copysign(inf, number)
        return signed(shown, 1) + " %"
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
    if abs(number) > MAX_AMOUNT:
        return "∞" if number > 0 else MINUS + "∞"
    return f"{number:,.{digits if abs(number) < LONG else 0}f}".replace("-", MINUS)


def interval(contrast: Contrast) -> str:
    """`+9.8 to +18.4 points`, in the units of `change`."""
    return f"{change(contrast, contrast.low).split(' ')[0]} to {change(contrast, contrast.high)}"


def p_value(p: float | None) -> str:
    """A p-value, or why there is none."""
    if p is None:
        return f"no p-value under {MINIMUM_RUNS} seeds"
    number = p_number(p)
    return f"p {number}" if number.startswith("<") else f"p = {number}"


def p_number(p: float) -> str:
    """The same for a column of a table: `0.012`, `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def percent(share: float) -> str:
    """A level with the digits that it has: `95 %`, `99.5 %`."""
    return f"{100 * share:.5g} %"


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

    With its `run` given, what crashed or is synthetic says so before anything else. Before the end
    there is no word, no test and no interval: only what was seen so far.
    """
    whose = f" ({contrast.run})" if several else ""
    synthetic = "SYNTHETIC " if run and run.info.synthetic else ""
    marks = crash_mark(run) if run else ""
    if not contrast.final:
        return f"{marks}INCOMPLETE {synthetic}RUN{whose}: {_so_far(contrast)}"
    overall = contrast.lift.overall
    return (
        f"{marks}{synthetic}{verdict(contrast)}{whose}: {contrast.outcome.title} {_means(contrast)}"
        f"on the same {overall.n} tasks, {contrast.name} = {change(contrast, contrast.estimate)} "
        f"({_certainty(contrast)}; {_seeds(contrast)}). {meaning(contrast)}"
    )


def verdict(contrast: Contrast) -> str:
    """The verdict word; what takes its place before the end, and where nothing differs at all."""
    if contrast.verdict is None:
        return "none yet"
    if contrast.no_difference and contrast.verdict.word is Word.INCONCLUSIVE:
        return f"{'SINGLE-RUN ' * contrast.single_run}NO DIFFERENCE"
    return str(contrast.verdict)


def certainty(contrast: Contrast) -> str:
    """The interval as a table shows it; or what no difference at all leaves open."""
    text = _at_most(contrast) if contrast.no_difference else interval(contrast)
    return text if contrast.final else f"{text}, so far"


def _at_most(contrast: Contrast) -> str:
    n = contrast.lift.overall.n
    if contrast.outcome.kind != "share":
        return f"no difference in {n} tasks"
    return f"no difference in {n} tasks: at most {_unsigned(difference(contrast.outcome, 3.0 / n))}"


def _so_far(contrast: Contrast) -> str:
    return (
        f"{contrast.outcome.title} {_means(contrast)}on the {contrast.lift.overall.n} tasks that "
        f"both arms have, {contrast.name} = so far {change(contrast, contrast.estimate)} "
        f"({_seeds(contrast)}). There is no test before the end: whoever looks again and again "
        "finds something sooner or later."
    )


def _certainty(contrast: Contrast) -> str:
    """Interval and p-value; or what no spread at all leaves open."""
    if contrast.no_difference:
        return f"{_at_most(contrast)} in others like these"
    text = f"{percent(contrast.lift.overall.level)} interval {interval(contrast)}"
    if stream := stream_interval(contrast):
        text += f" for tasks like these, {stream} for further runs of these very tasks"
    return f"{text}; {p_value(contrast.p)}"


def stream_interval(contrast: Contrast) -> str:
    """The interval for further runs of these tasks, if it says more than the one for others."""
    overall, stream = contrast.lift.overall, contrast.lift.stream
    if stream is None or contrast.deterministic:
        return ""
    if stream.high - stream.low > NARROWER * (overall.high - overall.low):
        return ""
    low, high = (change(contrast, contrast.shown(end)) for end in (stream.low, stream.high))
    return f"{low.split(' ')[0]} to {high}"


def run_effects(contrasts: Iterable[Contrast], headline: Outcome) -> Iterable[str]:
    """A warning for each baseline of a headline whose runs differ by more than tasks explain."""
    warned = set()
    for contrast in contrasts:
        noise = contrast.lift.diagnostics.iid
        if contrast.outcome.name != headline.name or not noise.runs_differ:
            continue
        if (contrast.run, contrast.baseline) not in warned:
            warned.add((contrast.run, contrast.baseline))
            found = f"F = {noise.deff_run or 0.0:.2f}, {p_value(noise.run_p)}"
            yield (
                f"RUNS DIFFER: the runs of {contrast.baseline} ({contrast.run}) differ by more "
                f"than their tasks explain ({found}): seeds have luck of their own, or something "
                "drifted while they ran. " + (PAIRED if contrast.lift.coupled else UNPAIRED)
            )


def crash_mark(run: RunResult) -> str:
    """`CRASHED in 3 of 60 rollouts, `, or nothing."""
    crashed = sum(rollout.crashed for rollout in run.rollouts)
    return f"CRASHED in {crashed} of {len(run.rollouts)} rollouts, " if crashed else ""


def meaning(contrast: Contrast) -> str:
    """What the verdict word says about this sequence, and what it may not say."""
    judged = contrast.lift.verdict
    if contrast.no_difference and judged.word is Word.INCONCLUSIVE:
        return "More tasks would have to show that the two are equal."
    better = f"On this sequence {contrast.arm} did better than {contrast.baseline}"
    text = {
        Word.LEARNING: f"{better}, and the more so the more it had learned.",
        Word.GAIN: f"{better}. That the lift grows is not shown.",
        Word.HARM: f"On this sequence {contrast.arm} did worse than {contrast.baseline}.",
        Word.EQUIVALENT: f"The two are equal within ±{_margin(contrast)}.",
        Word.INCONCLUSIVE: "The data do not tell; the smallest effect they could have shown "
        f"with 80 % power is {_unsigned(change(contrast, contrast.shown(judged.detectable)))}.",
    }[judged.word]
    if judged.single_run:
        overall = contrast.lift.overall
        missing = " behind a task" if min(overall.k1, overall.k0) >= MINIMUM_RUNS else ""
        text += (
            f" With fewer than three seeds{missing} the noise between runs is unknown: this holds "
            "for these very runs only."
        )
    elif contrast.deterministic:
        text += (
            " All seeds gave identical results, so they count as one: on these very tasks the lift "
            "is known exactly, and the interval is about other tasks like these."
        )
    return text


def _means(contrast: Contrast) -> str:
    if contrast.scale == "ratio":
        return ""
    first = value(contrast.outcome, contrast.lift.sequential.estimate)
    second = value(contrast.outcome, contrast.lift.iid.estimate)
    return f"{first} ({contrast.arm}) against {second} ({contrast.baseline}) "


def _seeds(contrast: Contrast) -> str:
    k1, k0 = contrast.lift.overall.k1, contrast.lift.overall.k0
    if k1 == k0:
        paired = ", paired" if contrast.lift.coupled and k1 > 1 else ""
        return f"{k1} seed{'s' if k1 > 1 else ''} per arm{paired}"
    return f"{k1} seeds against {k0}"


def _margin(contrast: Contrast) -> str:
    margin = contrast.lift.verdict.margin
    return _unsigned(change(contrast, margin))


def _unsigned(text: str) -> str:
    return text.lstrip("+" + MINUS)


def seeds_of(arm: ArmResult) -> str:
    """How many seeds an arm has, and whether they gave the same."""
    return f"{len(arm.seeds)}{' (identical)' if arm.deterministic else ''}"
