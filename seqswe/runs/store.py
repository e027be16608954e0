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
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from seqswe import __version__
from seqswe.errors import ManifestError, RunDirError
from seqswe.experiment import Experiment, affecting
from seqswe.instance import digest_of
from seqswe.manifests.convert import parse
from seqswe.runs.rollout import Rollout
from seqswe.runs.snapshots import Snapshots, sync_folder

FORMAT = 1
JSON_ERRORS = "backslashreplace"
"""Undecodable bytes of file names and patches come out as JSON's own escapes, and back again."""


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
    instance_ids: tuple[str, ...]
    sequence_digest: str
    format: int = FORMAT
    seqswe: str = __version__
    environments: Mapping[str, str] = field(default_factory=dict)
    """Image digest by environment key."""
    synthetic: bool = False
    tests: TestCounts | None = None
    """None in what earlier versions wrote."""
    plugin_reach: tuple[str, ...] | None = None
    """What memories and agents could reach beyond what they are given, on the machine that began
    the run; None in what earlier versions wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """What the journal says: the last entry of every (arm, seed, position)."""

    rollouts: tuple[Rollout, ...]
    truncated: bool = False
    """Whether a half-written last line was dropped."""

    def results_digest(self) -> str:
        """Digest over all results, whatever the order they were made in."""
        lines = sorted(json.dumps(r.result(), sort_keys=True) for r in self.rollouts if r.graded)
        return digest_of("\n".join(lines))


class RunDirectory:
    """One run directory; `create` or `open` makes it."""

    def __init__(self, root: Path, info: RunInfo) -> None:
        self.root = root
        self.info = info
        self.snapshots = Snapshots(root / "memory")
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
        import tomli_w

        cls.check_new(root)
        data = {
            "format": info.format,
            "seqswe": info.seqswe,
            "synthetic": info.synthetic,
            "sequence_digest": info.sequence_digest,
            "instance_ids": list(info.instance_ids),
            "environments": dict(info.environments),
            **({"tests": asdict(info.tests)} if info.tests else {}),
            **({} if info.plugin_reach is None else {"plugin_reach": list(info.plugin_reach)}),
            "experiment": info.experiment.as_dict(),
        }
        try:
            root.mkdir(parents=True, exist_ok=True)
            temporary = root / "run.toml.new"
            temporary.write_text(tomli_w.dumps(data), encoding="utf-8")
            temporary.replace(root / "run.toml")
            (root / "rollouts.jsonl").touch()
            sync_folder(root)
        except OSError as error:
            raise RunDirError(
                f"cannot write {root}: {error.strerror}", "Choose an --out that you may write to."
            ) from None
        return cls(root, info)

    @classmethod
    def open(cls, root: Path) -> RunDirectory:
        """Open an existing run directory. Raises RunDirError if there is none."""
        try:
            data = tomllib.loads((root / "run.toml").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunDirError(
                f"{root} is not a run directory (no run.toml)",
                "Give the folder that `seqswe run --out` wrote.",
            ) from None
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RunDirError(
                f"{root}/run.toml cannot be read: {error}",
                "Restore it from a copy, or start a new run.",
            ) from None
        if isinstance(settings := data.get("experiment"), dict):
            settings.pop("code", None)  # a setting of earlier versions that had but one value
        if data.get("format") != FORMAT:
            raise RunDirError(
                f"{root} has format {data.get('format')!r}, not {FORMAT}",
                "Use the SeqSWE that wrote it.",
            )
        return cls(root, parse(RunInfo, data, f"{root}/run.toml"))

    def check_same(self, experiment: Experiment) -> None:
        """Refuse settings that differ from those the results were made with."""
        old, new = self.info.experiment.as_dict(), experiment.as_dict()
        differ = [k for k in old if k not in affecting("access") and old[k] != new[k]]
        if differ:
            changes = ", ".join(f"{k}: {old[k]!r} → {new[k]!r}" for k in differ)
            raise RunDirError(
                f"{self.root} was made with other settings ({changes})",
                "Resume with the same ones, or choose another --out.",
            )

    def check_sequence(self, digest: str) -> None:
        """Refuse instances that differ from those the results were made with."""
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
        path = self.root / "rollouts.jsonl"
        if not path.exists():
            return Journal(rollouts=())
        data = path.read_bytes()
        *lines, rest = data.split(b"\n")
        latest: dict[tuple[str, int, int], Rollout] = {}
        for number, line in enumerate(lines, 1):
            try:
                rollout = self._in_place(Rollout.from_json(json.loads(line)))
            except (ValueError, ManifestError) as error:
                raise RunDirError(
                    f"{path}, line {number} is damaged: {error}",
                    "Restore the journal from a copy; only the last line may be incomplete.",
                ) from None
            latest[rollout.arm, rollout.seed, rollout.position] = rollout
        ordered = sorted(latest.values(), key=lambda r: (r.arm, r.seed, r.position))
        return Journal(rollouts=tuple(ordered), truncated=bool(rest))

    def _in_place(self, rollout: Rollout) -> Rollout:
        """A rollout of this run. Raises ValueError for one that belongs to another sequence."""
        ids, position = self.info.instance_ids, rollout.position
        if not 0 <= position < len(ids) or ids[position] != rollout.instance_id or rollout.seed < 0:
            raise ValueError(
                f"this run has no rollout of {rollout.instance_id!r} at position {position} "
                f"with seed {rollout.seed}"
            )
        return rollout

    def repair(self) -> bool:
        """Cut a half-written last line off the journal; returns whether there was one."""
        path = self.root / "rollouts.jsonl"
        if not path.exists() or not (data := path.read_bytes()) or data.endswith(b"\n"):
            return False
        with path.open("r+b") as handle:
            handle.truncate(data.rfind(b"\n") + 1)
            os.fsync(handle.fileno())
        return True

    def append(self, rollout: Rollout) -> None:
        """Commit a finished rollout: one line, durable on return."""
        line = json.dumps(rollout.as_json(), sort_keys=True, ensure_ascii=False) + "\n"
        with self._lock, (self.root / "rollouts.jsonl").open("ab") as out:
            out.write(line.encode("utf-8", JSON_ERRORS))
            out.flush()
            os.fsync(out.fileno())

    def folder(self, arm: str, seed: int, position: int, instance_id: str) -> Path:
        """Where a rollout's files are."""
        return self.root / "rollouts" / f"{arm}-{seed}" / f"{position:04d}-{instance_id}"

    def write(self, folder: Path, files: Mapping[str, str | bytes]) -> None:
        """Write a rollout's files, replacing those of an earlier try."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            data = (
                content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
            )
            (folder / name).write_bytes(data)


def dump(data: Any) -> str:
    """JSON as people read it: indented, keys in their order, and always valid UTF-8."""
    text = json.dumps(data, indent=1, ensure_ascii=False, default=str) + "\n"
    return text.encode("utf-8", JSON_ERRORS).decode()
