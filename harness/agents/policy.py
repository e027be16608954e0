"""`policy`: the agent of runs that `seqswe.env` writes, whose steps are decided elsewhere."""

from __future__ import annotations

from seqswe.agent import Agent
from seqswe.errors import UsageError


def policy(*, seed: int, name: str = "") -> Agent:
    """Stands in run.toml for a policy: `name` says which, so that runs of two are told apart.

    Raises UsageError: nothing but an environment can act for it.
    """
    raise UsageError(
        f"the agent 'policy' ({name or 'without a name'}, seed {seed}) acts only in seqswe.env",
        "Open the run with SeqEnv(..., out=DIR); see docs/environment.md.",
    )
