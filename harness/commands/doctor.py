"""`seqswe doctor`: is this machine ready, and if not, what to do."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from harness.plugin_host import confinement, landlock
from seqswe.cli.echo import echo, tell
from seqswe.cli.options import setting_options
from seqswe.errors import MissingError, SeqSWEError
from seqswe.plugins import installed, parameters, resolve
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import SandboxChoice

FREE_GB = 5.0
"""Disk that an environment image, a clone, its packs and a run take together, with room."""


@click.command()
@setting_options("sandbox_option", "base_image", "model", "agent_option")
@click.option("--sandbox", "names", multiple=True, help="Check only this sandbox; repeat it.")
@click.option(
    "--agent",
    default="",
    help="Install this agent if need be, and try its way to --model with one request.",
)
def doctor(
    names: tuple[str, ...],
    sandbox_option: tuple[str, ...],
    base_image: str,
    agent: str,
    model: str,
    agent_option: tuple[str, ...],
) -> None:
    """Check Python, git, SQLite, disk, the confinement of plug-ins, and every installed sandbox.

    With --agent the whole way is tried: `seqswe doctor --agent codex --model NAME`.
    """
    checks: dict[str, Callable[[], str]] = {
        "packages": _packages,
        "python": _python,
        "git": _git,
        "sqlite": _sqlite,
        "disk": _disk,
        "plug-ins": _plugins,
    }
    for name in names or sorted(installed("sandbox")):
        # Options and a base image are for the sandboxes named, or for those that take them.
        options = sandbox_option if names else ()
        image = base_image if names or _takes_base_image(name) else ""
        choice = SandboxChoice(sandbox=name, sandbox_option=options, base_image=image)
        checks[name] = partial(_sandbox, choice)
    if agent:
        given = {"model": model, "agent_option": agent_option, "sandbox_option": sandbox_option}
        where = {"sandbox": names[0] if names else "docker", "base_image": base_image}
        checks[f"agent {agent}"] = partial(_agent, agent=agent, **given, **where)
    width = max(map(len, checks)) + 1
    problems, answers = 0, {}
    for name, check in checks.items():
        try:
            answer = check()
            answers[name] = {"ok": True, "said": answer}
            echo(f"ok       {name:{width}} {answer}")
        except SeqSWEError as error:
            problems += 1
            answers[name] = {"ok": False, "said": error.message, "hint": error.hint}
            echo(f"missing  {name:{width}} {error.message}\n{'':{width + 10}}{error.hint}")
    tell(checks=answers)
    if problems:
        raise MissingError(
            f"{problems} of {len(checks)} checks failed", "Each line above says what to do."
        )


def _takes_base_image(name: str) -> bool:
    try:
        return "base_image" in {p.name for p in parameters(resolve("sandbox", name))}
    except SeqSWEError:  # its own check says why
        return False


def _sandbox(choice: SandboxChoice) -> str:
    provider = choice.build()
    status = getattr(provider, "status", None)
    return str(status()) if callable(status) else "can be built"


def _agent(**settings: Any) -> str:
    from harness.commands.doctor_agent import try_agent

    return try_agent(**settings)


def _packages() -> str:
    import harness
    import seqswe

    # `harness` is a name that others use too: what is imported must be what was installed.
    beside = Path(str(seqswe.__file__)).parent.parent
    if Path(str(harness.__file__)).parent.parent != beside:
        raise MissingError(
            f"another package named harness comes first: {harness.__file__}",
            "Remove it from sys.path, or use a virtual environment of its own.",
        )
    return f"seqswe {seqswe.__version__} in {beside}"


def _python() -> str:
    return "{}.{}.{}".format(*sys.version_info[:3])


def _git() -> str:
    from harness.history import git

    return git.version()


def _sqlite() -> str:
    try:
        sqlite3.connect(":memory:").execute("CREATE VIRTUAL TABLE t USING fts5(x)")
    except sqlite3.OperationalError:
        raise MissingError("SQLite has no FTS5", "Use a Python built with it.") from None
    return f"{sqlite3.sqlite_version} with FTS5"


def _plugins() -> str:
    """Whether memories and agents are confined here: no problem of the machine if they are not."""
    reach = confinement.reach()
    if reach:
        return "memories and agents can reach " + "; ".join(reach)
    return f"memories and agents are confined (Landlock {landlock.version()}, filtered calls)"


def _disk() -> str:
    folder = cache_folder()
    there = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(there).free / 1e9
    if free < FREE_GB:
        raise MissingError(
            f"{free:.1f} GB free at {there}",
            f"Free {FREE_GB:.0f} GB, or set SEQSWE_CACHE to a roomier disk.",
        )
    return f"{free:.0f} GB free at {there}"
