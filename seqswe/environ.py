"""The caller's environment, as programs that are started here may see it."""

from __future__ import annotations

import os

STEERING = ("GIT_", "SSH_ASKPASS")
"""What begins like this decides where git works, and which programs it starts."""


def without_git() -> dict[str, str]:
    """Return the environment without git's variables: a hook, or a shell, may have set them.

    A run that is started from a hook would else work on the repository of that hook.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith(STEERING)}
