"""`seqswe list`: what can be named on the command line."""

from __future__ import annotations

import inspect

import click

from seqswe import manifest as manifests
from seqswe.errors import SeqSWEError, UnknownName
from seqswe.plugins import KINDS, Kind, installed, parameters, plural, resolve

THINGS: dict[str, Kind | None] = {"codebases": None} | {plural(kind): kind for kind in KINDS}


@click.command("list")
@click.argument("what", default="codebases", metavar="[" + "|".join(THINGS) + "]")
def list_(what: str) -> None:
    """List what is installed: codebases, agents, memories, sandboxes or reports."""
    if what not in THINGS:
        raise UnknownName("thing to list", what, THINGS)
    kind = THINGS[what]
    rows = (
        _codebases() if kind is None else [_plugin(kind, name) for name in sorted(installed(kind))]
    )
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        click.echo(f"{name:{width}}  {text}")


def _codebases() -> list[tuple[str, str]]:
    rows = []
    for name in manifests.names():
        found = manifests.load(name)
        first = found.instances[0].created_at.date() if found.instances else "-"
        last = found.instances[-1].created_at.date() if found.instances else "-"
        rows.append(
            (
                name,
                f"{len(found.instances):4} instances, {first} to {last}, "
                f"{len(found.environments)} environments, {found.licence}, {found.repo}",
            )
        )
    return rows


def _plugin(kind: Kind, name: str) -> tuple[str, str]:
    try:
        found = resolve(kind, name)
    except SeqSWEError as error:
        return name, f"not usable: {error.message} ({error.hint})"
    text = (inspect.getdoc(found) or "").split("\n\n")[0].replace("\n", " ")
    taken = [p.name if p.default is p.empty else f"{p.name}={p.default}" for p in parameters(found)]
    return name, text + (f" [{', '.join(taken)}]" if taken else "")
