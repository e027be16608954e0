"""`seqswe reprove`: prove a sample of validated tasks again, and say whether the facts hold."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import click

from harness.codebases.instances import check_rules
from harness.codebases.locate import clone_of
from harness.codebases.statements.issues import load_issues
from harness.codebases.validate import Validation
from harness.codebases.validation_room import ValidationRoom
from harness.commands.validate import chosen_of
from harness.history import Checkouts
from harness.sandboxes.cleanup import scratch_folder
from harness.sandboxes.provider import open_provider
from seqswe.cli.echo import echo
from seqswe.cli.options import setting_options
from seqswe.cli.progress import progress
from seqswe.errors import UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import InstanceRecord, Manifest
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import SandboxChoice, SandboxProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproof:
    """One task that was proved again."""

    record: InstanceRecord
    result: Validation

    @property
    def difference(self) -> str:
        """What is not as the manifest says, in words; "" if all of it holds."""
        if self.result.problem:
            return self.result.problem
        # Of many tests that stay PASS_TO_PASS is a draw, which one test more or less changes whole.
        now = {"FAIL_TO_PASS": self.result.record.FAIL_TO_PASS, "PASS_TO_PASS": self.result.stays}
        for name, tests in now.items():
            lost = set(getattr(self.record, name)) - set(tests)
            if lost:
                return f"{len(lost)} tests are not in {name} again, such as {min(lost)}"
        return ""


@click.command()
@click.argument("codebases", nargs=-1, required=True, metavar="CODEBASE...")
@setting_options("mirror", "issues", "sandbox", "sandbox_option", "base_image", "jobs")
@click.option(
    "--sample", default=10, show_default=True, type=click.IntRange(1), help="Tasks of each."
)
@click.option("--seed", default=0, show_default=True, help="Which tasks are drawn.")
def reprove(
    codebases: tuple[str, ...],
    mirror: str,
    issues: str,
    jobs: int,
    sample: int,
    seed: int,
    **choice: Any,
) -> None:
    """Prove a sample of each CODEBASE's tasks again, over the years, and print a table.

    A task agrees if everything that its manifest says comes out again: with the fix, without it,
    and twice more with it, in fresh sandboxes. Nothing is written. Exit code 1 if one differs.
    """
    echo("| codebase | tasks | proved again | agree |")
    echo("|---|---|---|---|")
    differing: list[Reproof] = []
    with open_provider(SandboxChoice(**choice)) as provider:
        for codebase in codebases:
            manifest = manifests.load(codebase)
            chosen = chosen_of(manifest.instances, None, sample, seed)
            if not chosen:
                raise UsageError(f"{codebase} has no tasks", f"Run `seqswe validate {codebase}`.")
            proved = _prove(manifest, chosen, provider, mirror, issues, jobs)
            odd = [each for each in proved if each.difference]
            differing += odd
            agree = len(proved) - len(odd)
            echo(f"| {manifest.name} | {len(manifest.instances)} | {len(proved)} | {agree} |")
    for each in differing:
        echo(f"{each.record.instance_id}: {each.difference}", err=True)
    if differing:
        raise click.exceptions.Exit(1)


def _prove(
    manifest: Manifest,
    chosen: Sequence[InstanceRecord],
    provider: SandboxProvider,
    mirror: str,
    issues: str,
    jobs: int,
) -> list[Reproof]:
    check_rules(manifest, chosen)
    clone = clone_of(manifest, mirror)
    cache = cache_folder() / "history" / manifest.name
    with scratch_folder(cache) as scratch:
        room = ValidationRoom(
            manifest=manifest,
            clone=clone,
            checkouts=Checkouts(clone, [record.base_commit for record in chosen], cache),
            provider=provider,
            scratch=scratch,
            issues=load_issues(issues),
            repairs=0,  # the environment is one of the facts
        )
        proved: list[Reproof] = []
        with ThreadPoolExecutor(jobs) as pool, progress(manifest.name, len(chosen)) as bar:
            try:
                for result in pool.map(room.prove, chosen):
                    proved.append(Reproof(record=chosen[len(proved)], result=result))
                    bar.advance(proved[-1].difference or "agrees")
            except BaseException:
                provider.close()  # ends what still runs, so that the pool can end
                raise
            finally:
                room.close()
    return proved
