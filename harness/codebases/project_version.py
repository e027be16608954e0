"""The version of a project at a commit, and the files that its build would write it to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from harness.codebases.declarations.evaluate import ModuleReader
from harness.codebases.declarations.model import Files, parse_python, table, text_of, texts
from harness.history.git import Clone, GitError

LONGEST = 60
"""Characters of a version."""
MOST_TAGS = 500
MOST_IGNORED = 1_000
"""Lines of .gitignore that are read."""
MOST_GENERATED = 20
LONGEST_TEXT = 4_000
"""Characters of a generated file. With their number they bound the shell script that writes them,
which is one argument of a program.
"""
ROOTS = ("", "src/", "lib/", "python/")
MODULES = ("__init__", "__about__", "_version", "version", "__version__", "about", "_about")
ATTRIBUTES = ("__version__", "VERSION", "version", "__version_info__")
VERSION_FILES = ("VERSION", "VERSION.txt", "version.txt")
TAG = re.compile(r"(?:([A-Za-z][A-Za-z0-9._-]*?)[-_/.]?)?v?(\d[\w.+!-]*)")
PLAIN = ("", "v", "release", "rel", "version", "ver", "tag")
"""What stands before the version in a tag, beside the project's name."""
FIELD = re.compile(r"\{(?:version)?(?:(!r)|!s)?\}")
PATH = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*(?:\.py|\.txt)|(?:[\w-]+/)*VERSION", re.A)
"""A file that may be written into a checkout: no hidden name, no way out."""


def normalized(text: Any) -> str:
    """A version as PEP 440 writes it; "" if it is none."""
    if not isinstance(text, str) or len(text) > LONGEST:
        return ""
    try:
        return str(Version(text.strip()))
    except InvalidVersion:
        return ""


def version_from_tags(clone: Clone, commit: str, name: str = "") -> str:
    """The version of the newest tag that a commit reaches; "" if none looks like a version.

    name: the project's; a tag such as `other-1.2` counts only if there is none of its own.
    """
    wanted = ("--sort=-creatordate", f"--count={MOST_TAGS}", "--format=%(refname:strip=2)")
    try:
        listed = clone.run("for-each-ref", f"--merged={commit}", *wanted, "--", "refs/tags")
    except GitError:
        return ""
    plain: list[str] = []
    others: list[str] = []
    for tag in listed.splitlines():
        match = TAG.fullmatch(tag) if len(tag) <= LONGEST else None
        before = canonicalize_name(match[1] or "") if match else ""
        version = normalized(re.sub(r"(?<=\d)_(?=\d)", ".", match[2])) if match else ""
        if version:
            own = before in PLAIN or before == canonicalize_name(name)
            (plain if own else others).append(version)
    return next(iter([*plain, *others]), "")


def version_of(
    files: Files, data: Mapping[str, Any], cfg: Mapping[str, str], setup: Mapping[str, Any]
) -> Iterator[str]:
    """Versions that a project's metadata give, the likeliest first.

    data: pyproject.toml; cfg: `[metadata]` of setup.cfg; setup: the arguments of `setup`.
    """
    project, tool = table(data.get("project")), table(data.get("tool"))
    if "poetry-dynamic-versioning" not in tool:
        yield normalized(table(tool.get("poetry")).get("version"))
    yield normalized(project.get("version"))
    dynamic = table(table(table(tool.get("setuptools")).get("dynamic")).get("version"))
    yield from _by_attribute(files, dynamic.get("attr"))
    yield from _by_file(files, dynamic.get("file"))
    for settings in (
        table(tool.get("hatch")).get("version"),
        table(tool.get("pdm")).get("version"),
    ):
        if isinstance(path := table(settings).get("path"), str):
            yield _in_module(files, path)
    given = cfg.get("version", "").strip()
    if given.startswith("attr:"):
        yield from _by_attribute(files, given.removeprefix("attr:").strip())
    elif given.startswith("file:"):
        yield from _by_file(files, given.removeprefix("file:").strip())
    else:
        yield normalized(given)
    yield normalized(setup.get("version"))


def version_in_sources(files: Files, packages: tuple[str, ...]) -> Iterator[str]:
    """Versions in the modules of the project's packages, then in files called VERSION."""
    for package in packages:
        for module in MODULES:
            yield _in_module(files, f"{package}/{module}.py")
        yield _in_module(files, f"{package}.py")
    for path in (*VERSION_FILES, *(f"{package}/VERSION" for package in packages)):
        yield from _by_file(files, path)


def from_history(data: Mapping[str, Any], setup: Mapping[str, Any]) -> bool:
    """Whether a build asks the version control for the version."""
    tool = table(data.get("tool"))
    hatch = table(table(tool.get("hatch")).get("version")).get("source")
    pdm = table(table(tool.get("pdm")).get("version")).get("source")
    named = {"setuptools_scm", "setuptools-scm", "versioningit", "poetry-dynamic-versioning"}
    asked = setup.get("use_scm_version") or setup.get("pbr")
    return bool(named & tool.keys() or hatch == "vcs" or pdm == "scm" or asked)


def generated(
    files: Files, data: Mapping[str, Any], setup: Mapping[str, Any], version: str
) -> dict[str, str]:
    """Files that a build would write the version to, if the commit does not hold them."""
    made: dict[str, str] = {}
    for path, template in (*_targets(data, setup), *((p, None) for p in _ignored(files))):
        if not isinstance(path, str) or len(path) > 200 or not PATH.fullmatch(path):
            continue
        for root in ("", "src/"):
            place = root + path
            folder, _, name = place.rpartition("/")
            if not (there := files.names(folder)):
                continue
            # Folders count, too: a file cannot be written where one is.
            if name not in there and len(made) < MOST_GENERATED:
                made[place] = _version_text(place, template, version)
            break
    return made


def _targets(data: Mapping[str, Any], setup: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    tool = table(data.get("tool"))
    scm = table(tool.get("setuptools_scm")) or table(tool.get("setuptools-scm"))
    for settings in (scm, table(setup.get("use_scm_version"))):
        template = settings.get("version_file_template", settings.get("write_to_template"))
        yield settings.get("version_file"), template
        yield settings.get("write_to"), template
    hooks = table(table(table(tool.get("hatch")).get("build")).get("hooks"))
    yield table(hooks.get("vcs")).get("version-file"), table(hooks.get("vcs")).get("template")
    pdm = table(table(tool.get("pdm")).get("version"))
    yield pdm.get("write_to"), pdm.get("write_template")
    for path in texts(table(setup.get("vcversioner")).get("version_module_paths")):
        yield path, None


def _ignored(files: Files) -> Iterator[str]:
    """Modules that git is told to ignore because a build writes the version there."""
    for line in (text_of(files, ".gitignore") or "").splitlines()[:MOST_IGNORED]:
        path = line.strip().removeprefix("/").removeprefix("src/")
        if re.fullmatch(r"[\w/]+/_?_?version(?:_info)?_?_?\.py", path):
            yield path


def _version_text(path: str, template: Any, version: str) -> str:
    if isinstance(template, str) and len(template) < LONGEST_TEXT and FIELD.search(template):
        text = FIELD.sub(lambda match: repr(version) if match[1] else version, template)
        # Neither NUL nor half a surrogate pair can be handed to a shell.
        if len(text) < LONGEST_TEXT and not re.search(r"\{\w*\}|[\0\ud800-\udfff]", text):
            return text
    if not path.endswith(".py"):
        return f"{version}\n"
    parts = [p if p.isdigit() else repr(p) for p in re.split(r"[.+!]", version)]
    numbers = f"({', '.join(parts)},)"
    return (
        f"__version__ = version = {version!r}\n"
        f"__version_tuple__ = version_tuple = {numbers}\n"
        "__commit_id__ = commit_id = None\n"
    )


def _by_attribute(files: Files, name: Any) -> Iterator[str]:
    """The version under a dotted name."""
    if not isinstance(name, str) or not re.fullmatch(r"[\w.]{3,200}", name) or "." not in name:
        return
    module, _, attribute = name.rpartition(".")
    place = module.replace(".", "/")
    for root in ROOTS:
        for path in (f"{root}{place}.py", f"{root}{place}/__init__.py"):
            yield _in_module(files, path, (attribute,))
    package = place.split("/")[0]
    yield from version_in_sources(files, tuple(root + package for root in ROOTS))


def _by_file(files: Files, names: Any) -> Iterator[str]:
    for name in names if isinstance(names, list) else [names]:
        if isinstance(name, str) and len(name) <= 200:
            lines = (text_of(files, name) or "")[:1000].strip().splitlines()
            yield normalized(lines[0]) if lines else ""


def _in_module(files: Files, path: str, attributes: tuple[str, ...] = ATTRIBUTES) -> str:
    text = text_of(files, path) if len(path) <= 200 else None
    if text is None or not any(attribute in text for attribute in attributes):
        return ""
    module = parse_python(text)
    if isinstance(module, str):
        return ""
    reader = ModuleReader(module, files)
    for attribute in attributes:
        value = reader.name(attribute)
        if isinstance(value, list) and value and all(type(v) is int for v in value[:2]):
            value = ".".join(str(v) for v in value[:3] if type(v) is int)
        if version := normalized(value):
            return version
    return ""
