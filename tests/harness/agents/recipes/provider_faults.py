"""What becomes of a rollout when the provider fails, for any agent that asks a model.

    python -m tests.harness.agents.recipes.provider_faults codex claude-code    # prints a table

Each agent gets one task of the demo codebase in Docker, with a provider that plays the usual script
and fails as said. CI does this with mini (test_provider_faults.py), which needs nothing installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from seqswe.runs.store import RunDirectory
from tests.harness.agents.recipes.scripted_model import ProviderFault, scripted_model

SILENCE = 3.0
"""Seconds without a byte after which the gateway gives up a try."""
FAILED = "provider_failed"
WELL = ""
"""It is graded, with what the agent changed."""


@dataclass(frozen=True)
class Case:
    """How the provider fails, and the cause of the rollout's failure, or WELL."""

    faults: Iterable[ProviderFault]
    cause: str
    or_else: str = ""
    """Another right end: a client may also ask again after a stream that broke."""


CASES: Mapping[str, Case] = {
    "401 always": Case(repeat(ProviderFault(status=401)), FAILED),
    "429 twice, then well": Case([ProviderFault(status=429)] * 2, WELL),
    "500 once, then well": Case([ProviderFault(status=500)], WELL),
    "529 once, then well": Case([ProviderFault(status=529)], WELL),
    "529 always": Case(repeat(ProviderFault(status=529)), FAILED),
    "a stream that is cut": Case([ProviderFault(cut=True)], FAILED, WELL),
    "a stream that stalls": Case([ProviderFault(stall=3 * SILENCE)], FAILED, WELL),
    "an event that is no JSON": Case([ProviderFault(garbled=True)], FAILED, WELL),
}


def tried(agent: str, case: Case, out: Path) -> str:
    """The cause of the rollout's failure; "" if it was graded, with its patch."""
    with scripted_model(faults=case.faults) as (url, _):
        environment = {
            **os.environ,
            **{f"{name}_API_KEY": "sk-canary" for name in ("OPENAI", "ANTHROPIC", "GEMINI")},
            "OPENAI_BASE_URL": f"{url}/v1",
            "ANTHROPIC_BASE_URL": url,
            "GOOGLE_GEMINI_BASE_URL": url,
        }
        done = subprocess.run(
            (
                *(sys.executable, "-m", "seqswe", "run", "--agent", agent, "--model", "scripted"),
                *("--allow-unpriced", "--arm", "iid", "--seeds", "1", "--limit", "1"),
                *("--retries", "0", "--provider-seconds", str(SILENCE), "--out", str(out)),
            ),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    (rollout,) = RunDirectory.open(out).journal().rollouts
    assert "Traceback" not in done.stderr, done.stderr
    assert "sk-canary" not in done.stderr + (out / "rollouts.jsonl").read_text()
    if rollout.failure:
        return rollout.failure.cause
    return WELL if rollout.edited_files else str(rollout.reason)


def main() -> None:
    """Try the agents that are named, and print a table."""
    for agent in sys.argv[1:]:
        for name, case in CASES.items():
            with tempfile.TemporaryDirectory() as folder:
                cause = tried(agent, case, Path(folder) / "run")
            right = "as it should" if cause in (case.cause, case.or_else) else "WRONG"
            told = cause or "graded, with its patch"
            sys.stdout.write(f"| `{agent}` | {name} | {told} | {right} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
