"""What commands load and how long they take to start: nothing heavy where it is not needed.

    python -m benchmarks.weight [--run RUN] [--times 5]

Each command runs in a process of its own, in an empty folder. Seconds are the least of `--times`;
they hold for this machine. Exits with 1 if a command loads what it does not need.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

HEAVY = ("chromadb", "docker", "altair", "scipy")
PROBE = """
import atexit, json, sys
names = {heavy!r}
atexit.register(lambda: print(json.dumps([n for n in names if n in sys.modules]), file=sys.stderr))
"""
COMMANDS: dict[str, tuple[str, ...]] = {
    "import seqswe": (),
    "seqswe --help": (),
    "seqswe run --help": (),
    "seqswe list": (),
    "seqswe list memories": (),
    "seqswe plan": ("scipy",),
    "seqswe plan --codebase sqlglot --memory chroma": ("scipy",),
}
"""Command -> what it needs: the power of a plan is computed with Student's t, by scipy."""
OF_A_RUN: dict[str, tuple[str, ...]] = {"seqswe report RUN --format json": ("scipy",)}
"""Intervals and p-values are computed with scipy as well."""


@click.command()
@click.option("--run", type=click.Path(path_type=Path), help="A finished run, for `report`.")
@click.option("--times", default=5, show_default=True, help="Starts of which the fastest counts.")
def main(run: Path | None, times: int) -> None:
    """Print seconds and heavy packages of each command."""
    commands = {**COMMANDS, **(OF_A_RUN if run else {})}
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for command, needed in commands.items():
            typed = command.replace("RUN", str(run and run.resolve()))
            seconds, loaded = measured(typed, folder, times)
            more = sorted(set(loaded) - set(needed))
            wrong += bool(more)
            said = (
                f"NOT NEEDED: {', '.join(more)}" if more else ", ".join(loaded) or "nothing heavy"
            )
            click.echo(f"{seconds:6.2f} s  {command:48} {said}")
    sys.exit(1 if wrong else 0)


def measured(command: str, folder: str, times: int) -> tuple[float, list[str]]:
    """Seconds of the fastest start, and the heavy packages that are loaded at the end."""
    code = PROBE.format(heavy=HEAVY)
    if command.startswith("import"):
        code += command
    else:
        words = command.split()[1:]
        words += ["--out", folder] if "report" in words else []
        code += f"from seqswe.cli import main; main({words!r})"
    fastest, loaded = float("inf"), []
    for _ in range(times):
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True
        )
        fastest = min(fastest, time.perf_counter() - started)
        if done.returncode:
            raise click.ClickException(f"{command}: {done.stderr[-500:]}")
        loaded = json.loads(done.stderr.splitlines()[-1])
    return fastest, loaded


if __name__ == "__main__":
    main()
