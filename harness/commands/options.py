"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

ClickCommand = Callable[..., Any]


def mirror_option(command: ClickCommand) -> ClickCommand:
    """`--mirror`, also `SEQSWE_MIRRORS`."""
    return click.option(
        "--mirror",
        default="",
        envvar=["SEQSWE_MIRROR", "SEQSWE_MIRRORS"],
        metavar="DIR",
        help="Folder of bare clones: <owner>+<name>/repo or <owner>/<name>.git; "
        "without it the URL of the manifest is cloned.",
    )(command)


def issues_option(command: ClickCommand) -> ClickCommand:
    """`--issues`, the texts of a tracker."""
    return click.option(
        "--issues",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help='Issue texts, JSON lines {"number", "title", "body", "created_at"}.',
    )(command)
