"""Damaged input of every kind: `python -m benchmarks.fuzz [--count 100000] [--commands 500]`.

Real files of every kind that SeqSWE reads are damaged at random and read in this process, with an
alarm of one second of processor time each; then some go through the real command. It must refuse
or accept: a traceback, a hang, or a message of more than two lines of 300 characters is a failure,
and the exit code is 1. `--keep FOLDER` keeps the inputs that failed. `--seed` draws others.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import FrameType

import click

from benchmarks.fuzz_kinds import Kind, kinds
from benchmarks.mutations import mutated
from seqswe.errors import RolloutError, SeqSWEError

SECONDS = 1.0
"""Of processor time, so that a busy machine makes no hang."""
COMMAND_SECONDS = 120.0
"""Of wall clock, for a command that was started on a busy machine."""
LONGEST = 300


class Hang(BaseException):
    """The alarm: nothing that is read may take that long."""


@dataclass(slots=True)
class Tally:
    """What became of the inputs."""

    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """A table by kind, and the failures."""
        names = sorted({*self.accepted, *self.refused})
        rows = [f"{n:24}{self.accepted[n]:>10}{self.refused[n]:>10}" for n in names]
        ended = f"{self.accepted.total() + self.refused.total()} inputs, "
        return [
            f"{'kind':24}{'accepted':>10}{'refused':>10}",
            *rows,
            *self.failures[:50],
            ended + f"{len(self.failures)} failures",
        ]


def fuzz(folder: Path, count: int, seed: int = 0, keep: Path | None = None) -> Tally:
    """Read `count` damaged files in this process; good ones are made in `folder`."""
    made, draw, tally = kinds(folder), Random(seed), Tally()
    for kind in made:
        kind.read(kind.folder)  # what is good is taken
    for number in range(count):
        kind = made[number % len(made)]
        good = kind.path.read_bytes()
        bad = mutated(good, kind.file, draw)
        try:
            kind.path.write_bytes(bad)
            problem = _try(kind, tally)
        finally:
            kind.path.write_bytes(good)
        if problem:
            tally.failures.append(f"{kind.name} #{number}: {problem}")
            _keep(keep, f"{number}-{kind.path.name}", bad)
    return tally


def fuzz_commands(folder: Path, count: int, seed: int = 0, keep: Path | None = None) -> Tally:
    """Give `count` damaged files to the real command, each in a process of its own."""
    made = [kind for kind in kinds(folder) if kind.command]
    draw, tally = Random(seed), Tally()
    for number in range(count):
        kind = made[number % len(made)]
        bad = mutated(kind.path.read_bytes(), kind.file, draw)
        with TemporaryDirectory(dir=folder.parent) as place:
            copy = Path(place, "copy")
            if kind.folder == folder:
                copy.mkdir()
            else:
                shutil.copytree(kind.folder, copy)
            (copy / kind.file).write_bytes(bad)
            problem = _run(kind, copy, tally)
        if problem:
            tally.failures.append(f"{kind.name} #{number}: {problem}")
            _keep(keep, f"command-{number}-{kind.path.name}", bad)
    return tally


def _try(kind: Kind, tally: Tally) -> str:
    """Why reading failed, if it did."""
    try:
        with _alarm():
            kind.read(kind.folder)
    except (SeqSWEError, click.ClickException) as error:
        tally.refused[kind.name] += 1
        return _said_badly(error)
    except Hang:
        tally.refused[kind.name] += 1
        return f"took more than {SECONDS} s"
    except Exception as error:  # noqa: BLE001  (what this script is for)
        tally.refused[kind.name] += 1
        if isinstance(error, kind.allowed):
            return ""
        return "".join(traceback.format_exc(limit=-3)).replace("\n", " | ")[-600:]
    tally.accepted[kind.name] += 1
    return ""


def _said_badly(error: SeqSWEError | click.ClickException) -> str:
    if not isinstance(error, SeqSWEError) or isinstance(error, RolloutError):
        return ""  # click has words of its own, a rollout's failure is a line of the journal
    if not error.message or not error.hint:
        return f"says nothing: {error.message!r:.100}, {error.hint!r:.100}"
    return ""


def _run(kind: Kind, folder: Path, tally: Tally) -> str:
    """Why a command failed, if it did."""
    assert kind.command
    words = [sys.executable, "-m", "seqswe", *kind.command(folder)]
    env = {**os.environ, "SEQSWE_CACHE": str(folder.parent.parent / "cache")}
    try:
        done = subprocess.run(words, capture_output=True, timeout=COMMAND_SECONDS, env=env)
    except subprocess.TimeoutExpired:
        return f"took more than {COMMAND_SECONDS} s"
    (tally.refused if done.returncode else tally.accepted)[kind.name] += 1
    said = done.stderr.decode("utf-8", "replace")
    lines = [line for line in said.splitlines() if line.startswith(("error: ", "hint: "))]
    if "Traceback" in said or done.returncode not in (0, 1, 2, 3, 5):
        return f"exit {done.returncode}: {said[-500:]}"
    if done.returncode > 1 and len(lines) != 2:
        return f"{len(lines)} lines: {said[-500:]}"
    if any(len(line) > LONGEST for line in lines) or b"\x1b" in done.stderr + done.stdout:
        return f"too long, or not escaped: {said[-500:]!r}"
    return ""


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _keep(folder: Path | None, name: str, data: bytes) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def run(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--commands", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args(arguments)
    failures = 0
    for work, count in ((fuzz, given.count), (fuzz_commands, given.commands)):
        with TemporaryDirectory() as place:
            tally = work(Path(place, "files").absolute(), count, given.seed, given.keep)
        failures += len(tally.failures)
        print(f"{work.__name__}:", *tally.lines(), sep="\n", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(run())
