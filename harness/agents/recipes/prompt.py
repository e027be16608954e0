"""The prompt that every command line agent gets: one versioned text, `prompt.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template

from seqswe.instance import Task, digest_of
from seqswe.manifests.convert import parse
from seqswe.manifests.read import read_toml
from seqswe.memory import Recall

LONGEST = 120_000
"""Bytes of one argument: Linux takes 131,072."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The template, with what stands in for parts of it."""

    version: int
    prompt: str
    memory: str
    hint: str
    long: str

    @property
    def digest(self) -> str:
        """Digest of the texts."""
        return digest_of(repr((self.version, self.prompt, self.memory, self.hint, self.long)))

    def text(self, task: Task, recall: Recall, checkout: str) -> str:
        """The whole prompt, with what was recalled, or how to reach it, if that goes into it."""
        memory = Template(self.hint).substitute(hint=recall.hint) if recall.hint else ""
        if told := "\n\n".join(item.text for item in recall.items).strip():
            memory += Template(self.memory).substitute(recall=told)
        return (
            Template(self.prompt)
            .substitute(
                repository=task.repo,
                checkout=checkout,
                issue=task.problem_statement.strip(),
                memory=memory,
            )
            .strip()
        )

    def argument(self, text: str, file: str) -> str:
        """What fits into one argument: the prompt itself, or where to read it."""
        if len(text.encode("utf-8", "replace")) <= LONGEST:
            return text
        return Template(self.long).substitute(prompt_file=file).strip()


@cache
def the_prompt() -> Prompt:
    """The one that ships."""
    path = Path(str(files("harness.agents.recipes") / "prompt.toml"))
    return parse(Prompt, read_toml(path, "the prompt"), path.name)
