"""One resolver for the extension points: agents, memories, sandboxes, reports and the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from inspect import Parameter, signature
from math import isfinite
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_type_hints

from seqswe.errors import MissingError, SeqSWEError, UnknownName, UsageError
from seqswe.plugins.packages import extra_of
from seqswe.plugins.places import file_of, import_place, is_place, make_importable

Kind = Literal["agent", "memory", "sandbox", "report", "outcome", "user", "tracker"]
KINDS: tuple[Kind, ...] = get_args(Kind)
GIVEN = ("self", "seed", "gold", "home", "services")
"""Parameters that the harness fills in."""
RECIPE = ".toml"
"""How the name of an agent ends that is a file of one's own: `./mine.toml`."""
MAX_DIGITS = 18
"""Of a number: what every later step can count with."""
NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


@cache
def installed(kind: Kind) -> Mapping[str, EntryPoint]:
    """Entry points of one kind by name; built-ins and third-party plug-ins alike."""
    return {point.name: point for point in entry_points(group=f"seqswe.{kind}")}


def resolve(kind: Kind, name: str) -> Any:
    """The object behind an entry-point name, a `module:attribute` or a `./file.py:attribute`.

    A module may lie in the current folder. For an agent it may be the path of a recipe as well,
    `./mine.toml`. Raises UnknownName for a name nobody registered, MissingError where its package
    lacks a dependency and UsageError where the module or attribute does not exist.
    """
    if ":" in name:
        if not is_place(name):
            raise UsageError(
                f"{kind} {name!r} is not module:attribute", "For example ./mine.py:Thing."
            )
        make_importable(name)
        return _load(kind, name, *name.rsplit(":", 1))
    if kind == "agent" and name.endswith(RECIPE):
        return _recipe(name)
    known = installed(kind)
    if name not in known:
        raise UnknownName(kind, name, known)
    point = known[name]
    return _load(kind, name, point.module, point.attr, extra_of(point))


def is_known(kind: Kind, name: str) -> bool:
    """Whether a name is registered, or is the place of something: `module:attribute`, a file."""
    return ":" in name or name in installed(kind) or (kind == "agent" and name.endswith(RECIPE))


def _recipe(path: str) -> Any:
    """The agent of a file; what reads such files is an entry point like any other."""
    (reader,) = entry_points(group="seqswe.agent_file", name=RECIPE)
    return reader.load()(path)


def files_of(name: str) -> tuple[Path, ...]:
    """Files that an agent is made of, if its name is that of a file. Raises as `resolve`."""
    if not name.endswith(RECIPE):
        return ()
    return Path(name), *(Path(name).parent / script for script in _recipe(name).scripts)


def build(kind: Kind, name: str, /, *args: Any, **options: Any) -> Any:
    """Resolve and call. Raises as `check`, and whatever the factory raises."""
    return check(kind, name, *args, **options)(*args, **options)


def check(kind: Kind, name: str, /, *args: Any, **options: Any) -> Callable[..., Any]:
    """The factory behind a name, which takes these options. Raises UsageError if it does not."""
    factory = resolve(kind, name)
    if not callable(factory):
        raise UsageError(
            f"{kind} {name!r} is {factory!r:.100}, which cannot be called",
            "Give module:attribute of a class or function.",
        )
    try:
        signature(factory).bind(*args, **options)
    except TypeError as error:
        raise UsageError(
            f"{kind} {name!r} refused its options: {error}", _hint(kind, factory, options)
        ) from None
    except ValueError:  # something built in, without a signature
        pass
    return cast(Callable[..., Any], factory)


def _hint(kind: Kind, factory: Any, options: Mapping[str, Any]) -> str:
    """What to type instead: the options that are missing, or those that there are."""
    known = {p.name: p for p in parameters(factory)}
    missing = [n for n, p in known.items() if p.default is p.empty and n not in options]
    if missing:
        asked = " ".join(f"--{kind}-option '{name}=...'" for name in missing)
        return f"Give {asked}."
    wrong = next((name for name in options if name not in known and name not in GIVEN), "")
    close = get_close_matches(wrong, known, n=1, cutoff=0.4)
    did = f"Did you mean {close[0]!r}? " if close else ""
    return f"{did}It takes: {', '.join(known) or 'none'}."


def options(kind: Kind, name: str, pairs: Iterable[str]) -> dict[str, Any]:
    """`("k=3", "model=x")` as keyword arguments, read as the factory's annotations say.

    Where it says nothing, numbers and booleans are recognised. Raises UsageError.
    """
    factory = resolve(kind, name)
    hints = _hints(factory)
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.isidentifier():
            raise UsageError(f"{kind} option {pair[:80]!r} is not key=value", "For example k=3.")
        try:
            found[key] = _read(hints.get(key), text)
        except ValueError:
            kinds = {int: "a whole number", float: "a number", bool: "true or false"}
            wanted = kinds.get(hints.get(key, str), "a text or a smaller number")
            raise UsageError(
                f"{kind} option {pair[:80]!r}: {key} must be {wanted}",
                f"See `seqswe list {plural(kind)}`.",
            ) from None
    return found


def parameters(factory: Any) -> list[Parameter]:
    """What people may set of a factory: its parameters but for those that the harness gives."""
    try:
        found = list(signature(factory).parameters.values())
    except (TypeError, ValueError):
        return []
    given = {*GIVEN, "model"} if getattr(factory, "apis", ()) else GIVEN
    named = [p for p in found if p.name not in given and p.kind in NAMED]
    if isinstance(factory, type) and any(p.kind is Parameter.VAR_KEYWORD for p in found):
        # What it hands on to its base class can be set as well.
        known = {p.name for p in found}
        named += [p for p in parameters(factory.__mro__[1]) if p.name not in known]
    return named


def require(module: str, extra: str, what: str) -> Any:
    """A module that only the extra `extra` of seqswe brings. Raises MissingError."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingError(
            f"{what} needs the package {module!r}: {error}",
            f"Install it: pip install 'seqswe[{extra}]'.",
        ) from error


def plural(kind: Kind) -> str:
    """`memory` → `memories`, `sandbox` → `sandboxes`."""
    return {"memory": "memories", "sandbox": "sandboxes"}.get(kind, kind + "s")


def _load(kind: Kind, name: str, module: str, attribute: str, extra: str = "") -> Any:
    try:
        found: Any = import_place(module)
    except ModuleNotFoundError as error:
        if error.name and module.split(".")[0] != error.name.split(".")[0]:
            raise MissingError(
                f"{kind} {name!r} needs the package {error.name!r}",
                f"Install it: pip install {repr(extra) if extra else error.name}.",
            ) from error
        raise UsageError(
            f"{kind} {name!r}: there is no {'file' if file_of(name) else 'module'} {module!r}",
            "Give ./file.py:attribute, or module:attribute of what is installed or in this folder.",
        ) from error
    except SeqSWEError:  # it says itself what it lacks
        raise
    except Exception as error:
        command = f"python {module}" if file_of(name) else f"python -c 'import {module}'"
        raise UsageError(
            f"{kind} {name!r}: {module} cannot be imported: {type(error).__name__}: {error}",
            f"Try: {command}",
        ) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise UsageError(
                f"{kind} {name!r}: {module} has no {attribute!r}", _instead(found, module, name)
            )
        found = getattr(found, part)
    return found


def _instead(module: Any, place: str, name: str) -> str:
    """What to type for an attribute that is not there."""
    here = f"{place}.py"
    if file_of(name) is None and Path(here).is_file() and not _is_file(module, here):
        return f"{place} is another module here; for the file give ./{here}:..."
    return "Give module:attribute of something that exists."


def _is_file(module: Any, path: str) -> bool:
    return Path(getattr(module, "__file__", None) or "").resolve() == Path(path).resolve()


def _hints(factory: Any) -> dict[str, Any]:
    """Plain types by parameter; `float | None` counts as float."""
    try:
        made_by = factory.__init__ if isinstance(factory, type) else factory  # type: ignore[misc]
        hints = get_type_hints(made_by)
    except (NameError, TypeError):  # annotations that only a type checker can follow
        return {}
    found = {}
    for name, hint in hints.items():
        kinds = [k for k in get_args(hint) or (hint,) if k is not type(None)]
        if len(kinds) == 1 and kinds[0] in (int, float, bool, str):
            found[name] = kinds[0]
    return found


def _read(kind: type | None, text: str) -> Any:
    """Raises ValueError for a text that is not of this kind, or a number beyond all bounds."""
    if kind is str:
        return text
    if kind is not bool:
        for number in (int, float) if kind is None else (kind,):
            if len(text) > MAX_DIGITS and text.strip("+-").isdigit():
                raise ValueError(text)
            with suppress(ValueError):
                if isfinite(read := number(text)):
                    return read
    if kind in (None, bool) and text in ("true", "false"):
        return text == "true"
    if kind is None:
        return text
    raise ValueError(text)
