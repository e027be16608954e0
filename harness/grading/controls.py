"""Control tests: written into the test modules among their own tests, they must fail.

Code that makes tests pass, or writes the report itself, gives itself away by them. A control is an
ordinary test: it has the signature, marks and name of one that grades, and only its body differs.
No process that runs a candidate's code holds a list of them.
"""

from __future__ import annotations

import secrets
import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from seqswe.errors import RolloutError
from seqswe.sandbox import Sandbox

WORDS = (
    *("again", "alone", "basic", "default", "deep", "direct", "empty", "explicit", "first", "full"),
    *("given", "inner", "large", "last", "later", "many", "mixed", "more", "nested", "only"),
    *("order", "other", "outer", "plain", "quick", "same", "short", "simple", "single", "twice"),
)
"""What a control's name has beside that of another test."""
BODIES = (
    "value = {low}\n    assert value == {proof}",
    "assert list(range({low})) == [{proof}]",
    "result = str({low})\n    assert result == '{proof}'",
    "assert {{'value': {low}}} == {{'value': {proof}}}",
    "raise ValueError('{low} is not {proof}')",
    "assert not [{low}, {proof}], {low}",
)
# A wrapper has the signature of what it wraps, so the same fixtures and parameters.
SOURCE = """

def {name}(*arguments, **options):
    {body}

try:
    __import__("functools").update_wrapper(
        {name}, {like}, ("__name__", "__qualname__", "__doc__", "pytestmark", "patchings"), ()
    )
except (NameError, AttributeError):
    pass
"""
INTO_CLASS = """try:
    {scope}.{name} = {name}
except (NameError, AttributeError):
    pass
del {name}
"""
"""A method is given to its class at the end of the module, so that no line changes its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A test that must fail if any other test of its file and class passes."""

    file: str
    scope: str
    """The class, as `TestA` or `TestA.TestB`; empty for functions of the module."""
    name: str
    like: str
    """The test whose signature and marks it has."""
    proof: str
    """Digits that its failure shows, so that none can be made up."""

    @property
    def node_id(self) -> str:
        """Its id, as pytest writes it."""
        return "::".join([self.file, *filter(None, self.scope.split(".")), self.name])

    @property
    def source(self) -> str:
        """Python source for the end of the module."""
        body = secrets.choice(BODIES).format(low=secrets.randbelow(50), proof=self.proof)
        like = f"{self.scope}.{self.like}" if self.scope else self.like
        text = SOURCE.format(name=self.name, body=body, like=like)
        return text + (INTO_CLASS.format(name=self.name, scope=self.scope) if self.scope else "")


def controls_for(must_pass: Iterable[str], others: Iterable[str] = ()) -> tuple[Control, ...]:
    """Draw controls for the files and classes of some tests, by their ids.

    Every one of `must_pass` has one; so has a file that only `others` has. Which test a control is
    like is always the same, so that what pytest prints is.
    """
    scopes = _by_scope(must_pass)
    files = {file for file, _ in scopes}
    for (file, scope), names in _by_scope(others).items():
        if file not in files:
            files.add(file)
            scopes[file, scope] = names
    taken = {name for names in scopes.values() for name in names}
    controls = []
    for (file, scope), names in scopes.items():
        # One without parameters runs once.
        like = min(names, key=lambda name: (names[name], name))
        name, proof = _name(like, taken), str(10**8 + secrets.randbelow(9 * 10**8))
        controls.append(Control(file=file, scope=scope, name=name, like=like, proof=proof))
    return tuple(controls)


def plant(sandbox: Sandbox, controls: Iterable[Control]) -> None:
    """Write controls to the end of their modules. A module that is not there has no tests to check.

    Raises RolloutError("grader_failed") if that fails.
    """
    done = sandbox.run(plant_script(controls))
    if not done.ok:
        raise RolloutError("grader_failed", f"no control can be written: {done.stderr[-200:]!r}")


def plant_script(controls: Iterable[Control]) -> str:
    """Shell commands that write controls to the end of their modules, where those are there."""
    by_file: dict[str, str] = {}
    for control in controls:
        by_file[control.file] = by_file.get(control.file, "") + control.source
    return "set -e\n" + "".join(
        f"if [ -f {(file := shlex.quote(name))} ]; then cat >> {file} <<'CONTROL'\n"
        f"\n{text}CONTROL\nfi\n"
        for name, text in by_file.items()
    )


def _by_scope(tests: Iterable[str]) -> dict[tuple[str, str], Counter[str]]:
    """Names of test functions, and of how many tests each is, by file and class."""
    scopes: dict[tuple[str, str], Counter[str]] = {}
    for test in tests:
        file, _, rest = test.partition("::")
        *classes, name = rest.partition("[")[0].split("::")
        if all(part.isidentifier() for part in (*classes, name)):
            scopes.setdefault((file, ".".join(classes)), Counter())[name] += 1
    return scopes


def _name(like: str, taken: set[str]) -> str:
    """Draw a name that begins and ends as another one, since a project may collect by either."""
    while True:
        first, second = secrets.choice(WORDS), secrets.choice(WORDS)
        start, underscore, rest = like.partition("_")
        longer = f"{start}_{first}_{second}_{rest}"
        name = longer if underscore else like + first.title() + second.title()
        if name not in taken:
            taken.add(name)
            return name
