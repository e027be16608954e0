"""A transcript by the name of its form."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.agents.recipes.transcripts import aider, claude, codex, gemini, opencode
from harness.agents.recipes.transcripts.account import Account, blanker

Read = Callable[[str, str, Account], None]


def _nothing(transcript: str, events: str, account: Account) -> None:
    """Of a program whose transcript nobody reads."""


READERS: Mapping[str, Read] = {
    "none": _nothing,
    "aider": aider.read,
    "claude-code": claude.read,
    "codex": codex.read,
    "gemini-cli": gemini.read,
    "opencode": opencode.read,
    "qwen-code": gemini.read_qwen,
}
"""By the names that `Transcript.format` takes."""


def read_transcript(
    form: str, transcript: str, events: str, blank: tuple[str, ...] = ()
) -> Account:
    """What a program did.

    transcript: the text of its own record; events: its standard output; blank: patterns of what
    differs between equal runs.
    """
    account = Account(blank=blanker(blank))
    READERS[form](transcript, events, account)
    return account
