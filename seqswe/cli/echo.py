"""The one way to the terminal: what others wrote is escaped before it gets there."""

from __future__ import annotations

import click

from seqswe.visible import visible


def echo(text: object = "", *, err: bool = False) -> None:
    """Print a line to standard output, or to standard error, with control characters escaped."""
    click.echo(visible(str(text)), err=err)
