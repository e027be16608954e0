"""What the shell completes: names of codebases, of arms and of everything that is registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import click

from seqswe.arms import ARMS
from seqswe.manifests import manifest_files
from seqswe.plugins import Kind, installed

Complete = Callable[[click.Context, click.Parameter, str], list[str]]
SHELLS = ("bash", "zsh", "fish")


def _starting(names: Callable[[], Iterable[str]]) -> Complete:
    return lambda ctx, parameter, typed: sorted(n for n in names() if n.startswith(typed))


def _registered(kind: Kind) -> Complete:
    return _starting(lambda: installed(kind))


COMPLETIONS: Mapping[str, Complete] = {
    "codebase": _starting(manifest_files.names),
    "agent": _registered("agent"),
    "memory": _registered("memory"),
    "sandbox": _registered("sandbox"),
    "arm": _starting(lambda: ARMS),
}
"""Setting -> the names that begin with what is typed. No plug-in is imported for that."""
