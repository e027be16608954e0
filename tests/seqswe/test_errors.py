"""Errors cross the pipe between processes whole."""

import importlib
import inspect
import pickle
import pkgutil

import pytest

import harness
import memory_backends
import seqswe
from seqswe.errors import RolloutError, UnknownName


def _modules():
    for package in (seqswe, harness, memory_backends):
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            # Programs that run in a sandbox: some do their work when they are imported. Doors to
            # frameworks: those are not installed here.
            if not {"inside", "adapters", "__main__"} & set(found.name.split(".")):
                yield importlib.import_module(found.name)


ERRORS = sorted(
    {
        value
        for module in _modules()
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, BaseException)
        and value.__module__ == module.__name__
    },
    key=lambda kind: f"{kind.__module__}.{kind.__name__}",
)
VALUES = {"hint": "do this", "cause": "memory_failed", "known": ["episodic"], "hung": True}
"""By the name of a parameter; any other is a text."""


def _example(kind):
    if not inspect.isfunction(kind.__init__):  # that of Exception
        return kind("message")
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    wanted = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    values = [{"described": {"error": "E", "message": "m"}, **VALUES}.get(p.name, p.name)
              for p in wanted]  # fmt: skip
    return kind(*values)


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_survives_pickling(kind):
    error = _example(kind)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))


def test_an_error_keeps_cause_and_hint():
    error = RolloutError("provider_failed", "HTTP 529", "wait")
    again = pickle.loads(pickle.dumps(error))
    assert (again.cause, again.message, again.hint) == ("provider_failed", "HTTP 529", "wait")
    unknown = UnknownName("memory", "episodik", ["episodic"])
    assert pickle.loads(pickle.dumps(unknown)).hint == unknown.hint
