"""A sandbox for agents that only read, such as `localizer`: as quick as can be, and no more.

`--sandbox benchmarks.checkout_only:CheckoutOnly`. An agent that edits nothing leaves an empty
patch, which is graded without a test: the dozens of environments that a codebase went through need
not be built. And a study asks the same of a commit again and again, once for each memory: what a
command said is kept in the cache, by the commit and all that was run before it. The same commands,
from the same commit, say the same; the first time they run in a checkout of `local`.

An agent that writes files by other means than commands, or whose commands depend on anything but
the checkout, must not be given it; nor one that leaves a patch, since it would be graded without
the packages of its tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import venv
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from shutil import rmtree
from typing import Any

from harness.sandboxes.checkout import PINNED
from harness.sandboxes.cleanup import make_folder
from harness.sandboxes.commands import environment_digest
from harness.sandboxes.interpreters import inspect_python
from harness.sandboxes.local import PREFIX, LocalProvider, LocalSandbox
from seqswe.errors import ManifestError, RolloutError
from seqswe.instance import digest_of
from seqswe.manifests.read import read_json
from seqswe.manifests.write import write_whole
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import Completed, Environment, Sandbox, SandboxSpec

READERS = ("git ls-tree -r -z HEAD", "git cat-file --batch")
"""Commands that need no files and change nothing: they run in a repository without a checkout.
What they say is large, and is not kept."""
KEPT_BYTES = 1_000_000
"""What says more is run each time."""
ROOT, OBJECTS = "/checkout-only/testbed", "/checkout-only/objects"
"""The folders as commands name them, the same wherever a checkout lies."""
CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"


class CheckoutOnly(LocalProvider):
    """Opens sandboxes that answer from what was said before, without any packages."""

    reaches_models = False

    def prepare(self, environment: Environment) -> str:
        """Prepare nothing; the digest names the interpreter's version and no package."""
        python = inspect_python(self._python(environment), environment)["python"]
        return environment_digest("checkout only", str(python), environment, ())

    def open(self, spec: SandboxSpec) -> Sandbox:  # type: ignore[override]
        """Open a sandbox; nothing is checked out before a command asks what none has asked yet."""
        self._open.check()
        return self._open.add(ReadOnlySandbox(self._python(spec.environment), spec))

    def _python(self, environment: Environment) -> Path:
        # A bare one: where this one is, the codebase itself may be installed, which is the future.
        return _bare_python()


class ReadOnlySandbox:
    """A commit to be read. See `seqswe.sandbox.Sandbox` for what its methods promise."""

    root, objects = ROOT, OBJECTS

    def __init__(self, python: Path, spec: SandboxSpec) -> None:
        self._python, self._spec = python, spec
        self._checkout: LocalSandbox | None = None
        self._repository: Path | None = None
        self._due: list[tuple[Sequence[str] | str, dict[str, Any]]] = []
        """Commands that were answered and that the checkout has not seen yet."""
        checkout = spec.checkout
        seen = (spec.environment.key, sorted(spec.project.items()), sorted(spec.generated.items()))
        self._state = digest_of(repr((checkout.commit, checkout.digest, str(python), seen)))
        self.closed = False

    def run(
        self,
        command: Sequence[str] | str,
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        """Run a command, or say what it said when it was run at this point before."""
        if self.closed:
            raise RolloutError("sandbox_failed", "the sandbox is closed")
        if command in READERS:
            return self._read_only(str(command), stdin)
        given = {"timeout": timeout, "env": dict(env or {}), "stdin": stdin}
        self._state = digest_of(repr((self._state, command, sorted(given.items()))))
        self._due.append((command, given))
        if said := _said(self._state):
            return said
        done = self._catch_up().pop()
        if not done.timed_out and len(done.stdout + done.stderr) <= KEPT_BYTES:
            _keep(self._state, done)
        return done

    def read(self, path: str) -> bytes:
        """Read a file's bytes. Raises FileNotFoundError."""
        self._catch_up()
        assert self._checkout
        return self._checkout.read(path)

    def write(self, path: str, data: bytes) -> None:
        """Refuse: what is written would be in no answer that is kept."""
        raise RolloutError("sandbox_failed", f"{path}: this sandbox is only for reading")

    def end_processes(self) -> None:
        """End what runs in the checkout, if there is one."""
        if self._checkout:
            self._checkout.end_processes()

    def close(self) -> None:
        """Remove what was opened; safe to call twice."""
        self.closed = True
        if self._checkout:
            self._checkout.close()
        if self._repository:
            rmtree(self._repository, ignore_errors=True)

    def _catch_up(self) -> list[Completed]:
        """Run in the checkout what it has not seen of the commands so far, each once."""
        if self._checkout is None:
            self._checkout = LocalSandbox(self._python, self._spec)
        due, self._due = self._due, []
        return [self._checkout.run(self._placed(command), **given) for command, given in due]

    def _placed(self, command: Sequence[str] | str) -> Sequence[str] | str:
        assert self._checkout
        places = {ROOT: self._checkout.root, OBJECTS: self._checkout.objects}
        if isinstance(command, str):
            return command
        return [places.get(argument, argument) for argument in command]

    def _read_only(self, command: str, stdin: bytes | None) -> Completed:
        """Run one of `READERS` where there are only objects."""
        if self._repository is None:
            self._repository = make_folder(Path(tempfile.gettempdir()), PREFIX)
            for folder in ("objects/info", "refs"):
                (self._repository / folder).mkdir(parents=True)
            commit, objects = self._spec.checkout.commit, self._spec.checkout.objects.resolve()
            (self._repository / "objects/info/alternates").write_text(f"{objects}\n")
            (self._repository / "config").write_text(CONFIG)
            (self._repository / "HEAD").write_text(f"{commit}\n")
        env = {**PINNED, "PATH": os.environ.get("PATH", "/usr/bin:/bin")}
        env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_DIR": str(self._repository)}
        done = subprocess.run(
            command.split(), input=stdin or b"", env=env, capture_output=True, check=False
        )
        limit = self._spec.limits.output_bytes
        return Completed(
            exit_code=done.returncode,
            stdout=done.stdout[:limit],
            stderr=done.stderr[:limit],
            truncated=len(done.stdout) > limit,
        )


def _answer(state: str) -> Path:
    name = state.rpartition(":")[2]
    return cache_folder() / "checkout-only" / "answers" / name[:2] / name[2:]


def _said(state: str) -> Completed | None:
    try:
        kept = read_json(_answer(state), "")
    except ManifestError:  # not there, or damaged
        return None
    outputs = {name: b64decode(kept[name]) for name in ("stdout", "stderr")}
    return Completed(**{**kept, **outputs})


def _keep(state: str, done: Completed) -> None:
    outputs = {"stdout": done.stdout, "stderr": done.stderr}
    encoded = {name: b64encode(output).decode() for name, output in outputs.items()}
    write_whole(_answer(state), json.dumps({**asdict(done), **encoded}))


@cache
def _bare_python() -> Path:
    folder = cache_folder() / "checkout-only" / "python"
    if not (folder / "bin" / "python").exists():
        partial = folder.with_name(f"{folder.name}.{os.getpid()}")
        venv.create(partial, symlinks=True)
        with suppress(OSError):  # another process was first
            partial.rename(folder)
    return folder / "bin" / "python"
