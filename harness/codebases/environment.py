"""Which environment a commit needs: a fingerprint of what the project declares there.

Read statically (nothing of the project is executed): `[project]` and `[dependency-groups]` of
pyproject.toml, `[options]` of setup.cfg, and the literal arguments of setup.py.
"""

from __future__ import annotations

import ast
import configparser
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from harness.history.git import Clone
from seqswe.instance import digest_of
from seqswe.manifests.manifest import PythonSettings
from seqswe.sandbox import Environment


def environment_at(clone: Clone, commit: str, settings: PythonSettings) -> Environment:
    """Find the environment of a commit; equal declarations give equal keys."""
    texts = {name: clone.show(commit, name) for name in settings.dependency_files}
    declarations = [
        r for name, text in texts.items() if text for r in declared(name, text, settings.extras)
    ]
    requirements = _chosen([*declarations, *settings.requirements], settings)
    return Environment(
        key=_key(settings, requirements),
        python=settings.version,
        requirements=requirements,
        source_path=settings.source_path,
        distribution=settings.distribution,
    )


def declared(name: str, text: str, extras: Iterable[str]) -> list[str]:
    """Read the requirements that a dependency file declares, with those of the given extras.

    A file that cannot be read (a setup.py of Python 2, a broken commit) declares nothing.
    """
    readers = {".toml": _pyproject, ".cfg": _setup_cfg, ".py": _setup_py, ".txt": _requirements}
    suffix = name[name.rfind(".") :]
    try:
        return list(readers[suffix](text, frozenset(extras))) if suffix in readers else []
    except (tomllib.TOMLDecodeError, configparser.Error, SyntaxError):
        return []


def _key(settings: PythonSettings, requirements: tuple[str, ...]) -> str:
    parts = [settings.version, settings.source_path, *requirements]
    return digest_of("\n".join(parts)).removeprefix("sha256:")[:12]


def _chosen(declarations: Iterable[str], settings: PythonSettings) -> tuple[str, ...]:
    left_out = {canonicalize_name(n) for n in (*settings.exclude, settings.distribution) if n}
    chosen: dict[str, str] = {}
    for text in declarations:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        name = canonicalize_name(requirement.name)
        marker = requirement.marker
        fits = marker is None or marker.evaluate({"python_version": settings.version, "extra": ""})
        if name not in left_out and fits:
            requirement.marker = None
            chosen[name] = str(requirement)
    return tuple(chosen[name] for name in sorted(chosen))


def _pyproject(text: str, extras: frozenset[str]) -> Iterator[str]:
    data = tomllib.loads(text)
    project = data.get("project", {})
    yield from project.get("dependencies", [])
    groups: Mapping[str, Any] = {
        **data.get("dependency-groups", {}),
        **project.get("optional-dependencies", {}),
    }
    for name in extras & groups.keys():
        yield from (r for r in groups[name] if isinstance(r, str))


def _setup_cfg(text: str, extras: frozenset[str]) -> Iterator[str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    yield from parser.get("options", "install_requires", fallback="").split("\n")
    if parser.has_section("options.extras_require"):
        for name in extras:
            yield from parser.get("options.extras_require", name, fallback="").split("\n")


def _setup_py(text: str, extras: frozenset[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.keyword) or node.arg is None:
            continue
        if node.arg in ("install_requires", "tests_require"):
            yield from _literals(node.value)
        elif node.arg == "extras_require" and isinstance(node.value, ast.Dict):
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in extras:
                    yield from _literals(value)


def _literals(node: ast.AST) -> Iterator[str]:
    # A computed entry (an f-string) is skipped; the literal ones around it still count.
    if isinstance(node, ast.List | ast.Tuple):
        for item in node.elts:
            if isinstance(item, ast.Constant) and isinstance(item.value, str):
                yield item.value


def _requirements(text: str, extras: frozenset[str]) -> Iterator[str]:
    yield from (line.split("#")[0].strip() for line in text.splitlines())
