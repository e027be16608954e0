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
    noted,
    odd,
    origins,
    permit,
    run,
    saved,
    tasks,
    tell,
)
from seqswe.testing.expect import expect, expect_equal
from seqswe.testing.experiences import experiences

SNAPSHOT_BYTES = 400
"""What a snapshot takes beside the state: its parent, names and sizes of files."""
LOADED = "a resumed run and the arms that start from a snapshot go on from what `load` restored"
SAME = "the same run must come to the same results, on any machine and when it is resumed"
FORKED = "arms start from the same snapshot and must not see each other"
NOTES = (
    "an agent finds what it wrote for its successors in `Recalled.notes`; `repair` reads nothing "
    "else, so with a memory that drops them its lift is exactly 0"
)
LEARNS = "a memory that recalls nothing cannot have an effect (set `learns = False` if it is meant)"


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
    keeps_notes: ClassVar[bool] = True
    """Whether an item that is from one rollout hands back the notes of that rollout's agent: not a
    memory that recalls what it made of many."""
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
        memory = self.build(tmp_path)
        there = [n for n in ("recall", "record", "save", "load") if hasattr(memory, n)]
        why = "the harness calls recall before a task, record after it, save and load between"
        expect(isinstance(memory, Memory), "recall, record, save and load", there, why)

    def test_starts_empty(self, tmp_path: Path) -> None:
        """An empty memory answers, names no rollout, and can be saved and loaded."""
        memory = self.build(tmp_path)
        recall = memory.recall(experiences(0).task(0))
        why = "an iid task starts from this memory: what it holds would be learned from nowhere"
        named = origins(recall, Declared.by(self.memory).origins)
        expect(not named, "an empty memory names no rollout", named, why)
        expect(not (self.learns and recall.items), "it recalls nothing yet", recall.items, why)
        again = self.build(tmp_path)
        again.load(saved(memory, tmp_path))
        self.same_state(again, memory, tmp_path, "an empty memory survives save and load", LOADED)

    def test_recalls_what_it_was_told(self, tmp_path: Path) -> None:
        """What it recalls is well-formed, best first, and comes from what it was told."""
        told = experiences(60)
        recall = tell(self.build(tmp_path), told).recall(told.task(60))
        expect(recall.items or not self.learns, "items, after 60 experiences", "none", LEARNS)
        check_recall(recall)
        scores = [item.score for item in recall.items]
        why = "budgets cut from the end, and agents read from the start"
        expect(scores == sorted(scores, reverse=True), "items best first", scores, why)

    def test_notes_come_back(self, tmp_path: Path) -> None:
        """What an agent left for its successors comes back untouched, after a load as well."""
        if not (self.learns and self.keeps_notes):
            return
        told = [noted(experience) for experience in experiences(60)]
        memory, copy = self.build(tmp_path), self.build(tmp_path)
        for experience in told:
            memory.record(experience)
        copy.load(saved(memory, tmp_path))
        left = {e.task.instance_id: dict(e.notes) for e in told}
        for which, after in ((memory, ""), (copy, " after save and load")):
            items = which.recall(experiences(0).task(60)).items
            single = [item for item in items if len(item.origins) == 1]
            expect(single, "items that are from one rollout each", items, NOTES)
            # What is told of a rollout beside its notes may be an item of its own.
            for item in [item for item in single if item.notes] or single:
                (origin,) = item.origins
                what = f"the notes of {origin}{after}, as they were recorded"
                expect_equal(dict(item.notes), left.get(origin), what, NOTES)

    def test_recall_changes_nothing(self, tmp_path: Path) -> None:
        """Recalling leaves the state as it was, and gives the same answer every time."""
        memory = self.told(tmp_path, 40)
        before = digest(memory, tmp_path)
        first = answers(memory, 40)
        expect_equal(answers(memory, 40), first, "the same answer to the same question", SAME)
        why = "frozen and replay arms only read: what they ask must leave no trace"
        expect_equal(digest(memory, tmp_path), before, "the same state after a recall", why)

    def test_recording_twice_changes_nothing(self, tmp_path: Path) -> None:
        """A rollout that is told again leaves the state as it was."""
        memory = self.told(tmp_path, 12)
        before = digest(memory, tmp_path), answers(memory, 12)
        tell(memory, experiences(12))
        now = digest(memory, tmp_path), answers(memory, 12)
        why = "a rollout that is tried again, or resumed, may be told twice"
        expect_equal(now, before, "the same state and answers when told again", why)

    def test_save_is_exact(self, tmp_path: Path) -> None:
        """The same state gives the same bytes, however often and wherever it is saved."""
        memory = self.told(tmp_path, 25)
        first = digest(memory, tmp_path)
        why = f"{SAME}; time, paths and the order of sets must not be saved"
        expect_equal(digest(memory, tmp_path), first, "the same bytes when saved again", why)
        again = digest(self.told(tmp_path, 25), tmp_path)
        expect_equal(again, first, "the same bytes of another memory that was told the same", why)

    def test_loads_into_a_new_folder(self, tmp_path: Path) -> None:
        """A copy loaded elsewhere answers and saves as the original does."""
        memory, copy = self.told(tmp_path, 25), self.build(tmp_path)
        copy.load(saved(memory, tmp_path))
        self.same_answers(copy, memory, 25, "a copy loaded elsewhere answers the same", LOADED)
        self.same_state(copy, memory, tmp_path, "a copy loaded elsewhere saves the same", LOADED)

    def test_loads_in_a_new_process(self, tmp_path: Path) -> None:
        """So does one in another process, whose hash seed and caches are its own."""
        memory = self.told(tmp_path, 25)
        job = self.job(tmp_path, load=str(saved(memory, tmp_path)), ask=25)
        loaded = json.loads(run(job).stdout)
        asked = json.loads(json.dumps(answers(memory, 25)))
        why = (
            f"{LOADED}, in another process with another hash seed (often it is the order of a set: "
            "sort it before you walk it or add it up)"
        )
        expect_equal(loaded["answers"], asked, "the same answers in a new process", why)
        now = digest(memory, tmp_path)
        expect_equal(loaded["digest"], now, "the same state in a new process", why)

    def test_load_replaces_everything(self, tmp_path: Path) -> None:
        """Nothing of a later state shines through an earlier one; nor through the empty one."""
        early, memory = self.told(tmp_path, 10), self.told(tmp_path, 30)
        memory.load(saved(early, tmp_path))
        why = "what shines through would be learned from the future"
        what = "nothing of the state that `load` replaced"
        self.same_answers(memory, early, 30, what, why)
        self.same_state(memory, early, tmp_path, what, why)
        empty = self.build(tmp_path)
        memory.load(saved(empty, tmp_path))
        self.same_answers(memory, empty, 30, f"{what}, also by an empty one", why)

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
            both = sorted(seen & foreign)
            expect(not both, "nothing that only the other fork was told", both, FORKED)
        again = self.build(tmp_path)
        again.load(trunk)
        told = self.told(tmp_path, 10)
        self.same_answers(again, told, 10, "the trunk is as it was before it was forked", FORKED)

    def test_a_fork_only_reads(self, tmp_path: Path) -> None:
        """A fork leaves the snapshot, the trunk and itself as they were, however much is asked.

        The snapshot's folder is read-only, and gone before the last question.
        """
        trunk, fork = self.told(tmp_path, 25), self.build(tmp_path)
        snapshot, expected = saved(trunk, tmp_path), answers(trunk, 25)
        before = folder_digest(read_folder(snapshot))
        permit(snapshot, 0o444, 0o555)
        fork.load(snapshot)
        what = "a fork answers as its trunk did"
        expect_equal(answers(fork, 25), expected, what, FORKED)
        kept = folder_digest(read_folder(snapshot))
        expect_equal(kept, before, "the snapshot's folder, untouched", FORKED)
        permit(snapshot, 0o644, 0o755)
        shutil.rmtree(snapshot)
        why = "the folder is removed after `load`: read it whole, and keep nothing open"
        expect_equal(answers(fork, 25), expected, f"{what}, without its folder", why)
        expect_equal(digest(fork, tmp_path), before, "the fork's state after reading", FORKED)
        expect_equal(digest(trunk, tmp_path), before, "the trunk's state after reading", FORKED)
        expect_equal(answers(trunk, 25), expected, "the trunk answers as before", FORKED)

    def test_a_crash_loses_nothing_saved(self, tmp_path: Path) -> None:
        """A process that dies between record and save leaves the last save whole.

        Told again what was lost, the memory is as if nothing had happened.
        """
        kept = tmp_path / "kept"
        kept.mkdir()
        crashed = run(self.job(tmp_path, record=15, save=str(kept), lose=5), check=False)
        expect(crashed.returncode == 9, "a process that is ended", crashed.stderr[-400:], SAME)
        memory = self.build(tmp_path)
        memory.load(kept)
        why = "a run may be killed at any moment, and `seqswe resume` goes on from the last save"
        self.same_answers(memory, self.told(tmp_path, 15), 15, "the last save, whole", why)
        tell(memory, experiences(20))
        what = "as if it had never been interrupted, once it is told the rest"
        self.same_state(memory, self.told(tmp_path, 20), tmp_path, what, why)

    def test_budgets_are_kept(self, tmp_path: Path) -> None:
        """A recall's text stays within its budget, and says so when something was cut."""
        if not self.budget:
            return
        task, whole = experiences(0).task(60), 10_000_000
        told = self.told(tmp_path, 60, **{self.budget: whole})
        full, state = told.recall(task), saved(told, tmp_path)
        why = "reports count what budgets cut"
        expect(not full.truncated, "`truncated` is False where nothing was cut", True, why)
        for size in (0, 1, 37, 300):
            memory = self.build(tmp_path, **{self.budget: size})
            memory.load(state)
            recall = memory.recall(task)
            there = len(recall.text.encode())
            what = f"at most {self.budget}={size} UTF-8 bytes of Recall.text"
            bound = f'name the option that bounds it in `budget`, or set it to ""; {why}'
            expect(there <= size, what, f"{there} bytes", bound)
            cut = len(full.text.encode()) > size
            what = f"`truncated` is {cut} with {self.budget}={size}"
            expect(recall.truncated == cut, what, recall.truncated, why)

    def test_stored_bytes_are_bounded(self, tmp_path: Path) -> None:
        """The saved state stays within its bound, and survives it whole."""
        if not self.stored_budget:
            return
        free = digest(self.told(tmp_path, 60), tmp_path)
        whole = self.told(tmp_path, 60, **{self.stored_budget: 10_000_000})
        why = "a state of bounded size is what can be kept for thousands of tasks"
        what = "the same state with a bound that is not reached"
        expect_equal(digest(whole, tmp_path), free, what, why)
        for size in (2_000, 9_000):
            memory, copy = (self.build(tmp_path, **{self.stored_budget: size}) for _ in range(2))
            for experience in experiences(60):
                memory.record(experience)
                state = read_folder(saved(memory, tmp_path))
                held = sum(map(len, state.values()))
                what = f"at most {self.stored_budget}={size} bytes saved"
                expect(held <= size, what, f"{held} bytes", why)
            expect(state or not self.learns, "something is kept within the bound", "nothing", why)
            copy.load(saved(memory, tmp_path))
            self.same_answers(copy, memory, 60, "a bounded state survives save and load", LOADED)
            self.same_state(copy, memory, tmp_path, "a bounded state, saved again", LOADED)
            bounded = digest(memory, tmp_path)
            expect(bounded != free or not self.learns, "less than without a bound", "all", why)

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
        most = 3 * final + SNAPSHOT_BYTES * self.sequence
        held = snapshots.bytes_stored()
        why = "every task has a snapshot: save what is new at the end of a file, not all anew"
        expect(held <= most, f"at most {most:,} bytes of snapshots", f"{held:,} bytes", why)

    def test_origins_are_in_the_past(self, tmp_path: Path) -> None:
        """At each position of a sequence, everything recalled comes from an earlier one."""
        memory, told = self.build(tmp_path), set[str]()
        for experience in experiences(30):
            recall = memory.recall(experience.task)
            check_recall(recall)
            named = set(origins(recall, Declared.by(self.memory).origins))
            why = "an origin that it was never told ends the run: it would know the future"
            expect(named <= told, "origins among the tasks told so far", sorted(named - told), why)
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
            what = "the same recall of odd texts after save and load"
            expect_equal(copy.recall(experience.task), recall, what, LOADED)

    def test_works_in_another_thread(self, tmp_path: Path) -> None:
        """It may be used in another thread than the one that built it."""
        memory = self.build(tmp_path)
        with ThreadPoolExecutor(1) as pool:
            elsewhere = pool.submit(lambda: answers(tell(memory, experiences(5)), 5)).result()
        here = answers(self.told(tmp_path, 5), 5)
        why = "rollouts run side by side in threads"
        expect_equal(elsewhere, here, "the same answers from another thread", why)

    def test_many(self, tmp_path: Path) -> None:
        """It still works, exactly, after a long sequence."""
        memory, copy = self.told(tmp_path, self.many), self.build(tmp_path)
        copy.load(saved(memory, tmp_path))
        for task in (experiences(0).task(self.many + i) for i in range(10)):
            recall = memory.recall(task)
            expect(recall.items or not self.learns, f"items, after {self.many:,}", "none", LEARNS)
            what = f"the same recall after {self.many:,} experiences, save and load"
            expect_equal(copy.recall(task), recall, what, LOADED)

    def same_answers(self, one: Memory, other: Memory, count: int, what: str, why: str) -> None:
        """Whether two memories recall the same for the ten tasks after `count`."""
        expect_equal(answers(one, count), answers(other, count), what, why)

    def same_state(self, one: Memory, other: Memory, folder: Path, what: str, why: str) -> None:
        """Whether two memories save the same bytes."""
        came, expected = (dict(read_folder(saved(memory, folder))) for memory in (one, other))
        expect_equal(came, expected, what, why)

    def job(self, folder: Path, **what: Any) -> dict[str, Any]:
        """What another process is to do with a memory like this one."""
        home = mkdtemp(prefix="home-", dir=folder)
        options, url = dict(self.settings()), self.model_url
        return {"memory": self.memory, "options": options, "model_url": url, "home": home, **what}


def check_memory(
    memory: str,
    *,
    model_url: str = "",
    keeps_notes: bool = True,
    budget: str = "max_bytes",
    many: int = MemoryContract.many,
    **options: Any,
) -> None:
    """Run the whole contract without pytest. Raises AssertionError where it is broken.

    model_url, keeps_notes, budget and many: as those of `MemoryContract`; options: of the factory.
    """
    named: dict[str, Any] = {"memory": memory, "options": options, "model_url": model_url}
    named |= {"keeps_notes": keeps_notes, "budget": budget, "many": many}
    contract = type("Contract", (MemoryContract,), named)()
    for test in sorted(name for name in dir(contract) if name.startswith("test_")):
        with TemporaryDirectory() as folder:
            try:
                getattr(contract, test)(Path(folder))
            except AssertionError as error:
                raise AssertionError(f"{memory} fails {test}\n  {error}") from None
