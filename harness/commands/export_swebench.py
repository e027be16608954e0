"""`seqswe export swebench`: a sequence in SWE-bench's fields, for the tools that read them.

The texts come from the clone on this machine and are written for the user alone: SeqSWE publishes
none. Order is in `position`, which no such tool knows of; what else SeqSWE needs to make the same
sequence again (`seqswe import`) is in columns of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from harness.codebases.instances import sequence_digest
from harness.codebases.sequence import SETTINGS, Sequence
from seqswe.cli.echo import echo
from seqswe.cli.options import setting_options
from seqswe.errors import UsageError
from seqswe.experiment import Experiment
from seqswe.instance import Instance
from seqswe.manifests.manifest import Manifest

EVAL = """# What a hub of datasets asks for; the order is in `position`.
evaluation_framework: swe-bench
tasks:
  - id: {name}
    config: {name}
    split: test
"""
CARD = """---
# Without this a loader would take eval.yaml for the split "test".
configs:
  - config_name: {name}
    data_files:
      - split: test
        path: {name}.jsonl
---
"""


@click.command()
@setting_options(*SETTINGS)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
def swebench(out: Path, **settings: Any) -> None:
    """Write the tasks of a codebase as SWE-bench's JSON lines, in order, for a hub of datasets.

    \b
    seqswe export swebench --codebase sqlglot --mirror DIR --out sqlglot-swebench
    """
    sequence = Sequence.of(Experiment(**settings))
    manifest, instances = sequence.manifest, sequence.instances
    if injected := [each.instance_id for each in instances if each.bug_patch]:
        raise UsageError(
            f"{injected[0]} is an injected bug, which is no commit of {manifest.repo}",
            "SWE-bench's fields can only say tasks of a repository's own history.",
        )
    lines = (json.dumps(row(i, n, manifest)) + "\n" for n, i in enumerate(instances))
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{manifest.name}.jsonl").write_text("".join(lines), encoding="utf-8")
        for file, text in {"eval.yaml": EVAL, "README.md": CARD}.items():
            (out / file).write_text(text.format(name=manifest.name), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}", "Choose another --out.") from None
    echo(f"{len(instances)} tasks, sequence {sequence_digest(instances)}", err=True)
    echo(out / f"{manifest.name}.jsonl")


def row(instance: Instance, position: int, manifest: Manifest) -> Mapping[str, object]:
    """One task, in the fields of SWE-bench (ids of tests as JSON in a string) and a few more."""
    environment = manifest.environment(instance.environment)
    return {
        "instance_id": instance.instance_id,
        "repo": instance.repo,
        "base_commit": instance.base_commit,
        "created_at": instance.created_at.isoformat(),
        "problem_statement": instance.problem_statement,
        "hints_text": "",
        "patch": instance.patch,
        "test_patch": instance.test_patch,
        "FAIL_TO_PASS": json.dumps(instance.fail_to_pass),
        "PASS_TO_PASS": json.dumps(instance.pass_to_pass),
        "version": environment.key,
        "environment_setup_commit": instance.base_commit,
        "codebase": manifest.name,
        "position": position,
        "environment": {
            "key": environment.key,
            "python": environment.python,
            "lock": list(environment.lock),
        },
        "pytest_arguments": list(instance.pytest_arguments),
    }
