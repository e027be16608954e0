"""Progress: a live bar on a terminal, plain lines elsewhere. Goes to stderr, never to stdout."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from seqswe.cli.echo import note, output
from seqswe.visible import visible

PLAIN_SECONDS = 10.0
"""Seconds between two plain lines."""
ENOUGH = 3
"""Steps from which on the time that is left can be told."""


class Progress(Protocol):
    """What a command tells about its advance."""

    def advance(self, *lines: str) -> None:
        """One more step is done; the lines say how it stands."""
        ...


@contextmanager
def progress(title: str, total: int, done: int = 0) -> Iterator[Progress]:
    """Show `title` advancing to `total` steps, the first `done` of them made before."""
    if output().quiet:
        yield _Silent()
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _live(title, total, done) as bar:
            yield bar
    else:
        yield _Plain(title, total, done)


def left(seconds: float, done: int, total: int) -> str:
    """Say how long the rest takes, if it goes on as it has gone; "" where that is not known."""
    if done < ENOUGH or done >= total:
        return ""
    return f"about {span(seconds * (total - done) / done)} left"


def span(seconds: float) -> str:
    """A time in one unit: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


@contextmanager
def _live(title: str, total: int, done: int) -> Iterator[Progress]:
    from rich.console import Console, Group
    from rich.live import Live as LiveDisplay
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as RichProgress
    from rich.text import Text

    console, started = Console(stderr=True), time.monotonic()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=min(20, max(4, console.width - 36))),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}", markup=False),
    )
    bar = RichProgress(*columns, console=console)
    task = bar.add_task(title, total=total, completed=done, left="")
    with LiveDisplay(bar, console=console) as display:

        class Live:
            made = 0

            def advance(self, *lines: str) -> None:
                self.made += 1
                rest = left(time.monotonic() - started, self.made, total - done)
                bar.update(task, advance=1, left=rest)
                display.update(Group(bar, *(Text(f"  {visible(line)}") for line in lines)))

        yield Live()


class _Plain:
    def __init__(self, title: str, total: int, done: int) -> None:
        self._title, self._total, self._done, self._before = title, total, done, done
        self._started = self._said = time.monotonic()

    def advance(self, *lines: str) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._said >= PLAIN_SECONDS or self._done == self._total:
            self._said = now
            seconds, made = now - self._started, self._done - self._before
            rest = left(seconds, made, self._total - self._before)
            told = [f"{span(seconds)}, {rest}" if rest else span(seconds)]
            told += [" ".join(line.split()) for line in lines]  # nothing to align with
            note(f"{self._title} {self._done}/{self._total}: {'; '.join(told)}")


class _Silent:
    def advance(self, *lines: str) -> None:
        pass
