"""What the memory contract asks with: telling, asking, saving, and a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from math import isfinite
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from seqswe.instance import Task
from seqswe.memory import Experience, Memory, Recall
from seqswe.runs.snapshots import folder_digest, read_folder
from seqswe.testing.expect import expect
from seqswe.testing.experiences import Experiences, experiences

ODD_TEXTS = (
    "",
    " \n\t\r\n ",
    "'; drop table records; --",
    '"unbalanced AND (NEAR* OR NOT ^ col:x {} [] \\ %s {0} <b>&amp;',
    "نص عربي · 日本語のテキスト · Zażółć gęślą jaźń · 🧠🪲 · e\u0301 · \u202e",
    "line\u2028separator\u2029and\x85next\x1cgroup\x0bvertical",
    "nul \x00 and bell \x07",
    "lone surrogate \ud800 end",
    "x" * 1_000_000,
    "a few words, again and again. " * 35_000,
)
"""Problem statements that break what was only tried on nice ones; two are 1 MB."""


def check_recall(recall: Recall) -> None:
    """Whether a recall is what agents and the harness rely on. Raises AssertionError."""
    why = "agents and the harness read it, and it is written to the journal as JSON"
    for item in recall.items:
        expect(isinstance(item.text, str), "Recalled.text is a str", item.text, why)
        item.text.encode("utf-8")
        expect(isfinite(item.score), "Recalled.score is a finite number", item.score, why)
        weighs = "a score weighs the item's files: 0 or less says nothing of them"
        expect(item.score > 0 or not item.files, "a positive score", item.score, weighs)
        origin = "an item that names no source cannot be told from one out of the future"
        expect(item.origins, "Recalled.origins names at least one rollout", item, origin)
        names = (*item.origins, *item.files)
        expect(all(isinstance(name, str) for name in names), "names that are str", names, why)
        json.dumps(dict(item.notes))


def tell(memory: Memory, what: Experiences) -> Memory:
    """The memory, after it was told these experiences in order."""
    for experience in what:
        memory.record(experience)
    return memory


def tasks(count: int) -> list[Task]:
    """The next ten tasks after `count` experiences."""
    return [experiences(count).task(position) for position in range(count, count + 10)]


def answers(memory: Memory, count: int) -> list[dict[str, Any]]:
    """What a memory recalls for the next ten tasks after `count`, as plain data."""
    return [asdict(memory.recall(task)) for task in tasks(count)]


def origins(recall: Recall, declared: Collection[str] = ()) -> list[str]:
    """Every rollout that a recall names, and what else it names but for declared sources."""
    named = [origin for item in recall.items for origin in item.origins]
    return [o for o in named if not (":" in o and o.partition(":")[0] in declared)]


def saved(memory: Memory, folder: Path) -> Path:
    """A new folder below `folder` that the memory was saved into."""
    target = Path(mkdtemp(prefix="saved-", dir=folder))
    memory.save(target)
    return target


def permit(folder: Path, files: int, folders: int) -> None:
    """Set the permissions of everything in a folder, and of itself."""
    for path in folder.rglob("*"):
        path.chmod(folders if path.is_dir() else files)
    folder.chmod(folders)


def digest(memory: Memory, folder: Path) -> str:
    """Digest of the memory's saved state."""
    return folder_digest(read_folder(saved(memory, folder)))


def odd(text: str, position: int) -> Experience:
    """An experience whose every text is this one."""
    plain = experiences(0).at(position)
    return replace(
        plain,
        task=replace(plain.task, problem_statement=text),
        notes={"note": text},
        test_output=text,
        gold_patch=text,
    )


def noted(experience: Experience) -> Experience:
    """An experience with notes as agents leave them: nested, in any language, with None."""
    more = {"agent": "of its own", "nested": {"list": [1, 2.5, None, "日本語"]}, "empty": {}}
    return replace(experience, notes={**experience.notes, **more})


def run(job: Mapping[str, Any], check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a job of `seqswe.testing.process` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "seqswe.testing.process"],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=check,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        timeout=120,
    )
