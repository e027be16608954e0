"""aider: no tools and no events; its history of the chat is Markdown."""

from __future__ import annotations

import re

from harness.agents.recipes.transcripts.account import Account

TOKENS = re.compile(r"Tokens: ([\d.]+k?) sent, (?:[\d.]+k? cache \w+, )*([\d.]+k?) received")


def read(transcript: str, events: str, account: Account) -> None:
    """A line that begins with #### is the user's, one with > aider's own, all else the model's."""
    said: list[str] = []
    source = ""
    for line in transcript.split("\n"):
        who = "user" if line.startswith("#### ") else "system" if line.startswith("> ") else "agent"
        if who != source:
            _end_step(source, said, account)
            source, said = who, []
        said.append(line.removeprefix("#### ").removeprefix("> "))
        if tokens := TOKENS.search(line):
            account.took(prompt=_count(tokens[1]), completion=_count(tokens[2]))
    _end_step(source, said, account)


def _end_step(source: str, said: list[str], account: Account) -> None:
    text = "\n".join(said).strip()
    if text and source == "agent":
        account.act(text)
    elif text:
        account.say(source, text)


def _count(text: str) -> int:
    """`1.2k` is 1200: aider rounds."""
    return round(float(text.removesuffix("k")) * (1000 if text.endswith("k") else 1))
