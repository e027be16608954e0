"""Environments as folders: hard links into one cache of wheels, so that disk grows with wheels.

A folder is made once, under a lock between processes, and never changed. Bytecode is compiled once
for all environments that have the same source at the same place: what Python writes is kept by
content and linked, too.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

from harness.environments.resolve import Build, without_wheel
from harness.environments.uv import target, uv, wheelhouse
from seqswe.errors import MissingError
from seqswe.instance import digest_of
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import Environment

SITE = "site-packages"
SHEBANG = re.compile(rb"#!/bin/sh\n'''exec' .*\n' '''|#!.*python[0-9.]*")
"""The first form is for interpreters whose path is long or has spaces."""
Compile = Callable[[Path, Sequence[Path]], None]
"""Compiles sources (relative to the folder) where the environment's own Python can run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an environment lies once it is inside a sandbox."""

    python: str
    """Path of the interpreter that its scripts name."""
    checkout: str
    """The checkout's path: its source folders come last on `sys.path`."""
    project: str
    """Path of the folder with the project's own metadata."""


class EnvironmentStore:
    """Folders of installed packages below the user's cache."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_folder() / "environments"

    def site_packages(
        self,
        environment: Environment,
        place: Place,
        compile_: Compile,
        build: Build | None = None,
    ) -> Path:
        """The folder of an environment's packages, made if needed. Needs the environment's lock.

        build: makes the wheel of what is only there as a source distribution. Raises MissingError
        if its wheels cannot be had.
        """
        folder = self.root / self.name(environment, place)
        if not (folder / SITE).is_dir():
            with self._locked(folder):
                if not (folder / SITE).is_dir():
                    self._make(folder, environment, place, compile_, build)
        return folder / SITE

    def add(self, name: str, fill: Callable[[Path], None]) -> bool:
        """Have an environment that was made elsewhere written; False if one of its name is there.

        fill: writes its packages into an empty folder.
        """
        folder = self.root / name
        with self._locked(folder):
            if (folder / SITE).is_dir():
                return False
            with self._new(folder) as site:
                fill(site)
        return True

    def name(self, environment: Environment, place: Place) -> str:
        """The folder's name: two environments that differ in anything have two names."""
        parts = (environment.python, environment.source_path, environment.distribution)
        whole = "\n".join([*parts, place.python, place.checkout, *environment.lock])
        return f"{environment.key}-{digest_of(whole)[7:15]}"

    def remove_all(self) -> int:
        """Remove every environment; returns their number. The cache of wheels stays."""
        folders = [folder for folder in self.root.glob("*-*") if folder.is_dir()]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return len(folders)

    def _make(
        self,
        folder: Path,
        environment: Environment,
        place: Place,
        compile_: Compile,
        build: Build | None,
    ) -> None:
        with self._new(folder) as site:
            install(environment.lock, environment.python, site, environment.cutoff, build)
            _point_scripts(site / "bin", place.python)
            sources = environment.source_path.split(":")
            paths = [os.path.normpath(f"{place.checkout}/{source}") for source in sources]
            paths.append(place.project)
            # A name that sorts last: what it adds comes after everything else.
            (site / "zz_checkout.pth").write_text("".join(f"{path}\n" for path in paths))
            self._bytecode(site, environment.python, compile_)

    @contextmanager
    def _new(self, folder: Path) -> Iterator[Path]:
        """An empty folder for packages, which gets its name when the block ends without error."""
        for left in self.root.glob(f".{folder.name}.*/"):  # by a build that was killed
            shutil.rmtree(left, ignore_errors=True)
        partial = Path(mkdtemp(prefix=f".{folder.name}.", dir=self.root))
        try:
            site = partial / SITE
            site.mkdir(mode=0o755)
            partial.chmod(0o755)
            yield site
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _bytecode(self, site: Path, python: str, compile_: Compile) -> None:
        """Link bytecode that was compiled for another environment; compile and keep the rest."""
        kept = self.root / "bytecode" / python
        kept.mkdir(parents=True, exist_ok=True)
        tag = f"cpython-{python.replace('.', '')}"
        missing: dict[Path, tuple[Path, Path]] = {}
        for source in sorted(site.rglob("*.py")):
            relative = source.relative_to(site)
            name = sha256(f"{relative}\0".encode() + source.read_bytes()).hexdigest()
            cached = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
            if not _linked(kept / name, cached):
                missing[relative] = cached, kept / name
        compile_(site, list(missing))
        for cached, content in missing.values():
            if cached.is_file():  # some files are no Python of this version
                _linked(cached, content)

    @contextmanager
    def _locked(self, folder: Path) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f".{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def install(
    lock: Sequence[str],
    python: str,
    folder: Path,
    cutoff: str = "",
    build: Build | None = None,
) -> None:
    """Unpack the wheels of a lock into a folder; nothing is executed here. Raises MissingError.

    A lock may name what has no wheel: whoever made it had built one. So it is built again.
    """
    if not lock:
        return
    options = ["--no-deps", "--only-binary", ":all:", "--target", str(folder), "--quiet"]
    options += ["--find-links", str(wheelhouse(python, cutoff))]
    versions = dict(pin.split("==", 1) for pin in lock)
    while True:
        done = uv(["pip", "install", *target(python), *options, "-r", "-"], "\n".join(lock))
        if not done.returncode:
            return
        reason = " ".join(done.stderr.split())
        lacking = next((name for name in without_wheel(reason) if name in versions), "")
        # Each is built once: what is missing with its wheel there is missing for another reason.
        version = versions.pop(lacking, "")
        if not (
            build and lacking and build(lacking, python=python, cutoff=cutoff, version=version)
        ):
            raise MissingError(
                f"packages for Python {python} cannot be installed: {reason[:300]}",
                "Building needs a package index: see UV_DEFAULT_INDEX or PIP_INDEX_URL.",
            )


def _point_scripts(folder: Path, python: str) -> None:
    """Have console scripts name the interpreter that they will run on."""
    for script in folder.iterdir() if folder.is_dir() else ():
        if not script.is_file():  # a package may be called bin, and have folders
            continue
        data = script.read_bytes()
        if match := SHEBANG.match(data):
            script.unlink()  # it may be a link into the cache
            script.write_bytes(b"#!" + python.encode() + data[match.end() :])
            script.chmod(0o755)


def _linked(old: Path, new: Path) -> bool:
    if not old.is_file():
        return False
    new.parent.mkdir(exist_ok=True)
    with suppress(FileExistsError):
        os.link(old, new)
    return True
