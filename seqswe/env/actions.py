"""What can be done in an environment, as objects and as one line of text each.

run pytest -x tests          a command in the sandbox
patch "diff --git a/..."     apply a patch; a text with line ends is written as a JSON string
note Rates live in rates.py  leave a note for later tasks, by way of the memory
ask file                     ask the user, if there is one
submit                       end the task: what the files differ in is graded
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seqswe.agent import Attempt
from seqswe.errors import ManifestError, UsageError
from seqswe.manifests.read import parse_json

VERBS = ("run", "patch", "note", "ask", "submit")
HINT = "An action is `run COMMAND`, `patch TEXT`, `note TEXT`, `ask KIND [ARGUMENT]` or `submit`."


@dataclass(frozen=True, slots=True)
class Run:
    """Run a command in the checkout; a text goes through `sh -c`."""

    command: str | Sequence[str]
    stdin: bytes | None = field(default=None, kw_only=True)
    env: Mapping[str, str] | None = field(default=None, kw_only=True)
    timeout: float | None = field(default=None, kw_only=True)
    """Seconds; None for the limit of a command."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Apply a patch to the checkout."""

    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """Leave a note for later tasks: the memory is told it with the attempt's notes."""

    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the user for a kind of fact."""

    kind: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Submit:
    """End the task. attempt: what the policy says of its work, if it says anything."""

    attempt: Attempt | None = None


Action = Run | Patch | Note | Ask | Submit


def parse_action(line: str) -> Action:
    """Read an action that is written as text; raises UsageError.

    A text that begins with a quotation mark is a JSON string, so any text fits into one line.
    """
    verb, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    if verb not in VERBS:
        raise UsageError(f"{verb[:40]!r} is no action", HINT)
    if verb == "submit":
        return Submit()
    text = _unquoted(verb, rest)
    if not text:
        raise UsageError(f"`{verb}` of what?", HINT)
    if verb == "ask":
        kind, _, argument = text.partition(" ")
        return Ask(kind, argument.strip())
    kinds: Mapping[str, type[Run | Patch | Note]] = {"run": Run, "patch": Patch, "note": Note}
    return kinds[verb](text)


def line_of(action: Action) -> str:
    """An action as one line, which `parse_action` reads; what is no text in it is left out."""
    match action:
        case Run(command=command):
            return f"run {_quoted(command if isinstance(command, str) else shlex.join(command))}"
        case Patch(text=text):
            return f"patch {_quoted(text)}"
        case Note(text=text):
            return f"note {_quoted(text)}"
        case Ask(kind=kind, argument=argument):
            return f"ask {_quoted(f'{kind} {argument}'.strip())}"
        case Submit():
            return "submit"


def _quoted(text: str) -> str:
    plain = text.isprintable() and text == text.strip() and not text.startswith('"')
    return text if plain else json.dumps(text)


def _unquoted(verb: str, text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        read = parse_json(text.encode("utf-8", "surrogatepass"), f"the text of `{verb}`", HINT)
    except ManifestError as error:
        raise UsageError(error.message, HINT) from None
    if not isinstance(read, str):
        raise UsageError(f"the text of `{verb}` is no JSON string", HINT)
    return read
