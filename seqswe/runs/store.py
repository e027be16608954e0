"""The run directory: the only place where results are written.

run.toml                    settings, sequence, versions: written once
rollouts.jsonl              the journal: one finished rollout a line, appended and fsynced
rollouts/<arm>-<seed>/0007-<instance_id>/   trajectory.json patch.diff test.log report.json
memory/                     content-addressed snapshots
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

from seqswe import __version__
from seqswe.errors import ManifestError, RunDirError
from seqswe.experiment import Experiment, affecting, make_plan
from seqswe.instance import digest_of, digest_of_fields
from seqswe.manifests.convert import check_ids, parse
from seqswe.manifests.instructions import InstructionCounts
from seqswe.manifests.read import is_there, read_lines, read_toml
from seqswe.manifests.refactorings import Refactoring
from seqswe.manifests.write import write_whole
from seqswe.patterns import INSTANCE_ID, Between
from seqswe.renamed import with_new_names
from seqswe.runs.journal import (
    DAMAGED,
    JOURNAL,
    JSON_ERRORS,
    MOST_BYTES,
    Journal,
    journal_line,
    read_journal,
)
from seqswe.runs.rollout import Rollout
from seqswe.runs.snapshots import Snapshots, sync_folder

FORMAT = 2
MOST_INFO = 20_000_000
"""Bytes of run.toml, which lists every task."""
Planned = Mapping[tuple[str, int], frozenset[int]]
"""Positions of tasks, by arm and seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCounts:
    """The tests of a run's tasks, counted task by task. Quarantined ones never grade."""

    __test__ = False

    fail_to_pass: int
    pass_to_pass: int
    quarantined: int
    """Tests that were flaky when their task was validated."""
    quarantined_tasks: int
    """Tasks with at least one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """run.toml: what a run directory holds and what it depends on."""

    experiment: Experiment
    instance_ids: tuple[Annotated[str, INSTANCE_ID], ...]
    sequence_digest: str
    format: int = FORMAT
    seqswe: str = __version__
    environments: Mapping[str, str] = field(default_factory=dict)
    """Digest by environment key: versions of Python and of packages, which results depend on."""
    machine: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What each environment was on the machine that made the run, such as the image's id. It is
    for people: no digest is over it."""
    looks: Annotated[int, Between(least=1, most=10_000)] = 1
    """1, and one more for each time that the run was added to after results were there."""
    instructions: InstructionCounts = InstructionCounts()
    refactorings: tuple[Refactoring, ...] | None = None
    """Where many of the files that earlier tasks fixed are gone; None if nobody looked."""
    synthetic: bool = False
    renamed: str | None = None
    """How much of the code has other names than people gave it; None where it is as it was."""
    tests: TestCounts | None = None
    """None if they were not counted."""
    agent_version: str | None = None
    """Version of the program that the agent brings, and digest of how it is used; None for an agent
    that brings none."""
    coupled: bool | None = None
    """Whether the agent draws the same dice by seed in every arm; None if it was not recorded."""
    empty_recalls: str | None = None
    """Digest of what the memory recalls when it is empty, task by task: a run without an iid arm of
    its own borrows one whose memory recalled the same. None if nobody looked."""
    plugin_reach: tuple[str, ...] | None = None
    """What memories and agents could reach beyond what they are given, on the machine that began
    the run; None if it was not recorded."""
    plugin_files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Files of an agent and a memory of one's own as the run began, {kind: {file: digest}}, so that
    a comparison can say which changed. It is for people: no digest of results is over it."""

    def data(self) -> dict[str, Any]:
        """What run.toml holds, with a digest over it. TOML has no word for nothing."""
        data = asdict(self) | {"experiment": self.experiment.as_dict()}
        told = {name: value for name, value in data.items() if value is not None}
        return {"digest": digest_of_fields(told), **told}

    def check_planned(self, rollout: Rollout, planned: Planned) -> None:
        """Raises ValueError for a rollout that is none of this run's."""
        ids, position = self.instance_ids, rollout.position
        tasks = planned.get((rollout.arm, rollout.seed), frozenset())
        if position not in tasks or ids[position] != rollout.instance_id:
            raise ValueError(
                f"this run has no rollout of {rollout.instance_id!r:.80} at position {position} "
                f"with seed {rollout.seed} in the arm {rollout.arm!r:.80}"
            )

    def planned(self) -> Planned:
        """Which rollouts the run is to hold."""
        cells = make_plan(self.experiment, self.instance_ids).cells
        return {(cell.arm, cell.seed): frozenset(cell.order) for cell in cells}

    def __post_init__(self) -> None:
        check_ids(self.instance_ids, "field 'instance_ids'")


class RunDirectory:
    """One run directory; `create` or `open` makes it."""

    def __init__(self, root: Path, info: RunInfo) -> None:
        self.root = root
        self.info = info
        self.snapshots = Snapshots(root / "memory")
        self.appended = 0
        """Lines of the journal that were written through this object."""
        self._lock = Lock()

    @staticmethod
    def check_new(root: Path) -> None:
        """Refuse a folder that anything is in. Raises RunDirError; nothing is written."""
        try:
            empty = not root.exists() or (root.is_dir() and not any(root.iterdir()))
        except OSError as error:
            raise RunDirError(
                f"cannot read {root}: {error.strerror}", "Choose another --out."
            ) from None
        if not empty and (root / "run.toml").exists():
            raise RunDirError(
                f"{root} already holds a run",
                f"Continue it with `seqswe resume {root}`, or choose another --out.",
            )
        if not empty:
            raise RunDirError(
                f"{root} is not empty and not a run directory",
                "Choose another --out; nothing was written.",
            )
        there = next(p for p in (root, *root.absolute().parents) if p.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise RunDirError(
                f"cannot write {root}: {there} is no folder that you may write to",
                "Choose another --out.",
            )

    @classmethod
    def create(cls, root: Path, info: RunInfo) -> RunDirectory:
        """Make a new run directory. Raises RunDirError if anything is in the way."""
        cls.check_new(root)
        run = cls(root, info)
        run._write_info()
        return run

    def extend(self, info: RunInfo) -> None:
        """Write down that more is to be run; call it within `locked`.

        Raises RunDirError if another process has changed the run in the meantime.
        """
        if RunDirectory.open(self.root).info != self.info:
            raise RunDirError(
                f"{self.root} was added to by another process", "Resume it again as it is now."
            )
        self.info = info
        self._write_info()

    def _write_info(self) -> None:
        import tomli_w

        root = self.root
        try:
            write_whole(root / "run.toml", tomli_w.dumps(self.info.data()))
            (root / JOURNAL).touch()
            sync_folder(root)
        except OSError as error:
            raise RunDirError(
                f"cannot write {root}: {error.strerror}", "Choose an --out that you may write to."
            ) from None

    @classmethod
    def open(cls, root: Path) -> RunDirectory:
        """Open an existing run directory. Raises RunDirError if there is none."""
        path = root / "run.toml"
        if not is_there(path):
            raise RunDirError(
                f"{root} is not a run directory (no run.toml)",
                "Give the folder that `seqswe run --out` wrote; of a suite, that of one codebase.",
            )
        data = _read_info(path)
        if data.get("format") != FORMAT:
            raise RunDirError(
                f"{root} was made by SeqSWE {data.get('seqswe', '?')!s:.20} (format "
                f"{data.get('format')!r:.20}); this is {__version__} (format {FORMAT})",
                "Use the SeqSWE that made it, or run it again: results of the two cannot be mixed.",
            )
        fields = {name: value for name, value in data.items() if name != "digest"}
        info = parse(RunInfo, _by_new_names(fields), str(path))
        if data.get("digest") != digest_of_fields(fields):
            raise RunDirError(
                f"{root}/run.toml was changed after it was written",
                "Restore it from a copy: the results belong to what it said.",
            )
        return cls(root, info)

    def check_same(self, experiment: Experiment) -> None:
        """Refuse settings that differ from those the results were made with."""
        old, new = self.info.experiment.as_dict(), experiment.as_dict()
        differ = [k for k in old if k in affecting("outcome") and old[k] != new[k]]
        if differ:
            changes = ", ".join(f"{k}: {old[k]!r} → {new[k]!r}" for k in differ)
            raise RunDirError(
                f"{self.root} was made with other settings ({changes})",
                "Resume with the same ones, or choose another --out.",
            )

    def check_sequence(self, digest: str) -> None:
        """Refuse instances that differ from those the results were made with.

        digest: of as many of the instances as the run has.
        """
        if self.info.sequence_digest != digest:
            raise RunDirError(
                f"{self.root} was made with other instances of {self.info.experiment.codebase}",
                "Use the manifest it was made with, or start a new run.",
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run directory for one writing process; a second one is refused."""
        try:
            handle = (self.root / "lock").open("w")
        except OSError as error:
            raise RunDirError(
                f"cannot write {self.root}: {error.strerror}",
                "Make it writable, or work on a copy of it.",
            ) from None
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunDirError(
                    f"{self.root} is in use by another process",
                    "Wait until it has ended.",
                ) from None
            yield

    def journal(self) -> Journal:
        """Read the journal. A half-written last line is dropped and said so.

        Raises RunDirError for damage anywhere else: results are never guessed.
        """
        planned = self.info.planned()
        return read_journal(
            self.root / JOURNAL, lambda rollout: self.info.check_planned(rollout, planned)
        )

    def repair(self) -> bool:
        """Cut a half-written last line off the journal; returns whether there was one."""
        path = self.root / JOURNAL
        if not path.exists():
            return False
        kept, whole = 0, True
        for line in read_lines(path, DAMAGED, file_bytes=MOST_BYTES):
            whole = line.whole
            kept += len(line.data) + 1 if whole else 0
        if not whole:
            with path.open("r+b") as handle:
                handle.truncate(kept)
                os.fsync(handle.fileno())
        return not whole

    def append(self, rollout: Rollout) -> None:
        """Commit a finished rollout: one line, durable on return."""
        line = journal_line(rollout)
        with self._lock, (self.root / JOURNAL).open("ab") as out:
            out.write(line)
            out.flush()
            os.fsync(out.fileno())
            self.appended += 1

    def append_try(self, rollout: Rollout) -> None:
        """Commit a rollout whose verdict was lost, with the tries before it counted."""
        earlier = (r for r in self.journal().rollouts if r.place == rollout.place)
        self.append(rollout.tried_after(next(earlier, None)))

    def folder(self, arm: str, seed: int, position: int, instance_id: str) -> Path:
        """Where a rollout's files are."""
        return self.root / "rollouts" / f"{arm}-{seed}" / f"{position:04d}-{instance_id}"

    def write(self, folder: Path, files: Mapping[str, str | bytes]) -> dict[str, str]:
        """Write a rollout's files, replacing those of an earlier try; returns their digests."""
        folder.mkdir(parents=True, exist_ok=True)
        digests = {}
        for name, content in files.items():
            data = (
                content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
            )
            (folder / name).write_bytes(data)
            digests[name] = digest_of(data)
        return digests


def _read_info(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path, "a run.toml", MOST_INFO)
    except ManifestError as error:
        hint = "Restore it from a copy, or start a new run."
        raise RunDirError(error.message, hint) from None


def _by_new_names(data: Mapping[str, Any]) -> Mapping[str, Any]:
    experiment = data.get("experiment")
    if not isinstance(experiment, Mapping):
        return data
    return {**data, "experiment": with_new_names(experiment)}


def dump(data: Any) -> str:
    """JSON as people read it: indented, keys in their order, and always valid UTF-8."""
    text = json.dumps(data, indent=1, ensure_ascii=False, default=str) + "\n"
    return text.encode("utf-8", JSON_ERRORS).decode()
