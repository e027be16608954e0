"""Takes out of a request what the provider would fetch, run or remember for the agent.

An agent has no network. A tool that runs at the provider, a server that it would call or a file
that it would load would give it one, and the answer to a task may be on it. So tools and fields go
out only if they are known (`allowed`); the others are taken out and noted, since some clients send
them always. Content that has to be fetched is refused: the request makes no sense without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.gateway.allowed import CLIENT_TOOLS, FIELDS, SOURCES, TOLD, TOOL_FIELDS
from harness.gateway.routes import Refused, Route

Body = dict[str, Any]

REFUSED: Mapping[str, tuple[str, ...]] = {
    "chat": (),
    "responses": ("previous_response_id", "conversation", "prompt"),
    "messages": (),
    "gemini": ("cachedContent", "cached_content"),
}
"""Fields that name what the provider has kept: it may be of another rollout."""
SHOWN, MOST_NAMED = 80, 50
"""Characters of a name, and names, that are told of what was taken out: agents choose them."""


def clean(route: Route, body: Body) -> tuple[Body, tuple[str, ...]]:
    """The request as it may go out, and what was taken out of it. Raises Refused."""
    api = route.api
    for name in REFUSED[api]:
        if body.get(name):
            raise Refused(400, f"the gateway does not forward {name}: send the whole conversation")
    if api == "responses" and body.get("background"):
        raise Refused(400, "the gateway does not forward background requests: nobody would count")
    for place in _fetched(api, body):
        raise Refused(400, f"the gateway does not forward {place}: the provider would fetch it")
    if api == "responses" and any(i.get("type") == "item_reference" for i in _parts(api, body)):
        raise Refused(400, "the gateway does not forward item_reference: send the item itself")
    removed = [name for name, value in body.items() if value and name not in FIELDS[api]]
    kept = {name: value for name, value in body.items() if name in FIELDS[api]}
    if body.get("tools"):
        offered = _offered(body["tools"])
        tools, stripped = _tools(api, offered)
        removed += stripped
        kept["tools"] = tools
        if stripped:
            _forget_choice(kept, tools, offered)
    return kept, tuple(dict.fromkeys(name[:SHOWN] for name in removed))[:MOST_NAMED]


def _offered(tools: Any) -> list[Any]:
    """The tools as a list: Google reads one alone as a list of one. Raises Refused."""
    if not isinstance(tools, list | dict):
        raise Refused(400, "the gateway does not forward tools that are no list")
    return _listed(tools)


def _tools(api: str, tools: list[Any]) -> tuple[list[Any], list[str]]:
    """The tools that the client runs itself, with their known fields, and what was taken out."""
    kept: list[Any] = []
    removed: list[str] = []
    for tool in tools:
        if not isinstance(tool, dict):
            raise Refused(400, "a tool is not an object")
        kind = str(tool.get("type", "custom" if api == "messages" else "function"))
        if api != "gemini" and not _is_clients(api, kind, tool):
            removed.append(kind)
            continue
        removed += [name for name in tool if name not in TOOL_FIELDS[api]]
        known = {name: value for name, value in tool.items() if name in TOOL_FIELDS[api]}
        if not any(known.get(name) for name in TOLD[api]):
            continue
        if known.get("tools"):  # a namespace
            inner_tools, inner_removed = _tools(api, _offered(known["tools"]))
            known, removed = {**known, "tools": inner_tools}, removed + inner_removed
        kept.append(known)
    return kept, removed


def _is_clients(api: str, kind: str, tool: Mapping[str, Any]) -> bool:
    if api == "responses" and kind == "shell":
        environment = tool.get("environment") or {"type": "local"}
        return isinstance(environment, dict) and environment.get("type") == "local"
    return any(
        kind.startswith(name) if name.endswith("_") else kind == name for name in CLIENT_TOOLS[api]
    )


def _forget_choice(body: Body, tools: list[Any], before: list[Any]) -> None:
    """Take out a choice of a tool that is not offered any more."""
    choice = body.get("tool_choice")
    names = {_name(tool) for tool in before} - {_name(tool) for tool in tools}
    if not tools:
        body.pop("tools")
        body.pop("tool_choice", None)
    elif isinstance(choice, dict) and (
        names & {str(choice.get("name")), str(choice.get("type"))} or "tools" in choice
    ):
        body.pop("tool_choice")


def _name(tool: Mapping[str, Any]) -> str:
    return str(tool.get("name") or tool.get("type"))


def _fetched(api: str, body: Body) -> Iterator[str]:
    """Content that is only named, for the provider to fetch: by a URL, or by the id of a file."""
    for part in _parts(api, body):
        if api == "messages":
            source = part.get("source")
            if isinstance(source, dict) and source.get("type") not in SOURCES:
                yield f"a {part.get('type')} by its {source.get('type')}"
            if part.get("type") == "container_upload":
                yield "a container_upload"
        elif api == "gemini":
            if part.get("fileData") or part.get("file_data"):
                yield "fileData"
        else:
            yield from _fetched_by_openai(part)


def _fetched_by_openai(part: Mapping[str, Any]) -> Iterator[str]:
    file = part.get("file")
    for holder in (part, file if isinstance(file, dict) else {}):
        if holder.get("file_id"):
            yield "a file by its id"
    for name, value in part.items():
        if not name.endswith("_url"):
            continue
        url = value.get("url") if isinstance(value, dict) else value
        if url and not str(url).startswith("data:"):
            yield f"{name} that is not data:"


def _parts(api: str, body: Body) -> Iterator[Mapping[str, Any]]:
    """Every part of every message; arguments of tools are not parts, whatever they look like."""
    if api == "gemini":
        told = (body.get("systemInstruction"), body.get("system_instruction"))
        contents = [*_listed(body.get("contents")), *told]
        yield from _inner(contents, ("parts", "functionResponse", "function_response"))
    elif api == "responses":
        yield from _inner(_listed(body.get("input")), ("content", "output"))
    else:
        # A document's source may hold parts of its own.
        yield from _inner(_listed(body.get("messages")), ("content", "source"))
        yield from _inner(_listed(body.get("system")), ("content", "source"))


def _inner(items: list[Any], below: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    for item in items:
        if isinstance(item, dict):
            yield item
            for name in below:
                yield from _inner(_listed(item.get(name)), below)


def _listed(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []
