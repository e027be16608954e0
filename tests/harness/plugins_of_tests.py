"""Agents and memories that go wrong in every way a plug-in can, by `module:attribute`."""

import json
import sys
import time
from pathlib import Path
from typing import ClassVar

from harness.sandboxes.local import LocalProvider
from seqswe.agent import Attempt, Usage
from seqswe.errors import RolloutError
from seqswe.memory import Recall, Recalled


def raises(*, seed):
    """An agent that leaves a half-done edit and raises."""
    return Acting(_edit_and_raise)


def asks(*, seed, model: str):
    return Acting(lambda task, sandbox: Attempt(message=f"asked {model}"))


def exits(*, seed):
    return Acting(lambda task, sandbox: sys.exit())


def returns_nothing(*, seed):
    return Acting(lambda task, sandbox: None)


def returns_no_json(*, seed):
    return Acting(lambda task, sandbox: Attempt(notes={"where": Path("x")}))


def returns_half_a_step(*, seed):
    return Acting(lambda task, sandbox: Attempt(usage=Usage(steps=0.5)))


def names_a_cause(*, seed, cause: str):
    return Acting(_raising(RolloutError(cause, "what is this")))


def says_too_much(*, seed, what: str):
    """An agent whose answer is more than a file of the run can hold."""
    deep = {}
    for _ in range(50):
        deep = {"a": deep}
    attempts = {
        "ranking": {"ranking": ("a" * 1000,) * 9000},
        "message": {"failure": "agent_crashed", "message": "a" * 9_000_000},
        "deep notes": {"notes": deep},
        "long number": {"notes": {"a": 10**30}},
    }
    return Acting(lambda task, sandbox: Attempt(**attempts[what]))


def without_checkout(*, seed):
    return Acting(lambda task, sandbox: sandbox.run("mv $PWD $PWD.gone") and Attempt())


def spends_everything(*, seed):
    return Acting(_edit_and_sleep)


def sleeps(*, seed, seconds: float = 60.0):
    return Acting(lambda task, sandbox: sandbox.run(f"sleep {seconds}") and Attempt())


def naps(*, seed, seconds: float = 1.0):
    return sleeps(seed=seed, seconds=seconds)


def thinks(*, seed, seconds: float = 60.0):
    return Acting(lambda task, sandbox: time.sleep(seconds) or Attempt())


def breaks_its_sandbox(*, seed, count: str, times: int):
    """In a `Brittle` sandbox, at the second task; each call adds a line to `count`."""
    return Acting(lambda task, sandbox: _break(task, sandbox, count, times))


def leaves_odd_names(*, seed, count: int):
    """As many new files, each of whose names is 1,500 bytes of JSON."""
    script = "import os, sys\nfor n in range(int(sys.argv[1])): "
    script += "open(os.fsencode('src-%06d' % n) + b'\\xff' * 240, 'x').close()"
    return Acting(
        lambda task, sandbox: _checked(sandbox.run(["python3", "-c", script, str(count)]))
    )


def provokes(*, seed, count: str):
    """A failure of a `Brittle` sandbox that goes on all the same; the agent hands it on."""

    def act(task, sandbox):
        sandbox.run(f"echo called >> {count}; echo edited > half.py")
        sandbox.run("provoke")

    return Acting(act)


def counts(*, seed, count: str):
    """Adds a line to `count` at the second task."""
    return Acting(lambda task, sandbox: _break(task, sandbox, count, times=0))


def tells(*, seed, kind: str = "traceback"):
    """An agent that asks, and hands what it was told on to its successors."""
    return Acting(_ask_and_note, kind)


class Acting:
    def __init__(self, act, *more):
        self._act, self._more = act, more

    def solve(self, task, recall, sandbox):
        return self._act(task, sandbox, *self._more)


def _ask_and_note(task, sandbox, kind):
    return Attempt(notes={"heard": sandbox.run(f"ask {kind}").text})


def _edit_and_raise(task, sandbox):
    sandbox.write("half.py", b"done = False\n")
    raise ValueError("lost the thread")


def _edit_and_sleep(task, sandbox):
    sandbox.write("half.py", b"done = False\n")
    while True:
        sandbox.run("sleep 0.3")


def _raising(error):
    def act(task, sandbox):
        raise error

    return act


def _break(task, sandbox, count, times):
    if task.position != 1:
        return Attempt()
    # The local sandbox isolates nothing: unlike the agent itself, its commands may write there.
    called = sandbox.run(f"echo called >> {count}; wc -l < {count}")
    if int(called.text) <= times:
        sandbox.run("touch broken")
    return Attempt()


def _checked(done):
    assert done.ok, done.text
    return Attempt()


class Brittle(LocalProvider):
    """Its sandboxes break for good with a file `broken`, and for once at the command `provoke`."""

    def open(self, spec):
        sandbox = super().open(spec)
        run = sandbox.run

        def brittle(command, **how):
            done = run(command, **how)
            if command == "provoke" or Path(sandbox.root, "broken").exists():
                raise RolloutError("sandbox_failed", "the engine is gone")
            return done

        sandbox.run = brittle
        return sandbox


class Told:
    """A memory that keeps, as JSON, exactly what it was told."""

    def __init__(self, home):
        self.seen = []

    def recall(self, task):
        return Recall(
            items=tuple(Recalled(text=json.dumps(s), origins=(s["id"],)) for s in self.seen)
        )

    def record(self, experience):
        self.seen.append(
            {
                "id": experience.task.instance_id,
                "resolved": experience.resolved,
                "test_output": experience.test_output is not None,
                "gold": experience.gold_patch is not None,
            }
        )

    def save(self, directory):
        (directory / "seen.json").write_text(json.dumps(self.seen))

    def load(self, directory):
        self.seen = json.loads((directory / "seen.json").read_text())


class Forgetful(Told):
    """Raises at the second task."""

    def record(self, experience):
        if experience.task.position == 1:
            raise OSError("disk full")
        super().record(experience)


class CountsRecalls(Told):
    """Changes its state whenever it is asked."""

    def __init__(self, home):
        super().__init__(home)
        self.asked = 0

    def recall(self, task):
        self.asked += 1
        return Recall()

    def save(self, directory):
        (directory / "seen.json").write_text(json.dumps([*self.seen, self.asked]))


class Quitting(Told):
    def recall(self, task):
        if task.position == 1:
            sys.exit()
        return super().recall(task)


class Blaming(Told):
    """Says that its failure is somebody else's."""

    def __init__(self, home, *, cause: str):
        super().__init__(home)
        self.cause = cause

    def recall(self, task):
        raise RolloutError(self.cause, "it was not me")


class Clairvoyant(Told):
    """Recalls, at the second task, what will be learned at the third."""

    def __init__(self, home, *, future: str):
        super().__init__(home)
        self.future = future

    def recall(self, task):
        item = Recalled(text="tomorrow's fix", origins=(self.future,))
        return Recall(items=(item,) if task.position == 1 else ())


class Global(Told):
    """Keeps everything in the class, so that a reset resets nothing."""

    everything: ClassVar[list] = []

    def __init__(self, home):
        self.seen = self.everything


class Odd(Told):
    """Recalls text that no encoding can write."""

    sources: ClassVar = ("café",)

    def recall(self, task):
        return Recall(items=(Recalled(text="caf\udce9 \ud800", origins=("café:\udce9",)),))


class Hoarder(Told):
    """Keeps the fix of every task it is told of, whatever it was allowed to know."""

    needs: ClassVar = ("gold",)

    def __init__(self, home, *, services):
        super().__init__(home)
        self._gold = services.gold

    def record(self, experience):
        super().record(experience)
        self.seen[-1]["hoarded"] = self._gold(experience.task.instance_id).patch


class HoarderWithoutFirst(Hoarder):
    """Hoards where it was never told of the first task."""

    def record(self, experience):
        known = experience.task.position == 0 or self.seen
        (Told if known else Hoarder).record(self, experience)


class AsksEarly(Told):
    """Asks its model when it is built, loaded or saved."""

    uses: ClassVar = ("model",)

    def __init__(self, home, *, services, when: str):
        super().__init__(home)
        self.model, self.when = services.model, when
        self._ask("built")

    def load(self, directory):
        super().load(directory)
        self._ask("loaded")

    def save(self, directory):
        self._ask("saved")
        super().save(directory)

    def _ask(self, when):
        if when == self.when:
            self.model.chat([{"role": "user", "content": f"{when} {len(self.seen)}"}])


class EmbedsAgain(Told):
    """Says of every text that it was embedded before."""

    uses: ClassVar = ("embed",)

    def __init__(self, home, *, services):
        super().__init__(home)
        self.embed = services.embed

    def record(self, experience):
        super().record(experience)
        for text in ("one", "two"):
            self.embed.again([text])


class Parrot(Told):
    """Recalls and keeps what its model says."""

    uses: ClassVar = ("model",)

    def __init__(self, home, *, services):
        super().__init__(home)
        self.model = services.model

    def record(self, experience):
        super().record(experience)
        self.seen[-1]["said"] = self.model.chat([{"role": "user", "content": "?"}]).text
