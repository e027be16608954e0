"""The contract kits catch what they are there to catch."""

import subprocess
from dataclasses import replace
from itertools import count

import pytest

from seqswe.agent import Attempt, Usage
from seqswe.memory import Recall, Recalled
from seqswe.sandbox import Completed
from seqswe.testing import check_agent, check_memory, experiences
from seqswe.testing.asking import check_recall

NUMBERS = count()


class Folder:
    """A sandbox that is a folder with a git history of one commit."""

    def __init__(self, root):
        self.root = root / str(next(NUMBERS))
        self.root.mkdir()
        (self.root / "a.py").write_text("1\n")
        identity = "-c user.name=x -c user.email=x@example.com"
        self.run(f"git init -q . && git add . && git {identity} commit -qm x")

    def run(self, command, *, timeout=None, env=None, stdin=None):
        done = subprocess.run(command, shell=True, cwd=self.root, capture_output=True)
        return Completed(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def write(self, path, data):
        (self.root / path).write_bytes(data)

    def close(self):
        pass


class Editor:
    """Writes what it was built to write, and answers what it was built to answer."""

    def __init__(self, *, seed, text="2\n", notes="kept", ranking=("a.py",), steps=1):
        self.text, self.seed = text, seed
        self.attempt = Attempt(
            ranking=tuple(ranking), notes={"note": notes}, usage=Usage(steps=steps)
        )

    def solve(self, task, recall, sandbox):
        text = str(next(NUMBERS)) if self.text == "another each time" else self.text
        sandbox.write("a.py", text.encode())
        return self.attempt


def test_an_agent_that_keeps_the_contract(tmp_path):
    check_agent(f"{__name__}:Editor", lambda: Folder(tmp_path))


@pytest.mark.parametrize(
    "broken",
    [
        {"text": "another each time"},
        {"ranking": ("a.py", "a.py")},
        {"steps": -1},
        {"steps": float("nan")},
    ],
)
def test_an_agent_that_does_not(tmp_path, broken):
    with pytest.raises(AssertionError):
        check_agent(f"{__name__}:Editor", lambda: Folder(tmp_path), **broken)


def test_experiences_are_the_same_every_time():
    assert list(experiences(50)) == list(experiences(50))
    assert len({e.task.instance_id for e in experiences(10_000)}) == 10_000
    dates = [e.task.created_at for e in experiences(100)]
    assert dates == sorted(dates)


def test_a_log_ends_before_its_task():
    story = experiences(10)
    log = list(story.services().history(story.task(4)))
    assert len(log) == 4
    assert log[0].sha == story.task(4).base_commit
    assert all(commit.created_at < story.task(4).created_at for commit in log)


class Dict:
    """A correct memory, to be broken in one way each."""

    def __init__(self, home, **options):
        from memory_backends.retrieval.episodic import Episodic

        self.inner = Episodic(home, k=5, **options)

    def recall(self, task):
        return self.inner.recall(task)

    def record(self, experience):
        self.inner.record(experience)

    def save(self, directory):
        self.inner.save(directory)

    def load(self, directory):
        self.inner.load(directory)


class RecallWrites(Dict):
    def recall(self, task):
        found = self.inner.recall(task)
        self.inner.record(replace(experiences(1).at(0), task=task))
        return found


class RecordsTwice(Dict):
    def record(self, experience):
        self.inner._known.clear()
        self.inner.record(experience)


class KeepsTheLater(Dict):
    def load(self, directory):
        if not self.inner.records:
            self.inner.load(directory)


class InventsOrigins(Dict):
    def recall(self, task):
        found = self.inner.recall(task).items
        return Recall(items=tuple(replace(item, origins=("unheard-of",)) for item in found))


class WorstFirst(Dict):
    def recall(self, task):
        return Recall(items=self.inner.recall(task).items[::-1])


@pytest.mark.parametrize(
    "memory", [RecallWrites, RecordsTwice, KeepsTheLater, InventsOrigins, WorstFirst]
)
def test_a_memory_that_breaks_the_contract(memory):
    with pytest.raises(AssertionError):
        check_memory(f"{__name__}:{memory.__name__}")


def test_negative_votes_are_refused():
    with pytest.raises(AssertionError, match="positive"):
        check_recall(Recall(items=(Recalled(text="", score=-1, files=("a.py",)),)))
