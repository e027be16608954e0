"""What Harbor's folders hold: task.toml, the instruction, images, the verifier, the solution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli_w

from harness.agents.recipes.prompt import the_prompt
from harness.codebases.metadata import Metadata
from harness.codebases.sequence import Sequence
from harness.grading import Grader
from harness.grading.standalone import verifier_files
from harness.history import Checkouts
from harness.sandboxes import build_files
from harness.sandboxes.docker import DockerProvider
from harness.sandboxes.images import CHECKOUT
from seqswe.instance import Instance
from seqswe.manifests.manifest import Manifest
from seqswe.memory import Recall
from seqswe.sandbox import Limits, SandboxSpec

SCHEMA = "1.4"
HOME = "/home/agent"
PATCH = "/logs/artifacts/model.patch"
VERIFIER_SECONDS = 300
"""For a verifier beyond its tests."""
COLLECT = (
    "cd {root} && git add --all . && git diff --cached --binary --full-index --no-ext-diff "
    "--no-textconv --no-renames --output={patch} {commit} || : > {patch}"
)
"""Leaves the work in the folder that goes from container to container. A repository that its agent
has destroyed is an empty patch; a container that does not answer leaves none, and has no reward."""
GRADE = f"#!/bin/sh\nexec python3 -I -S /tests/verify.py {PATCH} /logs/verifier\n"
SOLVE = f"#!/bin/sh\ncd {CHECKOUT} && git apply --whitespace=nowarn /solution/gold.patch\n"


class ImageNames:
    """The images of environments: the same name, the same content."""

    def __init__(self, provider: DockerProvider, prefix: str, manifest: Manifest) -> None:
        self.provider, self.manifest, self._prefix = provider, manifest, prefix

    def __getitem__(self, key: str) -> str:
        """The image of an environment. Raises MissingError for what cannot be built here."""
        digest = self.provider.prepare(self.manifest.environment(key))
        return f"{self._prefix}/{self.manifest.name}:{key}-{digest[7:15]}".lower()


def write_images(out: Path, names: ImageNames, keys: list[str]) -> None:
    """Write a build context for each environment, and the script that builds them."""
    lines = ["#!/bin/sh", "set -e", 'cd "$(dirname "$0")"']
    for key in keys:
        environment = names.manifest.environment(key)
        base = names.provider.images.base(environment.python)
        build_files.write_environment(
            out / "images" / key,
            base=(base.tags or [str(base.id)])[0],
            python=environment.python,
            packages=names.provider.packages(environment),
        )
        lines.append(f"docker build --quiet --tag {names[key]} images/{key}")
    (out / "build-images.sh").write_text("\n".join([*lines, ""]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes the folders of one sequence."""

    sequence: Sequence
    checkouts: Checkouts
    metadata: Metadata
    grader: Grader
    names: ImageNames
    limits: Limits
    network: str
    """Harbor's `network_mode` of every container."""

    def task(self, folder: Path, position: int, instance: Instance) -> None:
        """Write one task: its container, its verifier, its solution."""
        self._write_parts(folder, position, instance)
        spec = self._build_context(folder / "environment", instance)
        about = self._settings(folder.name) | {
            "metadata": self._metadata(position, instance),
            "agent": self._agent(),
            "verifier": self._verifier(spec.checkout.commit),
        }
        (folder / "task.toml").write_text(tomli_w.dumps(about))

    def stream(self, folder: Path) -> Iterator[Instance]:
        """Write one folder with a step per task; each brings what its base has beyond the last.

        The container is the same from step to step, and so is what an agent keeps in it outside of
        the checkout.
        """
        steps: list[dict[str, Any]] = []
        delivered: frozenset[str] = frozenset()
        before: Instance | None = None
        for position, instance in enumerate(self.sequence.instances):
            name = f"{position:04d}-{instance.instance_id}"
            self._write_parts(folder / "steps" / name, position, instance)
            if before is None:
                spec = self._build_context(folder / "environment", instance)
                packs = _packs(folder / "environment" / build_files.HISTORY)
            else:
                workdir = folder / "steps" / name / "workdir"
                spec, packs = self._next(workdir, before, instance, delivered)
            delivered, before = packs, instance
            verifier = self._verifier(spec.checkout.commit)
            steps.append({"name": name, "agent": self._agent(), "verifier": verifier})
            yield instance
        metadata = [self._metadata(n, i) for n, i in enumerate(self.sequence.instances)]
        about = self._settings(folder.name) | {
            "multi_step_reward_strategy": "mean",
            "metadata": {"codebase": self.sequence.manifest.name, "tasks": metadata},
            "steps": steps,
        }
        (folder / "task.toml").write_text(tomli_w.dumps(about))

    def _next(
        self, workdir: Path, before: Instance, instance: Instance, delivered: frozenset[str]
    ) -> tuple[SandboxSpec, frozenset[str]]:
        """Write what turns the container of one task into that of the next."""
        step = workdir / build_files.STEP
        spec = self._spec(step, instance)
        build_files.write_layout(step, spec)
        packs = _packs(step / build_files.HISTORY)
        for name in packs & delivered:
            (step / build_files.HISTORY / "pack" / name).unlink()
        (step / "packs.txt").write_text("".join(f"{name}\n" for name in sorted(packs)))
        environment = self.sequence.manifest.environment(instance.environment)
        if self.names[before.environment] != self.names[instance.environment]:
            build_files.write_packages(self.names.provider.packages(environment), step)
        script = build_files.next_checkout_script(environment.python)
        (workdir / "setup.sh").write_text(script)
        return spec, packs

    def _write_parts(self, folder: Path, position: int, instance: Instance) -> None:
        """Write what a task and a step of a stream have in common."""
        solution, tests = folder / "solution", folder / "tests"
        solution.mkdir(parents=True)
        prompt = the_prompt().text(instance.task(position), Recall(), CHECKOUT)
        (folder / "instruction.md").write_text(f"{prompt}\n", encoding="utf-8", errors="replace")
        (solution / "solve.sh").write_text(SOLVE)
        (solution / "gold.patch").write_bytes(instance.patch.encode("utf-8", "surrogateescape"))
        self._build_context(tests, instance)
        files = verifier_files(self.grader, instance, root=CHECKOUT, home=HOME)
        files["test.sh"] = GRADE.encode()
        for name, data in files.items():
            (tests / name).write_bytes(data)
        with (tests / "Dockerfile").open("a") as dockerfile:
            dockerfile.write(f"COPY {' '.join(sorted(files))} /tests/\n")

    def _build_context(self, folder: Path, instance: Instance) -> SandboxSpec:
        spec = self._spec(folder, instance)
        build_files.write_checkout(folder, spec, self.names[instance.environment])
        return spec

    def _spec(self, folder: Path, instance: Instance) -> SandboxSpec:
        """Lay the objects of an instance's base into a folder; what describes the whole."""
        environment = self.sequence.manifest.environment(instance.environment)
        checkout = self.checkouts.checkout(instance, folder / build_files.HISTORY)
        if checkout.tree:
            (folder / build_files.HISTORY / checkout.tree).unlink()
        return SandboxSpec(
            environment=environment,
            checkout=replace(checkout, tree=""),
            project=self.metadata.files(instance.base_commit, environment),
            generated=self.metadata.generated(instance.base_commit, environment),
        )

    def _settings(self, name: str) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA,
            "task": {"name": f"seqswe/{name}"},
            "environment": self._container(),
        }

    def _container(self) -> Mapping[str, Any]:
        limits = self.limits
        return {
            "network_mode": self.network,
            "cpus": limits.cpus,
            "memory_mb": limits.memory_mb,
        }

    def _agent(self) -> Mapping[str, Any]:
        return {"timeout_sec": self.limits.task_seconds}

    def _verifier(self, commit: str) -> Mapping[str, Any]:
        return {
            "environment_mode": "separate",
            "environment": self._container(),
            "timeout_sec": self.grader.tests.wall_seconds + VERIFIER_SECONDS,
            "collect": [{"command": collect_command(commit)}],
        }

    def _metadata(self, position: int, instance: Instance) -> Mapping[str, Any]:
        """What SeqSWE knows of a task and Harbor passes over."""
        return {
            "codebase": self.sequence.manifest.name,
            "position": position,
            "instance_id": instance.instance_id,
            "instance_digest": instance.digest,
            "repo": instance.repo,
            "base_commit": instance.base_commit,
            "created_at": instance.created_at.isoformat(),
            "environment": instance.environment,
            "synthetic": instance.synthetic,
        }


def _packs(history: Path) -> frozenset[str]:
    return frozenset(file.name for file in (history / "pack").iterdir())


def collect_command(commit: str, root: str = CHECKOUT, patch: str = PATCH) -> str:
    """A shell command that writes all that differs from a commit into a patch."""
    return COLLECT.format(root=root, patch=patch, commit=commit)
