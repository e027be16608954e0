"""Removes what a machine's process leaves behind if it is killed: a process of its own.

    python -m harness.engines.guardian PID SANDBOX BASE_IMAGE [OPTION...]

Nothing else would: the next run on the machine sweeps, and there may be none.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from harness.loop.agent_model import PREFIX as GATEWAY
from harness.loop.run_plugins import PREFIX as PLUGINS
from harness.sandboxes.cleanup import SCRATCH, sweep
from seqswe.errors import SeqSWEError
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import SandboxChoice

MACHINE = "seqswe-machine-"
"""Folders in which a machine keeps what it holds of a run."""
LOOKS, PAUSE = 3, 1.0
"""Sweeps, and seconds between them: children of the dead process end a little later than it."""


def start(choice: SandboxChoice) -> None:
    """Watch over this process."""
    command = [sys.executable, "-m", __name__, str(os.getpid()), choice.sandbox]
    # Not as a child: when a process of the cluster ends, its children are killed.
    subprocess.run([*command, choice.base_image, *choice.sandbox_option], check=True)


def guard(pid: int, choice: SandboxChoice) -> None:
    """Wait for the end of a process, then remove its sandboxes and folders."""
    with suppress(ProcessLookupError):
        end = select.poll()
        end.register(os.pidfd_open(pid), select.POLLIN)
        end.poll()
    for _ in range(LOOKS):
        time.sleep(PAUSE)
        clean(choice)


def clean(choice: SandboxChoice) -> None:
    """Remove what dead processes left on this machine."""
    temporary = Path(tempfile.gettempdir())
    for prefix in (PLUGINS, GATEWAY, MACHINE):
        sweep(temporary, prefix)
    for folder in (cache_folder() / "history").glob("*"):
        sweep(folder, SCRATCH)
    with suppress(SeqSWEError):
        provider = choice.build()
        provider.sweep()
        provider.close()


def main(arguments: list[str]) -> None:
    """Go into the background and guard."""
    pid, sandbox, base_image, *options = arguments
    choice = SandboxChoice(sandbox=sandbox, base_image=base_image, sandbox_option=tuple(options))
    if os.fork() == 0:
        os.setsid()
        guard(int(pid), choice)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
