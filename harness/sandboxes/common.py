"""What every sandbox shares: the checkout script and the pinned environment variables."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from seqswe.errors import RolloutError
from seqswe.sandbox import Limits


class Closable(Protocol):
    """What a provider keeps of its sandboxes."""

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        ...

    def close(self) -> None:
        """Close it; safe to call twice."""
        ...


T = TypeVar("T", bound=Closable)

PINNED: Mapping[str, str] = {
    "TZ": "UTC",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "USER": "agent",
    "LOGNAME": "agent",
}
"""The same in every sandbox, so that a verdict does not depend on where it was made."""


CONFIG = """[core]
	repositoryformatversion = 0
	bare = false
	logAllRefUpdates = false
[user]
	name = agent
	email = agent@localhost
[gc]
	auto = 0
[advice]
	detachedHead = false
"""


def checkout_script(commit: str, objects: str) -> str:
    """Shell commands that turn an empty folder into a repository at `commit`.

    No templates, reflogs or remotes; objects come only through the alternates file. The files
    are written by the shell itself, in every container anew: processes are what that costs.
    """
    return f"""
set -e
mkdir -p .git/objects/info .git/refs/heads .git/info
printf '%s\\n' {shlex.quote(objects)} > .git/objects/info/alternates
printf '%s' {shlex.quote(CONFIG)} > .git/config
echo {commit} > .git/refs/heads/main
echo ref: refs/heads/main > .git/HEAD
git read-tree -u --reset HEAD
"""


def shell(command: Sequence[str] | str) -> list[str]:
    """A command as an argument list; a string is given to `sh -c`."""
    return ["sh", "-c", command] if isinstance(command, str) else list(command)


class Deadline:
    """The wall clock of all commands of one rollout together."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._used = 0.0
        self._lock = threading.Lock()

    def allow(self, wanted: float) -> float:
        """Seconds the next command may take. Raises RolloutError when none are left."""
        left = self._seconds - self._used
        if left <= 0:
            raise RolloutError(
                "agent_out_of_budget", f"all {self._seconds:.0f} s of the rollout are used up"
            )
        # `timeout 0` would mean no deadline at all.
        return max(0.01, min(wanted, left))

    def spend(self, seconds: float) -> None:
        """Book the seconds of a finished command."""
        with self._lock:
            self._used += seconds


class Opened(Generic[T]):
    """The sandboxes of a provider that are not closed yet. Safe between threads."""

    def __init__(self) -> None:
        self._open: set[T] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def check(self) -> None:
        """Raises RolloutError once the provider is being closed."""
        if self._stopped:
            raise RolloutError("cancelled", "the run is being stopped")

    def add(self, sandbox: T) -> T:
        """Keep a sandbox until it is closed. One that comes too late is closed at once."""
        with self._lock:
            self._open = {s for s in self._open if not s.closed} | {sandbox}
        try:
            self.check()
        except RolloutError:
            sandbox.close()
            raise
        return sandbox

    def close(self) -> None:
        """Close them all, and any that is added later."""
        self._stopped = True
        with self._lock:
            left = list(self._open)
        for sandbox in left:
            sandbox.close()


def too_large(path: str, limits: Limits) -> str:
    """Why a file is not read: half a file would be worse than none."""
    return f"{path} is larger than {limits.output_bytes} bytes"


def code_of(exit_code: int, timed_out: bool) -> int:
    """An exit code as a shell tells it: 124 after a deadline, 128 + n after signal n."""
    if timed_out:
        return 124
    return 128 - exit_code if exit_code < 0 else exit_code


def now() -> float:
    """Seconds on a clock that never goes back."""
    return time.monotonic()
