"""Whether seed k draws the same dice in every arm of a run, so that its arms are paired by seed."""

from __future__ import annotations

from seqswe import plugins
from seqswe.errors import SeqSWEError


def is_coupled(agent: str, recorded: bool | None) -> bool:
    """What the agent declared when the run was made.

    Of a run that did not record it (None), what the installed agent of that name says today; False
    for agents from elsewhere, whose code a report does not load.
    """
    if recorded is not None:
        return recorded
    if agent not in plugins.installed("agent"):
        return False
    try:
        return bool(getattr(plugins.resolve("agent", agent), "coupled", False))
    except SeqSWEError:  # it lacks a package here; unpaired arms only have wider intervals
        return False
