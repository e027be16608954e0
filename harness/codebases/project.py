"""A project's own metadata at a commit, as an installation would have left it, without one.

Code that asks `importlib.metadata` or `pkg_resources` for its own version, entry points or scripts
finds them in a folder beside the checkout. Everything is read statically; names and versions are
checked, since they come from files that anybody may have written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

from harness.codebases import entry_points as points
from harness.codebases.declarations.evaluate import ModuleReader
from harness.codebases.declarations.model import (
    LONGEST_NAME,
    Files,
    as_name,
    parse_python,
    table,
    text_of,
)
from harness.codebases.declarations.pyproject import parse_toml
from harness.codebases.declarations.setup_files import parse_ini
from harness.codebases.project_version import (
    ROOTS,
    from_history,
    generated,
    normalized,
    version_from_tags,
    version_in_sources,
    version_of,
)

__all__ = ["Project", "ProjectFiles", "project_of", "version_from_tags"]

MOST_PACKAGES = 20
NOT_PACKAGES = ("test", "tests", "testing", "docs", "doc", "examples", "benchmarks", "tools")


class ProjectFiles(Files, Protocol):
    """The files of one commit, with its folders."""

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders in a folder."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project's own metadata."""

    name: str
    """The distribution's name."""
    version: str
    """As PEP 440 writes it."""
    entry_points: points.EntryPoints = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    """Names that its packages and modules are imported by."""
    generated: Mapping[str, str] = field(default_factory=dict)
    """Files that a build would write into the checkout, by path; none that the commit holds."""

    def files(self) -> dict[str, str]:
        """Files of a folder for `sys.path`, by path: the `.dist-info`, and `bin` with scripts.

        The scripts need the mode of a program, and `bin` a place on PATH.
        """
        # Dots stay: importlib.metadata of Python 3.8 finds a name with dots in no other way.
        info = f"{re.sub('[-_]+', '_', self.name)}-{self.version}.dist-info"
        made = {
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {self.name}\n"
            f"Version: {self.version}\n",
            f"{info}/INSTALLER": "seqswe\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: seqswe\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n",
        }
        if self.entry_points:
            made[f"{info}/entry_points.txt"] = points.entry_points_txt(self.entry_points)
        if self.packages:
            made[f"{info}/top_level.txt"] = "".join(f"{name}\n" for name in self.packages)
        made |= {f"bin/{name}": text for name, text in points.scripts(self.entry_points)}
        recorded = [*made, f"{info}/RECORD"]
        made[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in recorded)
        return made


def project_of(files: ProjectFiles, distribution: str, version: str = "") -> Project:
    """Read a project's name, version and entry points from a commit's files.

    distribution: the name if the files give none; version: what counts if they give none, such as
    that of `version_from_tags`; without one it is "0".
    """
    data, cfg, setup = _pyproject(files), _setup_cfg(files), _setup_py(files)
    name = next(filter(None, _names(data, cfg, setup, distribution)), "project")
    roots = tuple(_packages(files, name))
    fallback = normalized(version)
    asked = [fallback] if from_history(data, setup) else []
    versions = chain(
        asked,
        version_of(files, data, table(cfg.get("metadata")), setup),
        version_in_sources(files, roots),
        [fallback],
    )
    chosen = next(filter(None, versions), "0")
    return Project(
        name=name,
        version=chosen,
        entry_points=points.checked(_entry_points(files, data, cfg, setup)),
        packages=tuple(dict.fromkeys(root.rpartition("/")[2] for root in roots)),
        generated=generated(files, data, setup, chosen),
    )


def _pyproject(files: Files) -> dict[str, Any]:
    data = parse_toml(text_of(files, "pyproject.toml") or "")
    return data if isinstance(data, dict) else {}


def _setup_cfg(files: Files) -> dict[str, dict[str, str]]:
    parser = parse_ini(text_of(files, "setup.cfg") or "")
    return {} if isinstance(parser, str) else {s: dict(parser.items(s)) for s in parser.sections()}


def _setup_py(files: Files) -> dict[str, Any]:
    module = parse_python(text_of(files, "setup.py") or "")
    return {} if isinstance(module, str) else ModuleReader(module, files).setup_arguments()


def _names(
    data: Mapping[str, Any], cfg: Mapping[str, Any], setup: Mapping[str, Any], given: str
) -> Iterator[str]:
    tool = table(data.get("tool"))
    flit = table(table(tool.get("flit")).get("metadata"))
    for name in (
        table(data.get("project")).get("name"),
        table(tool.get("poetry")).get("name"),
        flit.get("dist-name"),
        flit.get("module"),
        table(cfg.get("metadata")).get("name"),
        setup.get("name"),
        given,
    ):
        if isinstance(name, str) and len(name) <= LONGEST_NAME:
            yield as_name(name)


def _entry_points(
    files: Files, data: Mapping[str, Any], cfg: Mapping[str, Any], setup: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    yield from points.of_pyproject(data, files)
    given = dict(table(cfg.get("options.entry_points")))
    named = table(cfg.get("options")).get("entry_points", "")
    if named.strip().startswith("file:"):
        yield from points.of_text(text_of(files, named.strip()[5:].strip()) or "")
    yield from points.of_value(given)
    yield from points.of_value(setup.get("entry_points"))


def _packages(files: ProjectFiles, name: str) -> Iterator[str]:
    """Folders of the project's packages, and its single modules, the one of its name first."""
    candidates = []
    for root in ROOTS:
        folder = root.rstrip("/")
        names = files.folders(folder)
        packages = [n for n in names if n not in NOT_PACKAGES and n.isidentifier()]
        candidates += [root + n for n in packages if "__init__.py" in files.names(root + n)]
    own = re.sub(r"[-.]+", "_", name).lower()
    candidates += [root + own for root in ROOTS if files.text(f"{root}{own}.py") is not None]
    candidates.sort(key=lambda path: path.rpartition("/")[2].lower() != own)
    yield from candidates[:MOST_PACKAGES]
