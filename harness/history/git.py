"""git, called the same way everywhere: no user configuration, no hooks, no prompts."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

# Without this, importing GitPython raises if git is missing, before a clear error can be given.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from git import Git
from git.exc import GitCommandError, GitCommandNotFound

from seqswe.errors import MissingError

# A candidate's repository or a user's ~/.gitconfig must not decide what these commands do.
CLEAN = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C.UTF-8",
}
SAFE = (
    "-c",
    "safe.directory=*",
    "-c",
    "protocol.allow=never",
    *(
        word
        for name in ("https", "http", "ssh", "git", "file")
        for word in ("-c", f"protocol.{name}.allow=always")
    ),
)
"""Ways of cloning: a URL may name a helper, and a helper may be any program."""


class Clone:
    """A clone on the host: where history, patches and statements are read from."""

    def __init__(self, path: Path, env: Mapping[str, str] | None = None) -> None:
        self.path = path
        # Nothing that a partial clone lacks is fetched on the way: newer and older git refuse so.
        lazy = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
        self._env = {**CLEAN, **lazy, **(env or {})}

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run git in the clone and return its output, exactly (undecodable bytes survive).

        Raises GitCommandError.
        """
        return self.run_bytes(*arguments, stdin=stdin).decode("utf-8", "surrogateescape")

    def open(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a git process that stays open, fed and read through pipes; the caller ends it."""
        return subprocess.Popen(
            self._command(*arguments),
            cwd=self.path,
            env={**os.environ, **self._env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        """A command of git as a list of words."""
        # safe.directory: mirrors may belong to another user.
        return ["git", "-c", "safe.directory=*", "-c", "core.quotePath=false", *arguments]

    def run_bytes(
        self, *arguments: str, stdin: str | None = None, env: Mapping[str, str] | None = None
    ) -> bytes:
        """Run as `run` does, without decoding. Raises MissingError if git is not installed."""
        git = Git(self.path)
        git.update_environment(**self._env, **(env or {}))
        feed = {} if stdin is None else {"istream": _pipe(stdin)}
        try:
            output = git.execute(
                self._command(*arguments),
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                **feed,  # type: ignore[call-overload]
            )
        except GitCommandNotFound:
            raise MissingError(
                "git is not installed", "Install it with your package manager."
            ) from None
        return bytes(output)

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
        except GitCommandError:
            return ""

    def date(self, commit: str) -> str:
        """When a commit was made, as ISO 8601 text with its zone."""
        return self.run("log", "-1", "--format=%cI", "--end-of-options", commit, "--").strip()

    def has(self, commit: str) -> bool:
        """Whether the clone holds this commit."""
        try:
            self.run("cat-file", "-e", "--end-of-options", f"{commit}^{{commit}}")
        except GitCommandError:
            return False
        return True

    def show(self, commit: str, path: str) -> str | None:
        """Return a file's text at a commit, or None if it does not exist there."""
        try:
            return self.run("show", "--end-of-options", f"{commit}:{path}")
        except GitCommandError:
            return None

    def lines(self, commit: str, text: str, path: str = "") -> list[str]:
        """Return lines that hold `text`, from a commit's file or from all that are not binary."""
        grep = ("--literal-pathspecs", "grep", "-h", "-I", "-F", "-e", text, commit, "--")
        try:
            return self.run(*grep, *filter(None, [path])).split("\n")
        except GitCommandError as error:
            if error.status != 1:  # 1: nothing found
                raise
            return []

    def first_parents(self, head: str, count: int = 0) -> list[str]:
        """Return first-parent commits up to `head`, oldest first; the last `count` (0: all)."""
        limit = (f"--max-count={count}",) if count else ()
        return self.run(
            "rev-list", "--first-parent", *limit, "--end-of-options", head, "--"
        ).split()[::-1]

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `newer` reaches `older`."""
        try:
            self.run("merge-base", "--is-ancestor", "--end-of-options", older, newer)
        except GitCommandError as error:
            if error.status == 1:
                return False
            raise
        return True


def _pipe(text: str) -> object:
    """Return a readable file for a child's standard input, already unlinked."""
    handle = tempfile.TemporaryFile()  # noqa: SIM115  (closed when the child is done with it)
    handle.write(text.encode("utf-8", "surrogateescape"))
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
    except GitCommandError:
        return None
    return Path(found)


def clone_bare(url: str, target: Path) -> None:
    """Clone into a folder that is complete or does not exist. Raises MissingError."""
    hint = "Point --mirror (SEQSWE_MIRRORS) at a folder of bare clones."
    if not url:
        raise MissingError(f"{target.name.replace('+', '/', 1)} has no URL to clone", hint)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    partial.parent.mkdir(parents=True, exist_ok=True)
    git = Git(partial.parent)
    git.update_environment(**CLEAN)
    try:
        git.execute(["git", *SAFE, "clone", "--quiet", "--bare", "--", url, str(partial)])
    except GitCommandError as error:
        # GitPython's own words around git's: stderr: 'fatal: ...'
        reason = str(error.stderr).strip().removeprefix("stderr: ").strip("'\n ")
        last = (reason.splitlines() or ["git failed"])[-1]
        raise MissingError(f"cannot clone {url}: {last}", hint) from None
    settle(partial, target)
