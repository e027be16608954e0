"""What all sandboxes share: a command's deadline, exit code and limits; what is installed."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from seqswe.errors import RolloutError
from seqswe.instance import digest_of
from seqswe.sandbox import Environment, Limits, Sandbox


def shell(command: Sequence[str] | str) -> list[str]:
    """Return a command as an argument list; a string is run by `sh -c`."""
    return ["sh", "-c", command] if isinstance(command, str) else list(command)


class Deadline:
    """The wall clock of all commands of one rollout together."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._used = 0.0
        self._lock = threading.Lock()

    def allow(self, wanted: float) -> float:
        """Return the seconds that the next command may take. Raises RolloutError for none."""
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


def environment_digest(
    kind: str, python: str, environment: Environment, packages: Sequence[str]
) -> str:
    """Digest of what results depend on: versions, and nothing of the machine that they are on.

    kind: of sandbox; python: the whole version; packages: `name==version`, in any order.
    """
    names = sorted(package.lower() for package in packages)
    about = (kind, python, environment.source_path, environment.distribution)
    return digest_of("\n".join([*about, *names]))


def too_large(path: str, limits: Limits) -> str:
    """Say why a file is not read: half a file would be worse than none."""
    return f"{path} is larger than {limits.output_bytes} bytes"


def read_by_command(sandbox: Sandbox, path: str, limits: Limits) -> bytes:
    """Read a file that only a command reaches. Raises FileNotFoundError, RolloutError."""
    done = sandbox.run(["cat", "--", path])
    if not done.ok:
        raise FileNotFoundError(path)
    if done.truncated:
        raise RolloutError("agent_crashed", too_large(path, limits))
    return done.stdout


def code_of(exit_code: int, timed_out: bool) -> int:
    """Return the exit code of a shell: 124 after a deadline, 128 + n after signal n."""
    if timed_out:
        return 124
    return 128 - exit_code if exit_code < 0 else exit_code
