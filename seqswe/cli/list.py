"""`seqswe list`: what can be named on the command line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from textwrap import fill
from typing import Any

import click

from seqswe.arms import ARMS
from seqswe.cli.echo import echo, tell
from seqswe.errors import SeqSWEError, UnknownName, UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.suites import load_suite, suites
from seqswe.plugins import KINDS, Kind, installed, parameters, plural, resolve
from seqswe.plugins.packages import extra_of, licence_of, packages_of
from seqswe.plugins.packages import installed as installed_package
from seqswe.runs.registry import registry

COLUMNS = 80
NEEDS = {
    "gold": "gold data (not deployable: a control)",
    "history": "the log before the base commit",
    "model": "a model",
    "embed": "an embedder",
}
"""Services that a memory may need, in plain words."""

Row = tuple[str, list[str]]
"""A name and its paragraphs; what is said of all of them together has no name."""
MANY = 100
"""Instances of a codebase that are enough for a study of it alone."""


@click.command("list")
@click.argument("what", default="codebases")
def list_(what: str) -> None:
    """List codebases, suites, arms, agents, memories, sandboxes, reports or outcomes."""
    if what not in THINGS:
        raise UnknownName("thing to list", what, THINGS)
    rows = THINGS[what]()
    tell(**{what: {name: paragraphs for name, paragraphs in rows if name}})
    width = max((len(name) for name, _ in rows), default=0) + 2
    for name, paragraphs in rows:
        indent = " " * (width if name else 0)
        for number, text in enumerate(paragraphs):
            echo(
                fill(
                    text,
                    COLUMNS,
                    initial_indent=indent if number else name.ljust(len(indent)),
                    subsequent_indent=indent,
                    break_on_hyphens=False,
                    break_long_words=False,
                )
            )


def _codebases() -> list[Row]:
    rows: list[Row] = []
    real: list[int] = []
    synthetic: list[int] = []
    for name in manifests.names():
        try:
            found = manifests.load(name)
        except UsageError as error:
            rows.append((name, [f"cannot be read: {error.message}"]))
            continue
        dates = [r.created_at.date() for r in found.instances]
        span = f"{dates[0]} to {dates[-1]}" if dates else "to be mined and validated, or injected"
        text = (
            f"{len(found.instances):4} instances, {span}, "
            f"{len(found.environments)} environments, {found.licence}, {found.repo}"
        )
        note = [f"SYNTHETIC: {found.synthetic.note}"] if found.synthetic else []
        renamed = [f"RENAMED: {found.renamed.note}"] if found.renamed else []
        rows.append((name, [text, *note, *renamed]))
        (synthetic if found.synthetic or found.renamed else real).append(len(found.instances))
    total = (
        f"{len(real)} codebases as people left them: {sum(real):,} instances; "
        f"{sum(count >= MANY for count in real)} codebases have {MANY} or more"
    )
    made = f"{len(synthetic)} codebases that are SYNTHETIC or RENAMED: {sum(synthetic):,} instances"
    return [*rows, ("", [total, *([made] if synthetic else [])])]


def _suites() -> list[Row]:
    rows = []
    for label in suites():
        try:
            suite = load_suite(label)
        except UsageError as error:
            rows.append((label, [f"cannot be read: {error.message}"]))
            continue
        members = ", ".join(f"{m.codebase} {m.tasks}" for m in suite.members)
        rows.append((label, [f"{suite.tasks} tasks: {members}", suite.note, suite.digest]))
    return [(label, [text for text in paragraphs if text]) for label, paragraphs in rows]


def _arms() -> list[Row]:
    rows = []
    for name, arm in ARMS.items():
        said = [f"DIAGNOSTIC, never part of the headline: {arm.meaning}"]
        paragraphs = said if arm.diagnostic else [arm.meaning]
        if arm.counts:
            paragraphs.append(f"{name}-NUMBER: {arm.counts}")
        rows.append((name, paragraphs))
    return rows


def _plugins(kind: Kind) -> list[Row]:
    return [(name, _plugin(kind, point)) for name, point in sorted(installed(kind).items())]


def _plugin(kind: Kind, point: EntryPoint) -> list[str]:
    try:
        found = resolve(kind, point.name)
    except SeqSWEError as error:
        extra = extra_of(point)
        hint = f"install {extra}" if extra else error.hint
        return [f"not usable: {error.message} ({hint})"]
    text = (inspect.getdoc(found) or "").split("\n\n")[0].replace("\n", " ")
    taken = [p.name if p.default is p.empty else f"{p.name}={p.default}" for p in parameters(found)]
    about = [_needs(point, found), _licences(point, found)] if kind == "memory" else []
    return [text or point.name, *about, *([f"options: {', '.join(taken)}"] if taken else [])]


def _needs(point: EntryPoint, memory: Any) -> str:
    needed = [NEEDS.get(name, name) for name in getattr(memory, "needs", ())]
    needed += [f"optionally {NEEDS.get(name, name)}" for name in getattr(memory, "uses", ())]
    needed += [getattr(memory, "requires", "")] if hasattr(memory, "requires") else []
    packages, extra = packages_of(point, memory), extra_of(point)
    missing = [name for name in packages if not installed_package(name)]
    if missing:
        needed.append(f"install {extra or ', '.join(missing)} ({', '.join(missing)} is missing)")
    elif packages:
        needed.append(f"{', '.join(packages)} (installed)")
    return f"needs: {'; '.join(needed) or 'nothing'}"


def _licences(point: EntryPoint, memory: Any) -> str:
    own = getattr(memory, "licence", "") or licence_of(point.dist) or "not declared"
    others = [
        f"{name} {licence_of(installed_package(name)) or '(see its package)'}"
        for name in packages_of(point, memory)
    ]
    return f"licence: {', '.join([own, *others])}"


def _outcomes() -> list[Row]:
    better = {"neither": "describes only"}
    rows = [
        (o.name, [f"{o.title} ({o.unit}); {better.get(o.better, f'{o.better} is better')}"])
        for o in registry().outcomes.values()
    ]
    refused = registry().refused.items()
    return rows + [(name, [f"not usable: {e.message} ({e.hint})"]) for name, e in refused]


def _of(kind: Kind) -> Callable[[], list[Row]]:
    return lambda: _plugins(kind)


THINGS: Mapping[str, Callable[[], list[Row]]] = {
    "codebases": _codebases,
    "suites": _suites,
    "arms": _arms,
    **{plural(kind): _of(kind) for kind in KINDS},
    "outcomes": _outcomes,
}
