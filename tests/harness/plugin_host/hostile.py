"""Memories and agents that do harm to the process they live in, one kind each."""

import ctypes
import gc
import os
import signal
import sys
import time
from pathlib import Path

from seqswe.agent import Attempt
from seqswe.instance import Instance
from seqswe.memory import Recall, Recalled


class Unexpected(BaseException):
    """No Exception, so that `except Exception` lets it pass."""


def interrupt():
    raise KeyboardInterrupt


def raise_unexpected():
    raise Unexpected("from the plug-in")


def crash():
    ctypes.string_at(0)


def hang():
    while True:
        time.sleep(0.1)


def spin():
    while True:
        pass


def close_everything():
    os.closerange(3, 1024)
    hang()


def recurse():
    return recurse()


def _say(message):
    """Answer the harness by its own pipe, past the code that usually does."""
    (worker,) = (o for o in gc.get_objects() if type(o).__name__ == "Worker")
    worker._connection.answer(message)
    hang()


HARM = {
    "os._exit": lambda: os._exit(0),
    "sys.exit": lambda: sys.exit(0),
    "KeyboardInterrupt": interrupt,
    "BaseException": raise_unexpected,
    "segmentation fault": crash,
    "SIGTERM": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "hang": hang,
    "spin": spin,
    "ignores signals and hangs": lambda: [signal.signal(signal.SIGTERM, signal.SIG_IGN), hang()],
    "closes every file": close_everything,
    "endless recursion": recurse,
    "kills its parent": lambda: os.kill(os.getppid(), signal.SIGKILL),
    "a signal without a name": lambda: os.kill(os.getpid(), signal.SIGRTMIN + 6),
    "asks in no words": lambda: _say({"ask": [], "with": {}}),
    "asks with nothing": lambda: _say({"ask": "run"}),
    "blames the run": lambda: _say({"error": "E", "message": "m", "cause": "run_out_of_budget"}),
    "blames nobody": lambda: _say({"error": "E", "message": "m", "cause": "moonshine"}),
    "has much to say": lambda: _say(
        {"error": "E", "message": "m" * 9_000_000, "cause": "agent_out_of_budget"}
    ),
}
"""What ends or stops a process, by name."""
MEGABYTES = 60
PASSING = Recall()


def _own(method):
    """Do harm in this method of a memory, if that is what the options ask for."""

    def act(self, *arguments):
        if self.where == method:
            return HARM[self.harm]()
        return PASSING if method == "recall" else None

    return act


class HarmfulMemory:
    """Does `harm` in the method `where` (or `build`)."""

    def __init__(self, home, *, harm: str, where: str):
        self.harm, self.where = harm, where
        if where == "build" and home.parent.name != "":
            HARM[harm]()

    recall, record, save, load = (_own(name) for name in ("recall", "record", "save", "load"))


class HarmfulAgent:
    """Leaves an edit and then does `harm`."""

    def __init__(self, *, seed, harm: str):
        self.harm = harm

    def solve(self, task, recall, sandbox):
        sandbox.write("half.py", b"done = False\n")
        return HARM[self.harm]()


RECALLS = {
    "huge": lambda: Recall(items=(Recalled(text="x" * MEGABYTES * 1_000_000),)),
    "many": lambda: Recall(items=(Recalled(text="x" * 1000),) * MEGABYTES * 1000),
    "NaN": lambda: Recall(items=(Recalled(text="x", score=float("nan")),)),
    "infinite": lambda: Recall(items=(Recalled(text="x", score=float("inf")),)),
    "None": lambda: None,
    "text is bytes": lambda: Recall(items=(Recalled(text=b"x"),)),
    "score is text": lambda: Recall(items=(Recalled(text="x", score="1"),)),
    "notes are no JSON": lambda: Recall(items=(Recalled(text="x", notes={"a": object()}),)),
    "nested too deeply": lambda: Recall(items=(Recalled(text="x", notes={"a": deep()}),)),
    "nested deeply": lambda: Recall(items=(Recalled(text="x", notes={"a": deep(500)}),)),
    "no items": lambda: Recall(items=(None,)),
    "too many origins": lambda: Recall(
        items=(Recalled(text="x", origins=("the tests:" + "x" * 1000,) * 9000),)
    ),
}
"""Recalls that nobody can use."""


def deep(levels=100_000):
    """A list in a list, and so on: by default further than anything recurses."""
    nested = []
    for _ in range(levels):
        nested = [nested]
    return nested


class OddMemory:
    """Recalls what `what` says."""

    sources = ("the tests",)

    def __init__(self, home, *, what: str):
        self.what = what

    def recall(self, task):
        return RECALLS[self.what]()

    def record(self, experience):
        pass

    def save(self, directory):
        pass

    load = save


class LinkingMemory(OddMemory):
    """Saves a link to a file of the user's, or what is no file at all."""

    def __init__(self, home, *, what: str, target: str):
        super().__init__(home, what="huge")
        self.saved, self.target = what, target

    def recall(self, task):
        return PASSING

    def save(self, directory):
        place = Path(directory) / "state"
        if self.saved == "link":
            place.symlink_to(self.target)
        elif self.saved == "folder link":
            place.symlink_to(Path(self.target).parent)
        else:
            os.mkfifo(place)


class Writer:
    """An agent that overwrites, removes and replaces what it finds at `target`, a folder."""

    def __init__(self, *, seed, target: str):
        self.target = Path(target)

    def solve(self, task, recall, sandbox):
        done = []
        for path in (self.target / "rollouts.jsonl", self.target / "run.toml"):
            for harm in (
                lambda path: path.write_text("{}"),
                lambda path: path.open("a").write("x"),
                lambda path: path.unlink(),
                lambda path: path.rename(path.with_suffix(".gone")),
                lambda path: os.truncate(path, 0),
                lambda path: path.with_name("new").write_text("x"),
                lambda path: os.link(path, Path.home() / "linked"),
            ):
                try:
                    harm(path)
                    done.append(str(path))
                except OSError:
                    pass
        return Attempt(ranking=tuple(dict.fromkeys(done)))


class Reader:
    """An agent that looks for gold data in its process and in the files around it."""

    def __init__(self, *, seed, target: str):
        self.target = Path(target)

    def solve(self, task, recall, sandbox):
        found = [f"object {o.instance_id}" for o in gc.get_objects() if isinstance(o, Instance)]
        for name in ("rollouts.jsonl", "run.toml"):
            try:
                (self.target / name).read_text()
                found.append(f"file {name}")
            except OSError:
                pass
        found += [f"variable {name}" for name in os.environ if name.endswith("_KEY")]
        return Attempt(ranking=tuple(found))


class ReadsGold(Reader):
    """As above, but it declares what it reads."""

    reads_gold = True

    def __init__(self, *, seed, gold, target: str = "/nowhere"):
        super().__init__(seed=seed, target=target)
        self.gold = gold

    def solve(self, task, recall, sandbox):
        return Attempt(ranking=self.gold(task.instance_id).gold_files)
