"""The one way to the terminal: what others wrote is escaped before it gets there.

Every command has `--quiet`, `--verbose` and `--json`, and speaks by four words: `echo` for what it
was asked for (standard output), `note` for how it gets there and `detail` for more of that
(standard error), and `tell` for the same in data. With `--json` there is one document on standard
output, at the end, in place of lines.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqswe.visible import visible, visible_json

if TYPE_CHECKING:
    from seqswe.cli.study_progress import StudyProgress


@dataclass(kw_only=True)
class Output:
    """What a command says, and how."""

    quiet: bool = False
    verbose: bool = False
    json: bool = False
    lines: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    whole: bool = False
    """Whether standard output already is a document of the command's own."""
    interrupted: str = ""
    """What to say to somebody who interrupts it now, if not the usual."""
    study: StudyProgress | None = None
    """The study that the run at hand is a part of."""

    def keeps(self, folder: Path) -> None:
        """Say to whoever interrupts it from now on that a folder, or its study, goes on."""
        folder = self.study.root if self.study else folder
        self.interrupted = f"{folder} keeps what is finished; `seqswe resume {folder}` goes on."


_current = Output()


def output() -> Output:
    """How the command at hand speaks."""
    return _current


def begin() -> Output:
    """A new command speaks, in the usual way."""
    global _current
    _current = Output()
    return _current


def echo(text: object = "", *, err: bool = False) -> None:
    """Print a line to standard output, or to standard error, with control characters escaped."""
    line = visible(str(text))
    if _current.json and not err:
        _current.lines.append(line)
    else:
        click.echo(line, err=err)


def note(text: object) -> None:
    """Say on standard error what is going on, unless it is to be quiet."""
    if not _current.quiet:
        echo(text, err=True)


def verbose() -> bool:
    """Whether what only some want to know was asked for."""
    return _current.verbose and not _current.quiet


def detail(text: object) -> None:
    """Say on standard error what only those want to know who asked for it."""
    if verbose():
        echo(text, err=True)


def tell(**data: Any) -> None:
    """Say something as data, for `--json`."""
    _current.data |= data


def document(text: str) -> None:
    """Print JSON as it is, which is all that a command has to say."""
    _current.whole = True
    click.echo(visible_json(text), nl=False)


def finish(command: str, code: int, error: tuple[str, str] | None = None) -> None:
    """Print the document of `--json`, if it was asked for. error: message and hint."""
    if not _current.json or _current.whole:
        return
    message, hint = error or ("", "")
    said = {"message": message, "hint": hint} if error else None
    whole = {"command": command, "exit_code": code, "error": said}
    whole |= {"data": _current.data, "lines": _current.lines}
    text = json.dumps(whole, indent=1, ensure_ascii=False, default=str)
    click.echo(visible_json(text))
    sys.stdout.flush()
