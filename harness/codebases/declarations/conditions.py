"""Conditions on the version of Python and the system, decided for where tasks run."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from harness.codebases.declarations.calls import UNKNOWN

PLATFORM = {"sys.platform": "linux", "os.name": "posix", "six.PY2": False, "six.PY3": True}
COMPARING: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip


def compared(kind: ast.cmpop, left: Any, right: Any) -> Any:
    """Whether a comparison holds; UNKNOWN if a side is, or if they cannot be compared."""
    if left is UNKNOWN or right is UNKNOWN or type(kind) not in COMPARING:
        return UNKNOWN
    try:
        return COMPARING[type(kind)](left, right)
    except TypeError:
        return UNKNOWN


def platform_value(name: str, python: str) -> Any:
    """The value of an attribute such as `sys.version_info`, for a version such as 3.11."""
    if name in PLATFORM:
        return PLATFORM[name]
    if not python:
        return UNKNOWN
    numbers = [*map(int, python.split(".")), 0, 0][:3]
    about: dict[str, Any] = {"sys.version_info": [*numbers, "final", 0]}
    about |= {"sys.version": f"{python}.0 ", "sys.version_info.major": numbers[0]}
    about["sys.version_info.minor"] = numbers[1]
    return about.get(name, UNKNOWN)
