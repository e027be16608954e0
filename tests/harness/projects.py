"""Tiny codebases with a history, made in a temporary folder."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

from harness.codebases.instances import instance_of
from harness.codebases.mining import mine
from harness.codebases.statements.rules import LATEST
from harness.grading import Grader
from harness.history import History
from harness.history.git import CLEAN, Clone
from seqswe.instance import Task
from seqswe.manifests.manifest import Layout, Manifest, Mining, PythonSettings, TestSettings
from seqswe.sandbox import SandboxSpec

SETTINGS = PythonSettings(
    version="{}.{}".format(*sys.version_info[:2]),
    requirements=("pytest>=8",),
    distribution="tiny",
)
DAY = 86_400


def commit(folder, files, message="Fix it", day=0):
    """Write files (None removes one) and commit them on a day after 2024-01-01."""
    if not (folder / ".git").exists():
        folder.mkdir(parents=True, exist_ok=True)
        git(folder, "init", "-q", "-b", "main", ".")
    for name, text in files.items():
        path = folder / name
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message, day=day)
    return git(folder, "rev-parse", "HEAD").strip()


def git(folder, *arguments, day=0):
    when = f"@{1_704_067_200 + day * DAY} +0000"
    identity = {
        f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    env = {**os.environ, **CLEAN, **identity, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    done = subprocess.run(["git", *arguments], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def manifest_of(folder, **fields):
    """A manifest for a tiny codebase whose source is `tiny` and whose tests are `tests`."""
    return Manifest(
        name="tiny",
        repo="x/tiny",
        licence="",
        layout=Layout(source=("tiny",), tests=("tests",)),
        **{
            "python": SETTINGS,
            "tests": TestSettings(seconds=30.0),
            "mining": Mining(statements=LATEST.version),
            "url": "",
            "folder": folder,
            **fields,
        },
    )


class Tiny:
    """A codebase, its candidates, and sandboxes of them."""

    def __init__(self, folder, provider, **fields):
        self.clone, self.provider, self.folder = Clone(folder / "clone"), provider, folder
        self.manifest = manifest_of(folder, **fields)
        self.mined = mine(self.clone, self.manifest, {})
        self.grader = Grader(layout=self.manifest.layout, tests=self.manifest.tests)
        bases = [record.base_commit for record in self.mined.records]
        self.history = History(self.clone, bases, folder / "history") if bases else None
        self.opened = 0

    def instance(self, number=0, **fields):
        record = self.mined.records[number]
        return replace(instance_of(self.clone, self.manifest, record, {}), **fields)

    def open(self, number=0):
        """A fresh sandbox at the base commit of a candidate."""
        self.opened += 1
        record = self.mined.records[number]
        checkout = self.history.checkout(record.base_commit, self.folder / f"objects-{self.opened}")
        [environment] = [e for e in self.mined.environments if e.key == record.environment]
        return self.provider.open(SandboxSpec(environment=environment, checkout=checkout))


def task_of(manifest, statement):
    """A task in the first commit of a codebase, as an agent is told it."""
    return Task(
        instance_id="x-1",
        repo=manifest.repo,
        base_commit=manifest.instances[0].base_commit,
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        problem_statement=statement,
        position=4,
    )
