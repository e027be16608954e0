"""What all charts share: rows in, a Vega-Lite specification out, and how outcomes are shown."""

from __future__ import annotations

from typing import Any

import altair as alt

from seqswe.analysis import Contrast
from seqswe.outcome import Outcome

HEIGHT = 280
POSITION = "Task number"

Spec = dict[str, Any]
Row = dict[str, Any]


class Plot:
    """A chart in the making. Its rows are kept aside, so that Altair need not walk them."""

    def __init__(self) -> None:
        self._datasets: dict[str, list[Row]] = {}

    def chart(self, rows: list[Row]) -> alt.Chart:
        """A chart, or a layer of one, over rows."""
        name = f"rows{len(self._datasets)}"
        self._datasets[name] = rows
        return alt.Chart(alt.NamedData(name=name))

    def finished(self, chart: Any, height: int = HEIGHT) -> Spec:
        """The specification, as wide as its place in the page."""
        # The height is the plot's own, whatever its axis and legend take.
        fit = alt.AutoSizeParams(type="fit-x", contains="padding")
        sized = chart.properties(width="container", height=height, autosize=fit)
        # Valid by construction, which the tests check against the schema: it takes half a second.
        spec: Spec = sized.to_dict(validate=False)
        # The page brings its own renderer and theme; the schema's address would look like a link.
        spec.pop("$schema", None)
        spec.pop("config", None)
        spec["datasets"] = self._datasets
        return spec


def position(tasks: int, *, cells: bool = False) -> alt.X:
    """The x axis of everything that runs along a sequence of so many tasks: whole tasks, from 1.

    With `cells` a task takes up the place around its number, and its field is where that begins.
    """
    margin = 0.5 if cells or tasks == 1 else 0.0
    ends = alt.Scale(domain=[1 - margin, tasks + margin], zero=False, nice=False)
    # A step under 1 would draw half tasks; ticks at both ends name the first and the last.
    axis = alt.Axis(format="d", tickMinStep=1, values=_ticks(tasks))
    return alt.X("first:Q" if cells else "task:Q", title=POSITION, scale=ends, axis=axis)


def _ticks(tasks: int) -> list[int]:
    """The first task, the last one, and round numbers between them, at most a dozen in all."""
    steps = (step for scale in (1, 10, 100, 1000, 10_000) for step in (scale, 2 * scale, 5 * scale))
    step = next((s for s in steps if tasks / s <= 10), tasks)
    between = [task for task in range(step, tasks, step) if task > 1 and tasks - task > step // 2]
    return sorted({1, *between, tasks})


def factor_of(outcome: Outcome, *, ratio: bool = False) -> float:
    """100 where the outcome is shown in per cent."""
    return 100.0 if ratio or outcome.percent else 1.0


def axis_title(outcome: Outcome) -> str:
    """An outcome with its unit, for an axis; a share that is a plain number needs none."""
    if outcome.kind == "share" and not outcome.percent:
        return outcome.short
    return f"{outcome.short} ({'% of tasks' if outcome.percent else outcome.unit})"


def lift_title(contrast: Contrast) -> str:
    """What the axis of a lift shows."""
    if contrast.scale == "ratio":
        return "Change (%)"
    outcome = contrast.outcome
    if outcome.percent:
        return "Lift (percentage points)"
    if outcome.kind == "share":
        return f"Lift ({outcome.unit.removeprefix('mean ')})"
    return f"Difference ({outcome.unit})"
