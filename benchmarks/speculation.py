"""What working ahead of a chain saves and wastes: `python -m benchmarks.speculation --mirror DIR`.

The sequential arm of a codebase is run plain and with `--speculate` 2, 4 and 8, for an agent that
waits, for `localizer` and for `repair`. Each row says how much sooner it ended, how many attempts
were thrown away for each that counts, and whether the results digest is that of the plain chain.
Times are walls: let nothing else run.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import click

from benchmarks.reports import SEQSWE
from seqswe.runs.rollout import ThrownAway
from seqswe.runs.store import RunDirectory

BARE = "benchmarks.checkout_only:CheckoutOnly"
"""Enough for an agent that edits nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """An agent with a memory, and how many tasks of the codebase it is given."""

    agent: tuple[str, ...]
    memory: tuple[str, ...]
    sandbox: str
    tasks: int


EPISODIC = ("episodic", "--memory-option", "k=3")
KINDS = {
    "waits": Kind(
        agent=("benchmarks.waits:Waits", "--agent-option", "seconds=6"),
        memory=EPISODIC,
        sandbox=BARE,
        tasks=120,
    ),
    "localizer": Kind(agent=("localizer",), memory=EPISODIC, sandbox=BARE, tasks=40),
    "localizer, git_history": Kind(
        agent=("localizer",), memory=("git_history",), sandbox=BARE, tasks=40
    ),
    "repair": Kind(agent=("repair",), memory=EPISODIC, sandbox="docker", tasks=20),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A run that has ended."""

    seconds: float
    digest: str
    counted: int
    thrown_away: int


def make(kind: Kind, codebase: str, mirror: Path, out: Path, width: int) -> Made:
    """Run a chain. Raises CalledProcessError if it fails."""
    command = [
        *(*SEQSWE, "run", "--quiet", "--codebase", codebase, "--mirror", str(mirror)),
        *("--agent", *kind.agent, "--memory", *kind.memory, "--feedback", "gold"),
        *("--arm", "sequential", "--seeds", "1", "--limit", str(kind.tasks)),
        *("--sandbox", kind.sandbox, "--speculate", str(width), "--jobs", str(width)),
        *("--out", str(out)),
    ]
    started = monotonic()
    subprocess.run(command, check=True)
    seconds = monotonic() - started
    journal = RunDirectory.open(out).journal()
    return Made(
        seconds=seconds,
        digest=journal.results_digest(),
        counted=len(journal.rollouts),
        thrown_away=ThrownAway.of(journal.rollouts).rollouts,
    )


@click.command()
@click.option("--mirror", type=click.Path(path_type=Path), required=True)
@click.option("--codebase", default="sqlglot", show_default=True)
@click.option("--kind", "kinds", type=click.Choice(list(KINDS)), default=list(KINDS), multiple=True)
@click.option("--width", "widths", type=int, default=[2, 4, 8], multiple=True, show_default=True)
def main(mirror: Path, codebase: str, kinds: tuple[str, ...], widths: tuple[int, ...]) -> None:
    """Print the table; exit with 1 where a digest is not that of the plain chain."""
    same = True
    print("| agent, memory | tasks | W | seconds | sooner | thrown away | digest |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with TemporaryDirectory() as folder:
        for name in kinds:
            kind, plain = KINDS[name], None
            for width in (1, *widths):
                out = Path(folder) / f"{name}-{width}"
                made = make(kind, codebase, mirror, out, width)
                plain = plain or made
                agrees = made.digest == plain.digest
                same = same and agrees
                print(
                    f"| {name} | {made.counted} | {width} | {made.seconds:.0f} "
                    f"| ×{plain.seconds / made.seconds:.1f} "
                    f"| {made.thrown_away / made.counted:.0%} "
                    f"| {'same' if agrees else 'DIFFERS'} |",
                    flush=True,
                )
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
