"""Progress: a live bar on a terminal, plain lines elsewhere. Goes to stderr, never to stdout."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from seqswe.visible import visible

PLAIN_SECONDS = 10.0
"""Seconds between two plain lines."""


class Progress(Protocol):
    """What a command tells about its advance."""

    def advance(self, text: str = "") -> None:
        """One more step is done."""
        ...


@contextmanager
def progress(title: str, total: int, done: int = 0) -> Iterator[Progress]:
    """Show `title` advancing to `total` steps, the first `done` of them made before."""
    if sys.stderr.isatty():
        with _live(title, total, done) as bar:
            yield bar
    else:
        yield _Plain(title, total, done)


@contextmanager
def _live(title: str, total: int, done: int) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}", markup=False),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total, completed=done, text="")

        class Live:
            def advance(self, text: str = "") -> None:
                bar.update(task, advance=1, text=visible(text))

        yield Live()


class _Plain:
    def __init__(self, title: str, total: int, done: int) -> None:
        self._title, self._total, self._done = title, total, done
        self._started = self._said = time.monotonic()

    def advance(self, text: str = "") -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._said >= PLAIN_SECONDS or self._done == self._total:
            self._said = now
            seconds = now - self._started
            sys.stderr.write(
                f"{self._title}: {self._done}/{self._total} in {seconds:.0f} s  {visible(text)}\n"
            )
            sys.stderr.flush()
