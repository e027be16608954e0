"""git, called the same way everywhere: none of the caller's variables, no user configuration, no
hooks, no prompts, and every name behind an end of options.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

# Without this, importing GitPython raises if git is missing, before a clear error can be given.
os.environ["GIT_PYTHON_REFRESH"] = "quiet"

from git import Git
from git.exc import GitCommandError, GitCommandNotFound

from seqswe.environ import without_git
from seqswe.errors import MissingError
from seqswe.patterns import COMMIT

del os.environ["GIT_PYTHON_REFRESH"]

# A candidate's repository or a user's ~/.gitconfig must not decide what these commands do.
CLEAN = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LANGUAGE": "C",
    "LC_ALL": "C.UTF-8",
}
SAME = (
    # Mirrors may belong to another user.
    ("safe.directory", "*"),
    ("core.quotePath", "false"),
    # Attributes of the user's own, which no variable turns off, can make any file binary.
    ("core.attributesFile", os.devnull),
    # Would start the program that a clone names.
    ("log.showSignature", "false"),
)
"""Settings of every command: they win over those of a clone."""
SAFE = (
    ("protocol.allow", "never"),
    *((f"protocol.{name}.allow", "always") for name in ("https", "http", "ssh", "git", "file")),
)
"""Ways of cloning: a URL may name a helper, and a helper may be any program."""


class GitError(Exception):
    """A git that ended with an exit code other than 0.

    status: its exit code, negative for a signal; stderr: what it said.
    """

    def __init__(self, command: str, status: int, stderr: str) -> None:
        super().__init__(command, status, stderr)
        self.command = command
        self.status = status
        self.stderr = stderr

    def __str__(self) -> str:
        return f"git {self.command} ended with {self.status}: {self.stderr.strip()[-500:]}"

    @property
    def reason(self) -> str:
        """The last line of what git said."""
        return (self.stderr.strip().splitlines() or ["git failed"])[-1]


class Clone:
    """A clone on the host: where history, patches and statements are read from."""

    def __init__(self, path: Path, env: Mapping[str, str] | None = None) -> None:
        self.path = path
        # Nothing that a partial clone lacks is fetched on the way: newer and older git refuse so.
        lazy = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
        self._env = {**lazy, **(env or {})}

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run git in the clone and return its output, exactly (undecodable bytes survive).

        Raises GitError.
        """
        return self.run_bytes(*arguments, stdin=stdin).decode("utf-8", "surrogateescape")

    def open(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a git process that stays open, fed and read through pipes; the caller ends it."""
        return subprocess.Popen(
            command_line(*arguments),
            cwd=self.path,
            env=environment(**self._env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def run_bytes(
        self, *arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None
    ) -> bytes:
        """Run as `run` does, without decoding. Raises MissingError if git is not installed."""
        return run_git(self.path, *arguments, stdin=stdin, env={**self._env, **(env or {})})

    @cached_property
    def objects(self) -> Path:
        """The folder of the clone's objects."""
        return (self.path / self.run("rev-parse", "--git-path", "objects").strip()).resolve()

    @cached_property
    def id_bytes(self) -> int:
        """How many bytes an object id has here: 20, or 32 in a SHA-256 repository."""
        return 32 if self.run("rev-parse", "--show-object-format").strip() == "sha256" else 20

    @cached_property
    def shallow(self) -> bool:
        """Whether the clone's history is cut off somewhere."""
        return self.run("rev-parse", "--is-shallow-repository").strip() == "true"

    def commit_id(self, name: str) -> str:
        """The full id of a commit, a branch or a tag; "" if there is no such commit."""
        try:
            given = ("--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
            return self.run("rev-parse", *given).strip()
        except GitError:
            return ""

    def date(self, commit: str) -> str:
        """When a commit was made, as ISO 8601 text with its zone."""
        return self.run("log", "-1", "--format=%cI", "--end-of-options", commit, "--").strip()

    def has(self, commit: str) -> bool:
        """Whether the clone holds this commit."""
        try:
            self.run("cat-file", "-e", "--end-of-options", f"{commit}^{{commit}}")
        except GitError:
            return False
        return True

    def show(self, commit: str, path: str) -> str | None:
        """Return a file's text at a commit, or None if it does not exist there."""
        try:
            return self.run("show", "--end-of-options", f"{commit}:{path}")
        except GitError:
            return None

    def lines(self, commit: str, text: str, path: str = "") -> list[str]:
        """Return lines that hold `text`, from a commit's file or from all that are not binary.

        Raises ValueError unless the commit is given by its full id.
        """
        if not COMMIT.fits(commit):  # git grep knows no --end-of-options before a revision
            raise ValueError(f"not the id of a commit: {commit[:80]!r}")
        grep = ("--literal-pathspecs", "grep", "-h", "-I", "-F", "-e")
        try:
            return self.run(*grep, text, commit, "--", *filter(None, [path])).split("\n")
        except GitError as error:
            if error.status != 1:  # 1: nothing found
                raise
            return []

    def first_parents(self, head: str, count: int = 0) -> list[str]:
        """Return first-parent commits up to `head`, oldest first; the last `count` (0: all)."""
        limit = (f"--max-count={count}",) if count else ()
        return self.run(
            "rev-list", "--first-parent", *limit, "--end-of-options", head, "--"
        ).split()[::-1]

    def reachable(self, commit: str) -> frozenset[str]:
        """Return the full ids of all commits that `commit` reaches, itself included."""
        return frozenset(self.run("rev-list", "--end-of-options", commit, "--").split())

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `newer` reaches `older`."""
        try:
            self.run("merge-base", "--is-ancestor", "--end-of-options", older, newer)
        except GitError as error:
            if error.status == 1:
                return False
            raise
        return True


def environment(**more: str) -> dict[str, str]:
    """The environment of every git."""
    return {**without_git(), **CLEAN, **more}


def command_line(*arguments: str, settings: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """A command of git as a list of words."""
    words = (word for name, value in (*SAME, *settings) for word in ("-c", f"{name}={value}"))
    return ["git", *words, *arguments]


def run_git(
    folder: Path,
    *arguments: str,
    stdin: str | bytes | None = None,
    env: Mapping[str, str] | None = None,
    settings: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """Run git in a folder and return its output.

    Raises GitError, and MissingError if git is not installed.
    """
    git, ours = Git(folder), {**CLEAN, **(env or {})}
    git.update_environment(**ours)
    feed = {} if stdin is None else {"istream": _pipe(stdin)}
    try:
        output = git.execute(
            [*_without_callers_variables(ours), *command_line(*arguments, settings=settings)],
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            **feed,  # type: ignore[call-overload]
        )
    except (GitCommandError, GitCommandNotFound) as error:
        if shutil.which("git") is None:
            hint = "Install it with your package manager."
            raise MissingError("git is not installed", hint) from None
        said = str(error.stderr).removeprefix("\n  stderr: '").removesuffix("'")
        status = error.status if isinstance(error.status, int) else -1
        raise GitError(arguments[0], status, said) from None
    return bytes(output)


def _without_callers_variables(ours: Mapping[str, str]) -> list[str]:
    """What starts git without its caller's variables, which GitPython would hand on."""
    names = sorted(os.environ.keys() - without_git().keys() - ours.keys())
    return ["env", *(word for name in names for word in ("-u", name))] if names else []


def _pipe(content: str | bytes) -> object:
    """Return a readable file for a child's standard input, already unlinked."""
    handle = tempfile.TemporaryFile()  # noqa: SIM115  (closed when the child is done with it)
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogateescape")
    handle.write(content)
    handle.seek(0)
    return handle


def settle(partial: Path, folder: Path) -> None:
    """Give a finished folder its name. If another process was faster, its folder stays."""
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(partial, ignore_errors=True)


def git_folder(path: Path, *, above: bool = False) -> Path | None:
    """Return the git folder of a clone or checkout, or None if there is none.

    above: whether the path may lie anywhere in a checkout.
    """
    if not path.is_dir():
        return None
    env = {} if above else {"GIT_CEILING_DIRECTORIES": str(path.resolve().parent)}
    try:
        found = Clone(path, env).run("rev-parse", "--absolute-git-dir").removesuffix("\n")
    except GitError:
        return None
    return Path(found)


def clone_bare(url: str, target: Path) -> None:
    """Clone into a folder that is complete or does not exist. Raises MissingError."""
    hint = "Point --mirror (SEQSWE_MIRRORS) at a folder of bare clones."
    if not url:
        raise MissingError(f"{target.name.replace('+', '/', 1)} has no URL to clone", hint)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        clone = ("clone", "--quiet", "--bare", "--", url, str(partial))
        run_git(partial.parent, *clone, settings=SAFE)
    except GitError as error:
        raise MissingError(f"cannot clone {url}: {error.reason}", hint) from None
    settle(partial, target)


def version() -> str:
    """The version of git. Raises MissingError if there is none."""
    return run_git(Path.cwd(), "--version").decode().removeprefix("git version ").strip()
