"""What a program did, as steps of ATIF, and how it ended by its own account."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from seqswe.errors import ManifestError
from seqswe.manifests.read import parse_json
from seqswe.visible import middle_cut

MESSAGE, PIECE = 20_000, 4_000
"""Characters kept of a message; of each argument and each result."""
STEPS = 2_000
"""Steps that are kept of a transcript; the first ones."""
WHOLE = 4_000_000
"""Characters kept of all texts together; those that come after are left empty."""
MEMORY_TOOL = re.compile(r"(?:^|[_.])memory_(search|read|write)$")
MEMORY_COMMAND = re.compile(r"(?:^|[\s;&|/('\"])memory (search|read|write)\b")


@dataclass
class Account:
    """Steps so far. `blank` takes out of every text what differs between two equal runs."""

    blank: Callable[[str], str] = staticmethod(lambda text: text)
    steps: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""
    """What the program says went wrong; "" if it says nothing of the kind."""
    usage: dict[str, int] = field(default_factory=dict)
    """What the program says that it used, by its own names."""
    _calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    _left: int = WHOLE

    def say(self, source: str, message: str) -> None:
        """Add what a user, the system or the agent said."""
        self._add({"source": source, "message": self._text(message, MESSAGE)})

    def act(self, message: str = "", *, reasoning: str = "", model: str = "") -> None:
        """Begin a step of the agent, which calls and metrics then belong to."""
        step: dict[str, Any] = {"source": "agent", "message": self._text(message, MESSAGE)}
        if reasoning:
            step["reasoning_content"] = self._text(reasoning, MESSAGE)
        if model:
            step["model_name"] = model[:200]
        self._add(step)

    def more(self, message: str = "", *, reasoning: str = "") -> None:
        """Add text to the agent's last step, which a further part of the same answer holds."""
        if not self.steps or self.steps[-1]["source"] != "agent":
            self.act()
        step = self.steps[-1]
        for name, text in (("message", message), ("reasoning_content", reasoning)):
            if text and len(step.get(name, "")) < MESSAGE:
                added = self._text(text, MESSAGE)
                step[name] = "\n".join(filter(None, (step.get(name), added)))

    def call(self, number: str, name: str, arguments: Any) -> None:
        """Add a call of a tool to the agent's last step."""
        if len(self.steps) >= STEPS:  # it may be a call of a step that was not kept
            return
        if not self.steps or self.steps[-1]["source"] != "agent":
            self.act()
        step = self.steps[-1]
        # What is put together by the program, and not by the server, may hold the time of day.
        number = self.blank(str(number))[:200] or f"call-{len(self._calls) + 1}"
        while number in self._calls:
            number += "'"
        given = arguments if isinstance(arguments, Mapping) else {"input": arguments}
        kept = {str(key)[:200]: self._value(value) for key, value in given.items()}
        step.setdefault("tool_calls", []).append(
            {"tool_call_id": number, "function_name": name[:200], "arguments": kept}
        )
        self._calls[number] = step
        if used := _memory_use(name, kept):
            step.setdefault("extra", {}).setdefault("memory", []).append(used)

    def result(self, number: str, content: str, **extra: Any) -> None:
        """Add what a call gave; passed over if there is no such call."""
        number = self.blank(str(number))[:200]
        step = self._calls.get(number)
        if step is None:
            return
        made = {"source_call_id": number, "content": self._text(content, PIECE)}
        told = {name: value for name, value in extra.items() if value is not None}
        results = step.setdefault("observation", {"results": []})["results"]
        results.append({**made, "extra": told} if told else made)

    def took(self, **tokens: Any) -> None:
        """Note the tokens of the agent's last step: prompt, completion and cached."""
        step = next((s for s in reversed(self.steps) if s["source"] == "agent"), None)
        counted = {
            f"{name}_tokens": count
            for name, count in tokens.items()
            if type(count) is int and 0 <= count < 10**12
        }
        if step is not None and counted:
            step["metrics"] = counted

    def count(self, usage: Mapping[str, Any]) -> None:
        """Note what the program says that it used in all; times are no usage."""
        for name, number in usage.items():
            if type(number) is int and 0 <= number < 10**12 and "duration" not in name:
                self.usage[name[:80]] = number

    def _add(self, step: dict[str, Any]) -> None:
        if len(self.steps) < STEPS:
            self.steps.append({"step_id": len(self.steps) + 1, **step})

    def _text(self, text: Any, longest: int) -> str:
        kept = self.blank(middle_cut(str(text), min(longest, self._left)) if self._left > 1 else "")
        self._left -= len(kept)
        return kept

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value, PIECE)
        if isinstance(value, int | float | bool | None):
            return value
        return self._text(value, PIECE)


def blanker(patterns: tuple[str, ...]) -> Callable[[str], str]:
    """A function that takes out of a text whatever fits one of the patterns."""
    compiled = [re.compile(pattern) for pattern in patterns]

    def blank(text: str) -> str:
        for pattern in compiled:
            text = pattern.sub("", text)
        return text

    return blank


def objects(text: str) -> Iterator[dict[str, Any]]:
    """The lines of a text that are JSON objects."""
    for line in text.split("\n"):
        if line.startswith("{"):
            try:
                value = parse_json(line.encode("utf-8", "replace"), "transcript", "")
            except ManifestError:
                continue
            if isinstance(value, dict):
                yield value


def texts(content: Any) -> str:
    """The text of a message's content: a text, or parts of which some have one."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    found = (part.get("text") or part.get("content") for part in parts if isinstance(part, dict))
    return "\n".join(text for text in found if isinstance(text, str))


def table(value: Any) -> dict[str, Any]:
    """The value, if it is a table; else an empty one."""
    return value if isinstance(value, dict) else {}


def tables(value: Any) -> list[dict[str, Any]]:
    """The tables of a list; none of anything else."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _memory_use(name: str, arguments: Mapping[str, Any]) -> str:
    """`search`, `read` or `write`, if a call is one of the memory."""
    if tool := MEMORY_TOOL.search(name):
        return tool[1]
    for value in arguments.values():
        if isinstance(value, str) and (command := MEMORY_COMMAND.search(value)):
            return command[1]
    return ""
