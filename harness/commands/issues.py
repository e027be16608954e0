"""`seqswe issues`: the issues that the fixes of a codebase close, as they were first written."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from harness.codebases.locate import clone_of
from harness.codebases.mining import fix_of
from harness.codebases.statements.github import API, GitHub
from harness.codebases.statements.issues import Issue, KnownIssues, as_line
from harness.codebases.statements.rules import LATEST
from harness.commands.mine import CANDIDATES
from harness.history.git import Clone, GitError
from seqswe.cli.echo import echo, note
from seqswe.cli.options import setting_options
from seqswe.cli.progress import progress
from seqswe.errors import MissingError, UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import Manifest
from seqswe.manifests.write import write_whole
from seqswe.runs.folders import cache_folder


@click.command()
@click.argument("codebase")
@setting_options("mirror")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="File of JSON lines to write, for --issues.",
)
@click.option(
    "--token-env",
    default="GITHUB_TOKEN",
    show_default=True,
    help="Environment variable that holds the token; it needs no scope for public repositories.",
)
@click.option("--api", default=API, show_default=True, help="Address of the GraphQL API.")
def issues(codebase: str, mirror: str, out: Path, token_env: str, api: str) -> None:
    """Fetch the issues that the fixes of CODEBASE name, as they were first written.

    Titles before any renaming, bodies before any edit, no comments. What was once fetched is kept
    in the cache, and not asked for again. Next: `seqswe statements CODEBASE --renew --issues FILE`.
    """
    manifest = manifests.load(codebase)
    numbers = set(_named(clone_of(manifest, mirror), manifest))
    known = KnownIssues(
        cache_folder() / "issues" / f"{manifest.repo.replace('/', '+')}.jsonl",
    )
    wanted = known.missing(numbers)
    untold = _fetch(manifest.repo, known, wanted, token_env, api) if wanted else Counter()
    found = {n: known.issues[n] for n in sorted(numbers) if n in known.issues}
    _write(out, found)
    absent = Counter(known.absent[n] for n in numbers if n in known.absent)
    for reason, count in absent.most_common():
        note(f"{count:6} left out: {reason}")
    for reason, count in untold.most_common():
        note(f"{count:6} not answered, ask again later: {reason}")
    note(f"{len(found):6} issues of {len(numbers)} numbers that fixes name")
    echo(out)


def _named(clone: Clone, manifest: Manifest) -> Iterator[int]:
    """Numbers that the fixes of instances and candidates name."""
    candidates = manifests.load_instances(manifest.folder / CANDIDATES)
    records = {r.gold_commit: r for r in (*manifest.instances, *candidates) if not r.bug}
    if not records:
        raise UsageError(
            f"{manifest.name} has no tasks whose fixes could name an issue",
            f"Run `seqswe mine {manifest.name}` first.",
        )
    for record in records.values():
        try:
            _, fix = fix_of(clone, manifest.layout, record, LATEST)
        except (GitError, ValueError):
            raise MissingError(
                f"{record.instance_id}: its commits cannot be read from {clone.path}",
                "Fetch the whole history into the mirror, or give another --mirror.",
            ) from None
        yield from fix.named_issues


def _fetch(
    repo: str, known: KnownIssues, numbers: list[int], variable: str, api: str
) -> Counter[str]:
    """Ask for issues and keep what was said; how many were not answered, by reason."""
    token = os.environ.get(variable, "")
    if not token:
        raise MissingError(
            f"{variable} is not set, and GitHub tells nobody without a token how an issue began",
            f"Put a token into {variable}, or name another variable with --token-env.",
        )
    untold: Counter[str] = Counter()
    with GitHub(token, api) as github, progress("issues", len(numbers)) as bar:
        for answers in github.issues(repo, numbers):
            known.add((a.number, a.issue, a.absent) for a in answers if not a.untold)
            for answer in answers:
                untold.update(filter(None, [answer.untold]))
                bar.advance(f"{len(known.issues)} known")
    return untold


def _write(path: Path, found: Mapping[int, Issue]) -> None:
    lines = [json.dumps(as_line(number, issue)) for number, issue in found.items()]
    write_whole(path, "".join(f"{line}\n" for line in lines))
