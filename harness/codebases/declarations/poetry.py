"""Poetry's own way to declare requirements, as PEP 508 says the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from harness.codebases.declarations.model import table, texts

CARET = re.compile(r"\^=?v?(\d+)(?:\.(\d+|\*))?(?:\.(\d+|\*))?(\S*)")
TILDE = re.compile(r"~(?!=)v?(\d+)(?:\.(\d+|\*))?(\S*)")
PARTS = re.compile(r",|(?<=[\w*])\s+(?=[<>=!~^\d])")
"""Between constraints that hold together: a comma, or a space before an operator."""
OPERATOR = re.compile(r"(>=|<=|<|>|==|!=)([\d.]+?)(\.\*)?")


def poetry_requirements(dependencies: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Each requirement of a table of Poetry's, and whether it is optional.

    Several constraints on one distribution, one for each Python, are several requirements.
    """
    for name, value in dependencies.items():
        if name.lower() == "python":
            continue
        for constraint in value if isinstance(value, list) else [value]:
            fields = table(constraint)
            version = fields.get("version") if fields else constraint
            extras = f"[{','.join(texts(fields.get('extras')))}]" if fields.get("extras") else ""
            bound = "" if {"path", "git", "url", "file"} & fields.keys() else specifier(version)
            marker = _marker(fields)
            text = f"{name}{extras}{bound}" + (f"; {marker}" if marker else "")
            yield text, fields.get("optional") is True


def specifier(version: Any) -> str:
    """`^1.2`, `~1.2`, `1.*` and plain versions as PEP 440 specifiers; "" for any.

    `||` joins alternatives, which no specifier can say: the last is the newest, as a rule.
    """
    if not isinstance(version, str):
        return ""
    return _conjunction(re.split(r"\|\|?", version)[-1])


def _conjunction(text: str) -> str:
    parts = (re.sub(r"\s", "", part) for part in PARTS.split(text.strip()[:500]))
    joined = ",".join(filter(None, map(_constraint, parts)))
    try:
        SpecifierSet(joined)
    except InvalidSpecifier:
        return ""
    return joined


def _constraint(part: str) -> str:
    if part in ("", "*"):
        return ""
    if match := CARET.fullmatch(part):
        return _caret(*match.groups())
    if match := TILDE.fullmatch(part):
        major, minor, rest = match.groups()
        known = minor not in (None, "*")
        top = f"{major}.{int(minor) + 1}" if known else f"{int(major) + 1}"
        return f">={major}.{minor}{rest},<{top}" if known else f">={major},<{top}"
    if re.match(r"v?\d", part):
        return f"=={part}"
    if part.startswith("=") and not part.startswith("=="):
        return f"={part}"
    return part


def _caret(major: str, minor: str | None, patch: str | None, rest: str) -> str:
    numbers = [major, *(n for n in (minor, patch) if n and n != "*")]
    # The first number that is not zero may not grow; if all are zero, the last one given.
    place = next((i for i, n in enumerate(numbers) if int(n)), len(numbers) - 1)
    top = [*numbers[:place], str(int(numbers[place]) + 1)]
    return f">={'.'.join(numbers)}{rest if '*' not in (minor, patch) else ''},<{'.'.join(top)}"


def _marker(fields: dict[str, Any]) -> str:
    """`python`, `platform` and `markers` of a dependency as one marker."""
    parts = []
    if isinstance(python := fields.get("python"), str):
        ways = [_python_marker(_conjunction(way)) for way in re.split(r"\|\|?", python)]
        parts.append(" or ".join(ways) if all(ways) else "")
    if isinstance(platform := fields.get("platform"), str) and re.fullmatch(r"\w+", platform):
        parts.append(f"sys_platform == '{platform}'")
    if isinstance(markers := fields.get("markers"), str):
        parts.append(markers.strip())
    parts = [part for part in parts if part]
    return parts[0] if len(parts) == 1 else " and ".join(f"({part})" for part in parts)


def _python_marker(specifiers: str) -> str:
    markers = []
    for part in filter(None, specifiers.split(",")):
        if match := OPERATOR.fullmatch(part):
            version = ".".join(match[2].split(".")[:2])
            markers.append(f"python_version {match[1]} '{version}'")
    return " and ".join(markers)
