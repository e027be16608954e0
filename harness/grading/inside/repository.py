"""Git over the files of an agent, with a repository of its own: the first part of `collect.py`.

Nothing of the agent's repository or settings is used, but for the names that its tools hide.
"""

from __future__ import annotations

import os
import stat

PIECE = 1 << 20
SHA1 = 40  # hex digits of an id, but in repositories of git's newer kind
NEWER = b"""[core]
	repositoryformatversion = 1
[extensions]
	objectFormat = sha256
"""
CONFIG = b"""[core]
	repositoryformatversion = 0
	bare = false
	quotePath = false
	safecrlf = false
"""


class Git:
    """Git with a repository of its own over the agent's files."""

    def __init__(self, folder: str, root: str, objects: str, digits: int = SHA1) -> None:
        for name in ("objects/info", "refs", "info"):
            os.makedirs(f"{folder}/{name}")
        files = {
            "HEAD": b"ref: refs/heads/main\n",
            "config": CONFIG if digits == SHA1 else CONFIG + NEWER,
            "objects/info/alternates": os.fsencode(objects) + b"\n",
            "info/attributes": b"* !diff\n",  # the same patch, whatever is said to be binary
            "info/exclude": _own_excludes(),
        }
        for name, content in files.items():
            with open(f"{folder}/{name}", "wb") as file:
                file.write(content)
        self._folder = folder
        self._env = {
            **os.environ,
            "GIT_DIR": folder,
            "GIT_WORK_TREE": root,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "HOME": folder,  # older versions of git know no GIT_CONFIG_GLOBAL
            "XDG_CONFIG_HOME": folder,
        }

    def start(self, *arguments: str, stdin: bytes = b"") -> tuple[int, int]:
        """Start a git command; returns its process and the reading end of its output.

        Input and errors are files, so that nobody waits for anybody.
        """
        with open(f"{self._folder}/stdin", "wb") as file:
            file.write(stdin)
        reader, writer = os.pipe()
        errors = (f"{self._folder}/stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, f"{self._folder}/stdin", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, writer, 1),
            (os.POSIX_SPAWN_OPEN, 2, *errors),
        ]
        process = os.posix_spawnp("git", ["git", *arguments], self._env, file_actions=actions)
        os.close(writer)
        return process, reader

    def try_(self, *arguments: str, stdin: bytes = b"") -> tuple[bytes, list[str]]:
        """Run a git command; returns its output and, if it failed, what it says, line by line."""
        process, reader = self.start(*arguments, stdin=stdin)
        with open(reader, "rb") as file:
            output = file.read()
        failed = os.waitpid(process, 0)[1]
        lines = self.errors()
        return output, (lines or [f"git {arguments[0]} failed"]) if failed else []

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run a git command; returns its output. Raises OSError with what it says if it fails."""
        output, problem = self.try_(*arguments, stdin=stdin)
        if problem:
            raise OSError(0, problem[0])
        return output

    def errors(self) -> list[str]:
        """What the last command said beside its output, line by line."""
        with open(f"{self._folder}/stderr", "rb") as file:
            return os.fsdecode(file.read()).splitlines()

    def tree(self, commit: str) -> dict[bytes, tuple[str, str]]:
        """Mode and object id of every file of a commit, by path."""
        entries = {}
        for line in self.run("ls-tree", "-r", "-z", commit).split(b"\0")[:-1]:
            about, path = line.split(b"\t", 1)
            mode, _, name = about.decode().split(" ")
            entries[path] = mode, name
        return entries

    def ignored(self, paths: list[bytes]) -> set[bytes]:
        """Which of some paths that no commit has are ignored."""
        if not paths:
            return set()
        # A name that starts with a colon would be taken for a pattern.
        names = b"".join(b"./%s\0" % path for path in paths)
        output, _ = self.try_("check-ignore", "-z", "--stdin", stdin=names)
        return {path[2:] for path in output.split(b"\0")}

    def remove(self, paths: list[bytes]) -> None:
        """Take paths out of the index."""
        if paths:
            self.run("update-index", "-z", "--force-remove", "--stdin", stdin=b"\0".join(paths))

    def put(self, path: bytes, mode: str, content: bytes) -> None:
        """Put a file into the index with exactly these bytes."""
        name = self.run("hash-object", "-w", "--no-filters", "--stdin", stdin=content)
        entry = (mode, name.decode().strip(), os.fsdecode(path))
        self.run("update-index", "--add", "--replace", "--cacheinfo", *entry)


def content_of(path: bytes, status: os.stat_result) -> bytes:
    """The bytes of a file, or where a link leads."""
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(path)
    with open(path, "rb") as file:
        return file.read()


def _own_excludes() -> bytes:
    """What the tools of an agent hide of their own files."""
    path = b".git/info/exclude"
    try:
        status = os.lstat(path)
        fits = stat.S_ISREG(status.st_mode) and status.st_size < PIECE
        return content_of(path, status) if fits else b""
    except OSError:
        return b""
