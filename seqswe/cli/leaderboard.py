"""What `seqswe report` does with many codebases: one leaderboard instead of a page for each run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seqswe.cli.echo import echo

if TYPE_CHECKING:
    from seqswe.analysis.leaderboard import Leaderboard

NAME = "leaderboard"


def say_leaderboard(board: Leaderboard, formats: tuple[str, ...], folder: Path) -> list[Path]:
    """Write a leaderboard and print its findings; returns its files.

    Raises UsageError, UnknownName.
    """
    from seqswe.analysis.leaderboard_words import sentences
    from seqswe.reports.leaderboard_tables import short_table
    from seqswe.reports.table import table_text

    paths = write_leaderboard(board, formats, folder)
    for warning in board.warnings:
        echo(warning, err=True)
    for sentence in sentences(board):
        echo(sentence)
    echo(table_text(short_table(board)))
    for path in paths:
        echo(str(path))
    return paths


def write_leaderboard(board: Leaderboard, formats: tuple[str, ...], folder: Path) -> list[Path]:
    """Render and write one file per format, HTML last. Raises UsageError, UnknownName."""
    from seqswe.errors import UnknownName, UsageError
    from seqswe.reports.leaderboard import FORMATS

    for name in formats:
        if name not in FORMATS:
            raise UnknownName("format of a leaderboard", name, FORMATS)
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in sorted(dict.fromkeys(formats), key=lambda name: name == "html"):
            suffix, made = FORMATS[name]
            path = folder / f"{NAME}{suffix}"
            path.write_bytes(made(board))
            paths.append(path)
    except OSError as error:
        raise UsageError(
            f"cannot write the leaderboard to {folder}: {error.strerror}",
            "Choose another folder with --out.",
        ) from None
    return paths
