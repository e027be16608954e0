"""The contract of a memory, as tests that any backend runs against itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, ClassVar

from seqswe.memory import Declared, Experience, Memory, build_memory
from seqswe.runs.snapshots import EMPTY, Snapshots, folder_digest, read_folder
from seqswe.testing.asking import (
    ODD_TEXTS,
    answers,
    check_recall,
    digest,
    odd,
    origins,
    permit,
    run,
    saved,
    tasks,
    tell,
)
from seqswe.testing.experiences import experiences

SNAPSHOT_BYTES = 400
"""What a snapshot takes beside the state: its parent, names and sizes of files."""


class MemoryContract:
    """Every memory's contract; subclass it in a test module and set `memory`.

    Each test gets a temporary folder (pytest's `tmp_path`) and asks nothing else of pytest, so
    `check_memory` can run them without it.
    """

    memory: ClassVar[str] = ""
    """Entry-point name or `module:attribute`, importable also in another process."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Options of the factory, as JSON can hold them."""
    learns: ClassVar[bool] = True
    """Whether it recalls what it was told (not `none`, nor one that reads something else)."""
    budget: ClassVar[str] = "max_bytes"
    """Name of the option that bounds the UTF-8 bytes of Recall.text; "" if there is none."""
    stored_budget: ClassVar[str] = ""
    """Name of the option that bounds the bytes of the saved state; "" if there is none."""
    many: ClassVar[int] = 10_000
    """Experiences of the large test."""
    model_url: str = ""
    """Where a memory that needs a model asks it, such as `ScriptedModel.url`."""
    sequence: ClassVar[int] = 60
    """Experiences after each of which a snapshot is taken."""

    def settings(self) -> Mapping[str, Any]:
        """The factory's options; override where they are known only at run time."""
        return self.options

    def build(self, folder: Path, **more: Any) -> Memory:
        """A new, empty memory with a new home below `folder`."""
        home = Path(mkdtemp(prefix="home-", dir=folder))
        services = experiences(0).services(self.model_url)
        return build_memory(self.memory, home, services, **{**self.settings(), **more})

    def told(self, folder: Path, count: int, **more: Any) -> Memory:
        """A memory that was told the first `count` experiences."""
        return tell(self.build(folder, **more), experiences(count))

    def test_has_the_protocol(self, tmp_path: Path) -> None:
        """It has the four methods."""
        assert isinstance(self.build(tmp_path), Memory)

    def test_starts_empty(self, tmp_path: Path) -> None:
        """An empty memory answers, names no rollout, and can be saved and loaded."""
        memory = self.build(tmp_path)
        recall = memory.recall(experiences(0).task(0))
        assert not origins(recall, Declared.by(self.memory).origins)
        assert not (self.learns and recall.items), "it recalls something it was never told"
        again = self.build(tmp_path)
        again.load(saved(memory, tmp_path))
        assert digest(again, tmp_path) == digest(memory, tmp_path)

    def test_recalls_what_it_was_told(self, tmp_path: Path) -> None:
        """What it recalls is well-formed, best first, and comes from what it was told."""
        told = experiences(60)
        recall = tell(self.build(tmp_path), told).recall(told.task(60))
        assert bool(recall.items) or not self.learns, "it recalls nothing of 60 experiences"
        check_recall(recall)
        scores = [item.score for item in recall.items]
        assert scores == sorted(scores, reverse=True), "items must be ordered best first"

    def test_recall_changes_nothing(self, tmp_path: Path) -> None:
        """Recalling leaves the state as it was, and gives the same answer every time."""
        memory = self.told(tmp_path, 40)
        before = digest(memory, tmp_path)
        first = answers(memory, 40)
        assert answers(memory, 40) == first, "the same question was answered differently"
        assert digest(memory, tmp_path) == before, "recall changed the state"

    def test_recording_twice_changes_nothing(self, tmp_path: Path) -> None:
        """A rollout that is told again leaves the state as it was."""
        memory = self.told(tmp_path, 12)
        before = digest(memory, tmp_path), answers(memory, 12)
        tell(memory, experiences(12))
        assert (digest(memory, tmp_path), answers(memory, 12)) == before

    def test_save_is_exact(self, tmp_path: Path) -> None:
        """The same state gives the same bytes, however often and wherever it is saved."""
        memory = self.told(tmp_path, 25)
        first = digest(memory, tmp_path)
        assert digest(memory, tmp_path) == first
        assert digest(self.told(tmp_path, 25), tmp_path) == first

    def test_loads_into_a_new_folder(self, tmp_path: Path) -> None:
        """A copy loaded elsewhere answers and saves as the original does."""
        memory, copy = self.told(tmp_path, 25), self.build(tmp_path)
        copy.load(saved(memory, tmp_path))
        assert answers(copy, 25) == answers(memory, 25)
        assert digest(copy, tmp_path) == digest(memory, tmp_path)

    def test_loads_in_a_new_process(self, tmp_path: Path) -> None:
        """So does one in another process, whose hash seed and caches are its own."""
        memory = self.told(tmp_path, 25)
        job = self.job(tmp_path, load=str(saved(memory, tmp_path)), ask=25)
        loaded = json.loads(run(job).stdout)
        assert loaded["answers"] == json.loads(json.dumps(answers(memory, 25)))
        assert loaded["digest"] == digest(memory, tmp_path)

    def test_load_replaces_everything(self, tmp_path: Path) -> None:
        """Nothing of a later state shines through an earlier one; nor through the empty one."""
        early, memory = self.told(tmp_path, 10), self.told(tmp_path, 30)
        memory.load(saved(early, tmp_path))
        assert answers(memory, 30) == answers(early, 30)
        assert digest(memory, tmp_path) == digest(early, tmp_path)
        empty = self.build(tmp_path)
        memory.load(saved(empty, tmp_path))
        assert answers(memory, 30) == answers(empty, 30)

    def test_forks_diverge(self, tmp_path: Path) -> None:
        """Two copies of one state go their own ways, at the same time."""
        trunk = saved(self.told(tmp_path, 10), tmp_path)
        left, right = self.build(tmp_path), self.build(tmp_path)
        left.load(trunk)
        right.load(trunk)
        for position in range(10, 20):
            (left if position % 2 else right).record(experiences(20).at(position))
        for fork, parity in ((left, 1), (right, 0)):
            seen = {o for task in tasks(20) for o in origins(fork.recall(task))}
            foreign = {
                experiences(20).task(p).instance_id for p in range(10, 20) if p % 2 != parity
            }
            assert not seen & foreign, "one fork sees what only the other was told"
        again = self.build(tmp_path)
        again.load(trunk)
        assert answers(again, 10) == answers(self.told(tmp_path, 10), 10)

    def test_a_fork_only_reads(self, tmp_path: Path) -> None:
        """A fork leaves the snapshot, the trunk and itself as they were, however much is asked.

        The snapshot's folder is read-only, and gone before the last question.
        """
        trunk, fork = self.told(tmp_path, 25), self.build(tmp_path)
        snapshot, expected = saved(trunk, tmp_path), answers(trunk, 25)
        before = folder_digest(read_folder(snapshot))
        permit(snapshot, 0o444, 0o555)
        fork.load(snapshot)
        assert answers(fork, 25) == expected
        assert folder_digest(read_folder(snapshot)) == before, "it writes into the snapshot"
        permit(snapshot, 0o644, 0o755)
        shutil.rmtree(snapshot)
        assert answers(fork, 25) == expected, "it still needs the snapshot's folder"
        assert digest(fork, tmp_path) == digest(trunk, tmp_path) == before
        assert answers(trunk, 25) == expected, "reading a fork changed the trunk"

    def test_a_crash_loses_nothing_saved(self, tmp_path: Path) -> None:
        """A process that dies between record and save leaves the last save whole.

        Told again what was lost, the memory is as if nothing had happened.
        """
        kept = tmp_path / "kept"
        kept.mkdir()
        crashed = run(self.job(tmp_path, record=15, save=str(kept), lose=5), check=False)
        assert crashed.returncode == 9, crashed.stderr
        memory = self.build(tmp_path)
        memory.load(kept)
        assert answers(memory, 15) == answers(self.told(tmp_path, 15), 15)
        tell(memory, experiences(20))
        assert digest(memory, tmp_path) == digest(self.told(tmp_path, 20), tmp_path)

    def test_budgets_are_kept(self, tmp_path: Path) -> None:
        """A recall's text stays within its budget, and says so when something was cut."""
        if not self.budget:
            return
        task, whole = experiences(0).task(60), 10_000_000
        told = self.told(tmp_path, 60, **{self.budget: whole})
        full, state = told.recall(task), saved(told, tmp_path)
        assert not full.truncated, "nothing was cut, yet it says so"
        for size in (0, 1, 37, 300):
            memory = self.build(tmp_path, **{self.budget: size})
            memory.load(state)
            recall = memory.recall(task)
            assert len(recall.text.encode()) <= size, f"more than {self.budget}={size} bytes"
            assert recall.truncated == (len(full.text.encode()) > size), "`truncated` is wrong"

    def test_stored_bytes_are_bounded(self, tmp_path: Path) -> None:
        """The saved state stays within its bound, and survives it whole."""
        if not self.stored_budget:
            return
        free = digest(self.told(tmp_path, 60), tmp_path)
        whole = self.told(tmp_path, 60, **{self.stored_budget: 10_000_000})
        assert digest(whole, tmp_path) == free, "a bound that is not reached changes something"
        for size in (2_000, 9_000):
            memory, copy = (self.build(tmp_path, **{self.stored_budget: size}) for _ in range(2))
            for experience in experiences(60):
                memory.record(experience)
                state = read_folder(saved(memory, tmp_path))
                assert sum(map(len, state.values())) <= size, f"over {self.stored_budget}={size}"
            assert not self.learns or state, "it forgot everything"
            copy.load(saved(memory, tmp_path))
            assert answers(copy, 60) == answers(memory, 60)
            assert digest(copy, tmp_path) == digest(memory, tmp_path) != free or not self.learns

    def test_snapshots_cost_little(self, tmp_path: Path) -> None:
        """Snapshots after every rollout take less than three times the final state together.

        What each of them says of itself is not counted.
        """
        memory, parent = self.build(tmp_path), EMPTY
        snapshots = Snapshots(tmp_path / "snapshots")
        for experience in experiences(self.sequence):
            memory.record(experience)
            with TemporaryDirectory(dir=tmp_path) as folder:
                memory.save(Path(folder))
                parent = snapshots.put(Path(folder), parent)
        final = sum(map(len, snapshots.files(parent).values()))
        assert snapshots.bytes_stored() <= 3 * final + SNAPSHOT_BYTES * self.sequence

    def test_origins_are_in_the_past(self, tmp_path: Path) -> None:
        """At each position of a sequence, everything recalled comes from an earlier one."""
        memory, told = self.build(tmp_path), set[str]()
        for experience in experiences(30):
            recall = memory.recall(experience.task)
            check_recall(recall)
            named = set(origins(recall, Declared.by(self.memory).origins))
            assert named <= told, "an origin it cannot know"
            memory.record(experience)
            told.add(experience.task.instance_id)

    def test_withheld_feedback(self, tmp_path: Path) -> None:
        """It copes with a policy that tells it nothing but the task."""
        memory = self.build(tmp_path)
        for experience in experiences(5):
            memory.record(Experience(task=experience.task))
        check_recall(memory.recall(experiences(0).task(5)))

    def test_odd_texts(self, tmp_path: Path) -> None:
        """Unicode, empty, hostile and huge issues are recorded, asked, saved and loaded."""
        memory, copy = self.build(tmp_path), self.build(tmp_path)
        told = [odd(text, position) for position, text in enumerate(ODD_TEXTS)]
        for experience in told:
            check_recall(memory.recall(experience.task))
            memory.record(experience)
        copy.load(saved(memory, tmp_path))
        for experience in told:
            recall = memory.recall(experience.task)
            check_recall(recall)
            assert copy.recall(experience.task) == recall

    def test_works_in_another_thread(self, tmp_path: Path) -> None:
        """It may be used in another thread than the one that built it."""
        memory = self.build(tmp_path)
        with ThreadPoolExecutor(1) as pool:
            elsewhere = pool.submit(lambda: answers(tell(memory, experiences(5)), 5)).result()
        assert elsewhere == answers(self.told(tmp_path, 5), 5)

    def test_many(self, tmp_path: Path) -> None:
        """It still works, exactly, after a long sequence."""
        memory, copy = self.told(tmp_path, self.many), self.build(tmp_path)
        copy.load(saved(memory, tmp_path))
        for task in (experiences(0).task(self.many + i) for i in range(10)):
            recall = memory.recall(task)
            assert bool(recall.items) or not self.learns
            assert copy.recall(task) == recall

    def job(self, folder: Path, **what: Any) -> dict[str, Any]:
        """What another process is to do with a memory like this one."""
        home = mkdtemp(prefix="home-", dir=folder)
        options, url = dict(self.settings()), self.model_url
        return {"memory": self.memory, "options": options, "model_url": url, "home": home, **what}


def check_memory(memory: str, *, model_url: str = "", **options: Any) -> None:
    """Run the whole contract without pytest. Raises AssertionError where it is broken.

    model_url: as `MemoryContract.model_url`; options: of the factory.
    """
    named = {"memory": memory, "options": options, "model_url": model_url}
    contract = type("Contract", (MemoryContract,), named)()
    for test in sorted(name for name in dir(contract) if name.startswith("test_")):
        with TemporaryDirectory() as folder:
            getattr(contract, test)(Path(folder))
