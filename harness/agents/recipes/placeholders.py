"""`${name}` in a recipe's texts: what may stand there, and what is put in its place.

What is put in is never read by a shell: it becomes one argument, one variable, or a text within a
file that is written as JSON or TOML afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import Template
from typing import Any

from seqswe.errors import UsageError

KNOWN: Mapping[str, str] = {
    "program": "the folder of the installed program",
    "home": "HOME of the sandbox",
    "checkout": "the folder of the checkout",
    "prompt": "the whole prompt",
    "prompt_file": "a file with the whole prompt",
    "model": "the model's name, as --model says",
    "gateway": "the gateway's address, without a path",
    "token": "what to send as the API key",
    "session": "a UUID of this task and seed",
    "memory_command": "the program that serves the memory, with the argument `mcp`",
    "memory_config": "a configuration of MCP clients that names that server",
    "memory_file": "a file with what was recalled",
}


class Text(Template):
    """A text with `${name}`; `$$` is a dollar sign."""

    idpattern = "[a-z_]+"


def fill(value: Any, values: Mapping[str, str]) -> Any:
    """Put the values into every text of plain data."""
    if isinstance(value, str):
        return Text(value).substitute(values)
    if isinstance(value, Mapping):
        return {fill(name, values): fill(inner, values) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [fill(inner, values) for inner in value]
    return value


def check_texts(recipe: Mapping[str, Any], command: Iterable[str]) -> None:
    """Raises UsageError for a placeholder that there is not, and for a command without a prompt."""
    used: set[str] = set()
    # Patterns of replay may hold a dollar sign, and no placeholder.
    for field, value in recipe.items():
        if field not in ("replay", "about", "name"):
            for text in _texts(value):
                used |= _names(field, text)
    given = {name for text in command for name in Text(text).get_identifiers()}
    if not given & {"prompt", "prompt_file"} and "prompt_file" not in used:
        raise UsageError(
            "field 'command' has no ${prompt} and no ${prompt_file}",
            "Without one of them the agent is not told its task.",
        )


def _names(field: str, text: str) -> set[str]:
    template = Text(text)
    if not template.is_valid():
        raise UsageError(
            f"field {field!r} has a '$' that begins no ${{name}}: {text!r:.80}", "Write $$ for it."
        )
    names = set(template.get_identifiers())
    if unknown := sorted(names - set(KNOWN)):
        raise UsageError(
            f"field {field!r} has an unknown ${{{unknown[0][:40]}}}",
            f"Known: {', '.join(KNOWN)}.",
        )
    return names


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from (*_texts(name), *_texts(inner))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
