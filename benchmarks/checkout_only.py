"""A sandbox for agents that only read: the checkout of `local`, without the codebase's packages.

`--sandbox benchmarks.checkout_only:CheckoutOnly`. `localizer` edits nothing, and an empty patch is
graded without a test: the dozens of environments that a codebase went through need not be built.
An agent that leaves a patch would be graded without the packages of its tests: do not use it then.
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness.sandboxes.commands import environment_digest
from harness.sandboxes.interpreters import inspect_python
from harness.sandboxes.local import LocalProvider
from seqswe.sandbox import Environment


class CheckoutOnly(LocalProvider):
    """Opens temporary checkouts with this interpreter; nothing is installed."""

    def prepare(self, environment: Environment) -> str:
        """Prepare nothing; the digest names the interpreter's version and no package."""
        python = inspect_python(self._python(environment), environment)["python"]
        return environment_digest("checkout only", str(python), environment, ())

    def _python(self, environment: Environment) -> Path:
        return Path(sys.executable)
