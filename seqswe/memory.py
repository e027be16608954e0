"""The memory protocol: what an agent keeps from one task to the next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Protocol, cast, runtime_checkable

from seqswe import plugins
from seqswe.errors import SeqSWEError, UsageError
from seqswe.instance import Instance, Task
from seqswe.models.protocol import Embed, Model

OWN_FILES = "own_files"
"""Under this name an attempt's notes hold the files of the agent's own memory, path below HOME →
text, for the memory `native`. It recalls each as an item with its `path` among the notes."""
TOLD = "told.md"
"""Path among the files of `native` of what the feedback policy told of the last task."""
OWN_MEMORY = "SEQSWE_OWN_MEMORY"
"""Variable of every command where the agent's own memory is the one that is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """One thing remembered, and the earlier rollouts it came from."""

    text: str
    score: float = 0.0
    origins: tuple[str, ...] = ()
    """Where this is from, at least one: ids of the rollouts it was learned from, which the memory
    must have been told of, or `SOURCE:NAME` of a source that its class declares (see `Declared`),
    such as `history:SHA`. Anything else ends the run."""
    files: tuple[str, ...] = ()
    """Files that the earlier solution touched, if the feedback policy let them be known."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What the agent of that rollout left for its successors (JSON), handed back untouched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """What a memory offers for a task, best first."""

    items: tuple[Recalled, ...] = ()
    truncated: bool = False
    """Whether a budget cut something that would have been recalled."""
    hint: str = ""
    """How to reach the items, for the agent's prompt, if the harness delivers them elsewhere."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Where the items lie then: variables that every command in the sandbox has as well."""

    @property
    def text(self) -> str:
        """The hint, if any, and the items as one text, for agents that read prose."""
        texts = [item.text for item in self.items]
        return "\n\n".join([self.hint, *texts] if self.hint else texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """What a memory is told after a rollout: only what the feedback policy allows.

    Fields that the policy withholds are None, so a backend cannot use by accident what it
    must not know. `verdict` fills `resolved`; `tests` adds `test_output`; `gold` adds the
    merged fix, which in real life becomes visible once the task is over.
    """

    task: Task
    patch: str = ""
    """The agent's own patch."""
    ranking: tuple[str, ...] = ()
    """Files the agent thought relevant, best first."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    steps: str = ""
    """What the agent did and saw, by every policy: see `trajectory.compact` for its form."""
    resolved: bool | None = None
    test_output: str | None = None
    gold_patch: str | None = None
    gold_files: tuple[str, ...] | None = None
    edited_files: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The files this rollout taught: the fix's where known, else those the agent edited."""
        return self.gold_files if self.gold_files is not None else self.edited_files


@runtime_checkable
class Memory(Protocol):
    """What an agent keeps from one task to the next.

    Built as `Factory(home, **options)`: `home` is an empty folder of its own. All state must
    survive `save` into an empty folder and `load` from it; `recall` must not change state.
    """

    def recall(self, task: Task) -> Recall:
        """Find what helps with this task; nothing is written."""
        ...

    def record(self, experience: Experience) -> None:
        """Learn from one finished rollout; recording the same rollout again changes nothing."""
        ...

    def save(self, directory: Path) -> None:
        """Write the whole state into an empty folder, the same bytes for the same state."""
        ...

    def load(self, directory: Path) -> None:
        """Replace the whole state by one that `save` wrote."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit of a codebase's past, as its log shows it."""

    sha: str
    created_at: datetime
    message: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a memory may be given beyond its experiences, if its class says so.

    A class (or function) with `needs = ("history",)` is built with `services=`, which holds the
    services that it named and no others; `uses` names some that it can do without. Most memories
    need none. One that needs `gold` could not be deployed, and reports say so. What a memory reads
    beside these and its experiences, its class names in `sources`: else it recalls nothing before
    it is told something.
    """

    history: Callable[[Task], Iterable[Commit]] | None = None
    """The log of what a task's base commit reaches, newest first, and nothing later."""
    gold: Callable[[str], Instance] | None = None
    """The instance behind an id, gold fields and all."""
    model: Model | None = None
    """A chat model, metered and with a budget for each task."""
    embed: Embed | None = None
    """An embedding model, metered likewise."""
    clock: Callable[[], datetime] | None = None
    """When the task at hand was asked: the time of the stream, never that of the day."""
    rng: Callable[[], Random] | None = None
    """A generator seeded by the run's seed and the task, the same at every call."""


CONTENT = ("history", "gold", "model")
"""Services from which a memory may have something to recall that no rollout taught it."""
NEEDS: Mapping[str, str] = {
    "model": "a model",
    "embed": "an embedding model",
    "history": "the codebase's history",
    "gold": "gold data",
}
"""Services in plain words."""
FLAGS: Mapping[str, str] = {"model": "--memory-model", "embed": "--embedding"}
HINTS: Mapping[str, str] = {
    "model": "Give --memory-model NAME and --memory-model-url URL (of an OpenAI-compatible API).",
    "embed": "Give --embedding NAME and --embedding-url (or --memory-model-url) URL.",
}


def build_memory(
    name: str, home: Path, services: Services | None = None, /, **options: Any
) -> Memory:
    """Build a memory by entry-point name or `module:attribute`, with the services it needs.

    Raises UnknownName, MissingError, or UsageError for a wrong option or a service that is not
    there.
    """
    available = services or Services()
    needed = needs(name)
    for need in needed:
        if getattr(available, need, None) is None:
            raise UsageError(
                f"memory {name!r} needs {NEEDS.get(need, need)}, and none is configured",
                HINTS.get(need, "Choose another memory, or run it where the harness has that."),
            )
    named = {*needed, *uses(name)}
    chosen = Services(**{service: getattr(available, service) for service in named})
    extra = {"services": chosen} if named else {}
    return cast(Memory, plugins.build("memory", name, home, **extra, **options))


def needs(name: str) -> tuple[str, ...]:
    """The services that a memory asks for, by entry-point name or `module:attribute`."""
    return tuple(getattr(plugins.resolve("memory", name), "needs", ()))


def uses(name: str) -> tuple[str, ...]:
    """The services that a memory uses if they are available, and can do without."""
    return tuple(getattr(plugins.resolve("memory", name), "uses", ()))


def row_name(name: str) -> str:
    """What tables call a memory: the class's `row`, such as `mem0 (raw)`, or else its name.

    Only what is installed is asked: a report runs no file of anybody's.
    """
    if ":" not in name:
        with suppress(SeqSWEError):  # it may be gone since the run
            return str(getattr(plugins.resolve("memory", name), "row", name))
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a memory's class says of itself."""

    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    uses_if: Mapping[str, str] = field(default_factory=dict)
    """The option (`key=value`) that each of some services depends on."""
    sources: tuple[str, ...] = ()
    """What else it reads, in words."""

    @classmethod
    def by(cls, name: str) -> Declared:
        """That of a memory by entry-point name or `module:attribute`, which is imported here."""
        factory = plugins.resolve("memory", name)
        return cls(
            needs=needs(name),
            uses=uses(name),
            uses_if=dict(getattr(factory, "uses_if", {})),
            sources=tuple(getattr(factory, "sources", ())),
        )

    def asked(self, options: Collection[str]) -> frozenset[str]:
        """The services that it asks with these options."""
        optional = (s for s in self.uses if self.uses_if.get(s) in (None, *options))
        return frozenset({*self.needs, *optional})

    @property
    def origins(self) -> frozenset[str]:
        """What it may recall from beside the rollouts that it was told of.

        The services of CONTENT that it names, and its `sources`. An item from there has the origin
        `SOURCE:NAME`.
        """
        return frozenset({*self.sources, *(s for s in (*self.needs, *self.uses) if s in CONTENT)})


def check_models(
    name: str, declared: Declared, options: Collection[str], given: Mapping[str, str]
) -> None:
    """Raise UsageError for a model that was given to a memory that never asks it.

    given: what was given as `model` and as `embed`, "" for nothing.
    """
    for service, model in given.items():
        if not model or service in declared.asked(options):
            continue
        flag = FLAGS[service]
        option = declared.uses_if.get(service)
        instead = f"Add --memory-option {option}" if option else f"Leave {flag} out"
        raise UsageError(
            f"memory {name!r} does not ask {NEEDS[service]}, so {flag} would change nothing",
            f"{instead}; `seqswe list memories` shows what each memory needs.",
        )
