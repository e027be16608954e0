"""What operators, built-in functions and methods make of plain values, with bounds on size."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any


class Exhausted(Exception):
    """A module asks for more work than any honest one."""


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()
"""The value of an expression that cannot be read."""
LONGEST = 1_000_000
"""Characters or items of one value, at most."""
LONGEST_PATH = 300
OPENING = ("open", "io.open", "codecs.open", "file", "read_text")
READING = ("read", "read_text", "open", "readlines", "splitlines")
"""Methods that read a file where their owner is its path."""
SAME = ("read", "read_text", "open", "decode", "encode", "copy", "resolve", "absolute")
SAME_LIST = (*SAME, "readlines", "splitlines", "split", "strip", "rstrip", "lstrip")
SPLITTING: dict[str, Callable[..., Any]] = {"split": str.split, "rsplit": str.rsplit}
TEXT_METHODS: dict[str, Callable[..., Any]] = {
    "strip": str.strip, "lstrip": str.lstrip, "rstrip": str.rstrip, "lower": str.lower,
    "upper": str.upper, "startswith": str.startswith, "endswith": str.endswith,
}  # fmt: skip
FIELD = re.compile(r"\{(\w*)\}")
BOUNDED = re.compile(r"\s*([A-Za-z][\w.-]*(?:\[[\w,. -]*\])?)\s*(?:[<>=!~]=|[<>])")
PERCENT = re.compile(r"%(?:\((\w+)\))?[sd]|%%")


def added(left: Any, right: Any) -> Any:
    """`left + right`, or as much of it as is known."""
    if isinstance(left, list) and isinstance(right, list):
        return left + right
    if isinstance(left, dict) and isinstance(right, dict):
        return left | right
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    if isinstance(left, list):
        return [*left, UNKNOWN]
    return [*right, UNKNOWN] if isinstance(right, list) else right if left is UNKNOWN else left


def changed(value: Any, kind: str, change: Any) -> Any:
    """A name's value after a change: see `scopes.Kind`."""
    if kind == "set":
        # Something unreadable made of it: what it was before says more than nothing.
        return added(value, change) if change is UNKNOWN and isinstance(value, list) else (
            value if change is UNKNOWN else change
        )  # fmt: skip
    if kind == "merge" and isinstance(value, dict) and isinstance(change, dict):
        return value | {key: added(value.get(key, []), more) for key, more in change.items()}
    return added(value, change)


def bound(target: ast.expr, item: Any) -> dict[str, Any]:
    """Names that a loop binds for an item."""
    if isinstance(target, ast.Name):
        return {target.id: item}
    if not isinstance(target, ast.Tuple):
        return {}
    items = item if isinstance(item, list) else []
    items = [*items, *[UNKNOWN] * len(target.elts)]
    pairs = zip(target.elts, items, strict=False)
    return {name.id: value for name, value in pairs if isinstance(name, ast.Name)}


def said(values: Iterable[Any]) -> list[Any]:
    """Items of a comprehension without blank lines and comments."""
    return [
        v
        for v in values
        if not isinstance(v, str) or (v.strip() and not v.lstrip().startswith("#"))
    ]


def dictionary(pairs: Iterable[Any]) -> dict[str, Any]:
    """A dictionary of pairs; those whose key cannot be read are left out."""
    items = (p for p in pairs if isinstance(p, list) and len(p) == 2)
    return {key: value for key, value in items if isinstance(key, str)}


def joined(between: str, parts: Sequence[Any]) -> Any:
    """Texts and numbers as one text."""
    if not all(isinstance(part, str) or _small(part) for part in parts):
        # `f"click>={lowest}"` is a requirement of click, whatever the bound is.
        bounded = BOUNDED.match(parts[0]) if parts and isinstance(parts[0], str) else None
        return bounded[1] if bounded and not between else UNKNOWN
    texts = [str(part) for part in parts]
    if sum(map(len, texts)) + len(between) * len(texts) > LONGEST:
        raise Exhausted
    return between.join(texts)


def path_of(parts: Sequence[Any]) -> Any:
    """Parts of a path joined; folders that cannot be read are taken for the project's own."""
    known = [part for part in parts if isinstance(part, str) and part]
    if not known or not isinstance(parts[-1], str) or sum(map(len, known)) > LONGEST_PATH:
        return UNKNOWN
    return posixpath.normpath(posixpath.join(*(part.lstrip("/") for part in known)))


def percent(left: Any, right: Any) -> Any:
    """`left % right` for `%s`, `%d` and `%(name)s`."""
    if not isinstance(left, str) or PERCENT.sub("", left).count("%"):
        return UNKNOWN
    values = list(right) if isinstance(right, list) else [right]
    return _filled(PERCENT, left, iter(values), right if isinstance(right, dict) else {})


def _filled(fields: re.Pattern[str], text: str, values: Any, named: Mapping[str, Any]) -> Any:
    parts: list[Any] = []
    at = 0
    for match in fields.finditer(text):
        parts.append(text[at : match.start()])
        at = match.end()
        if match[0] == "%%":
            parts.append("%")
        else:
            parts.append(named.get(match[1], UNKNOWN) if match[1] else next(values, UNKNOWN))
    return joined("", [*parts, text[at:]])


def builtin(name: str, given: list[Any], keywords: Mapping[str | None, Any]) -> Any:
    """What a function of Python or its library returns."""
    last = name.split(".")[-1]
    if last in ("dict", "OrderedDict", "defaultdict"):
        return _made_dict(given, keywords)
    if name in ("os.environ.get", "os.getenv"):
        return given[1] if len(given) > 1 else UNKNOWN
    if name == "platform.python_implementation":
        return "CPython"
    if name == "platform.system":
        return "Linux"
    if last in ("join", "Path", "PurePath", "joinpath") and "path" in name.lower() and given:
        return path_of(given)
    if not given:
        return [] if name in ("list", "set", "tuple") else UNKNOWN
    if name in ("list", "sorted", "set", "tuple", "frozenset", "reversed"):
        return list(given[0]) if isinstance(given[0], list | dict) else UNKNOWN
    if name in ("map", "filter") and len(given) > 1:
        return given[1] if isinstance(given[1], list) else UNKNOWN
    if name == "str":
        return joined("", given) if isinstance(given[0], str) or _small(given[0]) else given[0]
    if last in ("chain", "from_iterable") or name == "sum":
        return _flat(given if last == "chain" else given[:1], deep=last != "chain")
    if name in OPENING and isinstance(given[0], list):
        return given[0]
    return UNKNOWN


def method(owner: Any, name: str, given: list[Any], keywords: Mapping[str | None, Any]) -> Any:
    """What a method of a plain value returns."""
    if isinstance(owner, list):
        if name in ("union", "__add__"):
            return _flat([owner, *given], deep=False)
        return owner if name in SAME_LIST else UNKNOWN
    if isinstance(owner, dict):
        return _dict_method(owner, name, given)
    if not isinstance(owner, str):
        return UNKNOWN
    if name in SAME:
        return owner
    if name in ("splitlines", "readlines"):
        return owner.splitlines()
    if name == "join" and len(given) == 1 and isinstance(given[0], list):
        return joined(owner, given[0])
    if name == "format":
        if "{" in FIELD.sub("", owner):
            return UNKNOWN
        numbered = {str(number): value for number, value in enumerate(given)}
        named = {str(key): value for key, value in keywords.items()}
        return _filled(FIELD, owner, iter(given), numbered | named)
    if name == "replace" and len(given) == 2 and all(isinstance(g, str) for g in given):
        long = len(owner) * max(len(given[1]), 1) > LONGEST
        return UNKNOWN if long or not given[0] else owner.replace(*given)
    if name in TEXT_METHODS | SPLITTING:
        try:
            tuples = [tuple(g) if isinstance(g, list) else g for g in given]
            return (TEXT_METHODS | SPLITTING)[name](owner, *tuples)
        except (TypeError, ValueError, OverflowError):
            return UNKNOWN
    return UNKNOWN


def constants(module: ast.Module) -> dict[str, Any]:
    """Names of a module that are bound to plain texts and the like."""
    made: dict[str, Any] = {}
    for statement in module.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    made[target.id] = statement.value.value
    return made


def _made_dict(given: list[Any], keywords: Mapping[str | None, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if given and isinstance(given[0], dict):
        made |= given[0]
    elif given and isinstance(given[0], list):
        made |= dictionary(given[0])
    for key, value in keywords.items():
        made |= {key: value} if key else value if isinstance(value, dict) else {}
    return made


def _dict_method(owner: dict[str, Any], name: str, given: list[Any]) -> Any:
    if name == "keys":
        return list(owner)
    if name in ("values", "itervalues"):
        return list(owner.values())
    if name in ("items", "iteritems"):
        return [[key, value] for key, value in owner.items()]
    if name in ("get", "pop", "setdefault") and given and isinstance(given[0], str):
        return owner.get(given[0], given[1] if len(given) > 1 else UNKNOWN)
    return owner if name == "copy" else UNKNOWN


def _flat(parts: Iterable[Any], *, deep: bool) -> list[Any]:
    """Lists as one list; deep: the lists are inside the parts."""
    made: list[Any] = []
    for part in parts:
        for item in part if isinstance(part, list | dict) else [UNKNOWN]:
            made += item if deep and isinstance(item, list) else [item]
            if len(made) > LONGEST:
                raise Exhausted
    return made


def _small(value: Any) -> bool:
    return isinstance(value, int) and abs(value) < 10**15
