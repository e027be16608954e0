"""A sandbox for agents that only read: the checkout of `local`, without the codebase's packages.

`--sandbox benchmarks.checkout_only:CheckoutOnly`. `localizer` edits nothing, and an empty patch is
graded without a test: the dozens of environments that a codebase went through need not be built.
An agent that leaves a patch would be graded without the packages of its tests: do not use it then.
"""

from __future__ import annotations

import os
import venv
from contextlib import suppress
from functools import cache
from pathlib import Path

from harness.sandboxes.commands import environment_digest
from harness.sandboxes.interpreters import inspect_python
from harness.sandboxes.local import LocalProvider
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import Environment


class CheckoutOnly(LocalProvider):
    """Opens temporary checkouts with an interpreter that has no packages."""

    def prepare(self, environment: Environment) -> str:
        """Prepare nothing; the digest names the interpreter's version and no package."""
        python = inspect_python(self._python(environment), environment)["python"]
        return environment_digest("checkout only", str(python), environment, ())

    def _python(self, environment: Environment) -> Path:
        # A bare one: where this one is, the codebase itself may be installed, which is the future.
        return _bare_python()


@cache
def _bare_python() -> Path:
    folder = cache_folder() / "checkout-only"
    if not (folder / "bin" / "python").exists():
        partial = folder.with_name(f"{folder.name}.{os.getpid()}")
        venv.create(partial, symlinks=True)
        with suppress(OSError):  # another process was first
            partial.rename(folder)
    return folder / "bin" / "python"
