"""After a reset, a memory recalls nothing, unless its class declares where else it reads."""

import pytest

from seqswe.memory import Recall, Recalled

HERE = f"{__name__}:"
NOTE = "look into the parser first"


class Unasked:
    """Recalls what nobody told it, of no rollout."""

    def __init__(self, home):
        pass

    def recall(self, task):
        return Recall(items=(Recalled(text=NOTE),))

    def record(self, experience):
        pass

    def save(self, directory):
        pass

    load = save


class OfNoInstance(Unasked):
    def recall(self, task):
        return Recall(items=(Recalled(text=NOTE, origins=("a wiki page",)),))


class ByHint(Unasked):
    def recall(self, task):
        return Recall(hint=NOTE)


class ByVariable(Unasked):
    def recall(self, task):
        return Recall(env={"NOTE": NOTE})


class ByClock(Unasked):
    """Declares services that hold no knowledge."""

    needs = ("clock", "rng")

    def __init__(self, home, *, services):
        pass


class Manual(Unasked):
    sources = ("manual",)

    def recall(self, task):
        return Recall(items=(Recalled(text=NOTE, origins=("manual:page 3",)),))


class FromGold(Unasked):
    uses = ("gold",)

    def __init__(self, home, *, services):
        pass

    def recall(self, task):
        return Recall(items=(Recalled(text=NOTE, origins=("gold:its fixes",)),))


@pytest.mark.parametrize("memory", [Unasked, OfNoInstance, ByHint, ByVariable, ByClock])
@pytest.mark.parametrize("arm", ["iid", "sequential"])
def test_a_memory_that_was_told_nothing_and_recalls_something_ends_the_run(run, memory, arm):
    ended = run(
        "--agent", "noop", "--memory", HERE + memory.__name__, "--jobs", "1", arms=(arm,), limit=2
    )
    assert ended.code == 3
    *_, said, hint = ended.err.splitlines()
    assert said.startswith("error: at position 0 the memory recalls ")
    assert hint.startswith("hint:  docs/rules.md says what it may recall; ")
    assert not ended.store.journal().rollouts


@pytest.mark.parametrize("memory", [Manual, FromGold])
def test_a_memory_that_declares_a_source_may(run, memory):
    ended = run("--agent", "noop", "--memory", HERE + memory.__name__, arms=("iid",), limit=2)
    assert ended.code == 0, ended.err
    assert [r.recalled for r in ended.store.journal().rollouts] == [1, 1]
