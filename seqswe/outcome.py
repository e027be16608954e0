"""The protocol of outcomes: one number per rollout, and how that number is read.

    from seqswe.outcome import amount

    files_edited = amount(
        "files_edited", "Files edited", "files per task", lambda rollout: len(rollout.edited_files)
    )

Register the instance under `seqswe.outcome`, under its own name, and every report, baseline and
comparison has it: docs/outcomes.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from seqswe.runs.rollout import Rollout

Better = Literal["higher", "lower", "neither"]
Kind = Literal["share", "amount"]
Measure = Callable[[Rollout], float | None]

MAX_AMOUNT = 1e15
"""No rollout spends more of anything: whatever says so is a broken meter, and is missing."""
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One number per rollout: what it is called, counted in, and which way is better.

    A `share` lies in [0, 1] and is compared by differences; an `amount` lies in [0, MAX_AMOUNT],
    and is compared by ratios where it is above zero. `measure` gives None for a rollout that has
    no such number. A number outside its range (NaN too) and an exception both count as missing.

    Raises ValueError for a name that is not lower_snake_case, an empty title or unit, an unknown
    kind or direction, and an amount in per cent.
    """

    name: str
    title: str
    """What people read. Everything after `: ` explains, and is left out of labels."""
    unit: str
    better: Better
    """`neither` describes only: it is reported for each arm, and never compared."""
    kind: Kind
    measure: Measure
    reported: Callable[[Rollout], bool] | None = None
    """Whether somebody counts this at all; a report leaves out what no rollout reports.

    None: a share once there is a number, an amount once it is above zero, because a counter that
    nobody feeds stays at 0.
    """
    percent: bool = False
    """Whether people read it in per cent, and differences in points; else as a plain number."""
    label: str = ""
    """A shorter title, for a place beside others; `short` gives it or what begins the title."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"the name of an outcome is lower_snake_case, not {self.name!r}")
        for field, text in (("title", self.title), ("unit", self.unit)):
            if not isinstance(text, str) or not text.strip():
                raise ValueError(f"{field} of {self.name} must be text for people, not {text!r}")
        for field, value, known in (
            ("kind", self.kind, get_args(Kind)),
            ("better", self.better, get_args(Better)),
        ):
            if value not in known:
                raise ValueError(f"{field} of {self.name} must be one of {known}, not {value!r}")
        if self.percent and self.kind != "share":
            raise ValueError(f"{self.name} is no share, so it cannot be read in per cent")

    @property
    def short(self) -> str:
        """The title without its explanation, for a label beside others."""
        return self.label or self.title.partition(": ")[0]

    def of(self, rollout: Rollout) -> float | None:
        """The outcome of one rollout; None without a verdict or without a possible number."""
        return self.measured(rollout) if rollout.graded else None

    def measured(self, rollout: Rollout) -> float | None:
        """The number whether or not there is a verdict; None without a possible one."""
        try:
            return self.checked(rollout)
        except Exception:  # noqa: BLE001  (a plug-in may raise anything; reports count and say it)
            return None

    def checked(self, rollout: Rollout) -> float | None:
        """The number whether or not there is a verdict, None where there is none.

        Raises ValueError for an impossible number, and whatever `measure` itself raises.
        """
        value = self.measure(rollout)
        if value is None:
            return None
        most = 1.0 if self.kind == "share" else MAX_AMOUNT
        # Nothing that is not a number passes a comparison.
        if not 0 <= value <= most:
            raise ValueError(f"{value} is outside 0 to {most:g}")
        return float(value)

    def fault(self, rollout: Rollout) -> str:
        """What is wrong with measuring this rollout, for people; "" where nothing is."""
        try:
            self.checked(rollout)
            if self.reported:
                self.reported(rollout)
        except Exception as error:  # noqa: BLE001  (whatever it is, a report says it)
            return f"{type(error).__name__}: {str(error)[:200]}"
        return ""

    def is_reported(self, rollout: Rollout) -> bool:
        """Whether this rollout shows that somebody counts this outcome; see `reported`."""
        if self.reported is None:
            value = self.measured(rollout)
            return value is not None and (self.kind == "share" or value > 0)
        try:
            return bool(self.reported(rollout))
        except Exception:  # noqa: BLE001  (as for `measure`)
            return False


def share(
    name: str,
    title: str,
    measure: Measure,
    *,
    unit: str = "share of tasks",
    percent: bool = True,
    better: Better = "higher",
    reported: Callable[[Rollout], bool] | None = None,
    label: str = "",
) -> Outcome:
    """An outcome in [0, 1], compared by differences and, unless told otherwise, in per cent."""
    return Outcome(
        name=name,
        title=title,
        unit=unit,
        better=better,
        kind="share",
        measure=measure,
        reported=reported,
        percent=percent,
        label=label,
    )


def amount(
    name: str,
    title: str,
    unit: str,
    measure: Measure,
    *,
    better: Better = "lower",
    reported: Callable[[Rollout], bool] | None = None,
) -> Outcome:
    """An outcome of zero or more, counted in `unit`: `"steps per task"`, `"USD per task"`."""
    return Outcome(
        name=name,
        title=title,
        unit=unit,
        better=better,
        kind="amount",
        measure=measure,
        reported=reported,
    )
