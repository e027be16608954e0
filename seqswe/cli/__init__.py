"""The command line: commands are named as strings, so `--help` imports none of them.

The top floor of the core; imports any room, but each only when its command is used. Start at
`COMMANDS`; `options.py` makes options from settings.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import FrameType
from typing import Any

import click
from click.shell_completion import CompletionItem

from seqswe import __version__
from seqswe.cli.echo import begin, echo, finish, output
from seqswe.errors import SeqSWEError, UnknownName
from seqswe.visible import LONGEST, one_line

COMMANDS: Mapping[str, tuple[str, str]] = {
    "doctor": ("harness.commands.doctor:doctor", "Check this machine: engine, image, git, disk."),
    "list": ("seqswe.cli.list:list_", "List codebases, arms and every kind of plug-in."),
    "demo": (
        "harness.commands.demo:demo",
        "See a learning curve in minutes.",
    ),
    "new": ("seqswe.cli.new:new", "Begin a memory, an agent or an experiment of your own."),
    "plan": (
        "harness.commands.plan:plan",
        "Show what a run would do, take and cost.",
    ),
    "run": ("harness.commands.run:run", "Run agents over a codebase's issues, in order."),
    "resume": ("harness.commands.run:resume", "Go on with an interrupted run."),
    "grade": ("harness.commands.grade:grade", "Grade the stored patches of a run again."),
    "replay": ("harness.commands.replay:replay", "Run one rollout again, from another memory."),
    "report": ("seqswe.cli.report:report", "Learning curves against the i.i.d. baseline."),
    "view": ("seqswe.cli.view:view", "Look at large runs in a browser; read-only, on loopback."),
    "compare": ("seqswe.cli.compare:compare", "Did HEAD regress against BASE? For CI."),
    "history": ("seqswe.cli.history:history", "Runs over time: where did the level change?"),
    "baseline": ("seqswe.cli.compare:baseline", "Keep a run's outcomes as one small file."),
    "verify": ("seqswe.cli.verify:verify", "Make a published result again, or check a run."),
    "export": ("seqswe.cli.export:export", "Write a run's patches as SWE-bench's predictions."),
    "mine": ("harness.commands.mine:mine", "Find candidate instances in a clone's history."),
    "validate": ("harness.commands.validate:validate", "Prove candidates in the sandbox."),
    "reprove": ("harness.commands.reprove:reprove", "Prove a sample of tasks again."),
    "import": ("harness.commands.import_:import_", "Make sequences of SWE-bench's tasks."),
    "issues": (
        "harness.commands.issues:issues",
        "Fetch the issues that a codebase's fixes close, as first written.",
    ),
    "statements": (
        "harness.commands.statements:statements",
        "Make the texts of a codebase's tasks, and count what they are from.",
    ),
    "audit": ("harness.commands.audit:audit", "List what statements give away of their fixes."),
    "card": ("harness.commands.card:card", "Describe what a codebase's tasks are like."),
    "suite": ("harness.commands.suite:suite", "Release suites, which never change."),
    "inject": ("harness.commands.inject:inject", "Put recurring bugs into a codebase's functions."),
    "rename": ("harness.commands.rename:rename", "The same tasks, with the code's names renamed."),
    "env": ("harness.commands.env:env", "Take environments to machines without an index."),
    "clean": ("harness.commands.clean:clean", "Remove leftover containers, images and caches."),
}
"""Command → (`module:attribute`, what it does in one line), in the order `--help` shows."""
PREFIX = "SEQSWE"
"""Of environment variables. The same for every command, so that run and plan always agree."""
NAMES = (errno.ENAMETOOLONG, errno.ELOOP)
"""Errors that say that a path was wrong, not the machine."""
STOPS = (signal.SIGINT, signal.SIGTERM)
AGAIN = 0.05  # seconds after which an interrupt that was lost in a callback is said again
TRACEBACK = "SEQSWE_TRACEBACK"
"""Environment variable that has a bug of SeqSWE itself shown with its traceback."""


def with_common_options(command: click.Command) -> click.Command:
    """What every command has; of a group, each of its commands."""
    from seqswe.cli.options import common_options

    if not isinstance(command, click.Group):
        return common_options(command)
    for each in command.commands.values():
        with_common_options(each)
    return command


def _with_prefix(command: click.Command) -> click.Command:
    """Variables for the options of a command; of a group, for those of each of its commands."""
    # Left to itself, click would put the command's name in: SEQSWE_RUN_JOBS.
    command.context_settings = {**command.context_settings, "auto_envvar_prefix": PREFIX}
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        _with_prefix(each)
    return command


class LazyGroup(click.Group):
    """Loads a command's module only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in their order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command, imported now; None for a name there is not."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return with_common_options(_with_prefix(command))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with the closest command named for a wrong one."""
        if args[0] not in COMMANDS:
            raise UnknownName("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command, without importing any."""
        found = [
            CompletionItem(name, help=line)
            for name, (_, line) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={
        "auto_envvar_prefix": PREFIX,
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """SeqSWE feeds the issues of one codebase to an agent in chronological order, with a
    memory that persists, and reports how its learning curve differs from cold starts.

    \b
    seqswe doctor                  is this machine ready?
    seqswe demo                    a learning curve, on one HTML page
    seqswe new memory mine         a memory of your own, its test, and the command to run it
    seqswe plan --codebase NAME    what a run would do, take and cost
    seqswe run --codebase NAME     iid and sequential, 3 seeds each
    seqswe report runs/x           the curves, as JSON, Markdown and HTML

    \b
    Every option is also an environment variable: --jobs is SEQSWE_JOBS.
    Every command has --quiet, --verbose and --json.
    Completion: eval "$(_SEQSWE_COMPLETE=bash_source seqswe)", or zsh_source, fish_source.

    \b
    Exit codes: 0 ok, 1 regression or crashes, 2 usage, 3 environment, 4 budget, 5 incomplete,
    70 a bug of SeqSWE, 130 interrupted.
    """


def main(arguments: list[str] | None = None) -> None:
    """Entry point: errors for people are two lines (error, hint) and the right exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    with _stoppable():
        code = _call(words or ["--help"])
    others = [t for t in threading.enumerate() if t is not threading.current_thread()]
    if code and arguments is None and not all(thread.daemon for thread in others):
        # Everything is cleaned up, but a plug-in still works on what nobody waits for any more.
        # Whoever calls this as a function has threads of their own, and goes on.
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def _call(words: list[str]) -> int:
    begin()
    said: tuple[str, str] | None = None
    code: Any = 0
    try:
        code = cli.main(args=words, prog_name="seqswe", standalone_mode=False)
    except (SeqSWEError, click.ClickException) as error:
        said, code = described(error), error.exit_code
    except (KeyboardInterrupt, click.Abort):
        kept = output().interrupted or "What is finished is kept; the same command goes on."
        said, code = ("interrupted", kept), 130
    except BrokenPipeError:
        sys.stderr.close()
    except OSError as error:
        hint = "Check the path, its permissions and the free disk space."
        said, code = (str(error), hint), 2 if error.errno in NAMES else 3
    except Exception as error:  # the last boundary: a bug is two lines as well
        if os.environ.get(TRACEBACK):
            raise
        hint = f"This is a bug of SeqSWE: please report it. {TRACEBACK}=1 shows where it is."
        said, code = (f"{type(error).__name__}: {error}", hint), 70
    number = code if isinstance(code, int) else 0
    if said:
        complain(*said)
    if not sys.stderr.closed:
        finish(words[0], number, said)
    return number


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM stops like Ctrl-C; from then on neither disturbs the clean-up and the exit.

    A signal may arrive inside a callback that Python lets nothing out of (of a weak reference, or
    `__del__`). The interpreter would print the interrupt and go on: it is said again soon after.
    """
    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True
        for each in STOPS:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    def lost(unraisable: sys.UnraisableHookArgs) -> None:
        if stopped and isinstance(unraisable.exc_value, KeyboardInterrupt):
            signal.signal(signal.SIGALRM, stop)
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
        else:
            reported(unraisable)

    before = {each: signal.signal(each, stop) for each in STOPS}
    reported, sys.unraisablehook = sys.unraisablehook, lost
    try:
        yield
    finally:
        sys.unraisablehook = reported
        signal.setitimer(signal.ITIMER_REAL, 0)
        for each, handler in before.items():
            if not stopped:
                signal.signal(each, handler)


def described(error: SeqSWEError | click.ClickException) -> tuple[str, str]:
    """What is wrong, and what to do."""
    if isinstance(error, SeqSWEError):
        return error.message, error.hint
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "seqswe"
    return error.format_message(), f"See `{path} --help`."


def complain(message: str, hint: str) -> None:
    """Say on standard error what is wrong, and what to do."""
    for title, text in (("error: ", message), ("hint:  ", hint or "See `seqswe --help`.")):
        echo(title + one_line(text, LONGEST - len(title)), err=True)
