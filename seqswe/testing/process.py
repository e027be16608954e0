"""What the memory contract does in another process: one job as JSON on stdin, one answer back."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqswe.memory import build_memory
from seqswe.testing.asking import answers, digest, tell
from seqswe.testing.experiences import experiences

DIED = 9


def work(job: Mapping[str, Any]) -> dict[str, Any]:
    """Build the job's memory; load, record, save and ask as it says. `lose` ends in a crash."""
    services = experiences(0).services(job.get("model_url", ""))
    memory = build_memory(job["memory"], Path(job["home"]), services, **job["options"])
    if "load" in job:
        memory.load(Path(job["load"]))
    tell(memory, experiences(job.get("record", 0)))
    if "save" in job:
        memory.save(Path(job["save"]))
    if "lose" in job:
        tell(memory, experiences(job["record"] + job["lose"]))
        os._exit(DIED)
    with tempfile.TemporaryDirectory() as folder:
        return {"answers": answers(memory, job["ask"]), "digest": digest(memory, Path(folder))}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(work(json.load(sys.stdin))))
