"""The demo codebase: a bare repository built from patches that ship with the package.

Nothing is downloaded. The patches and this module pin all that a commit is made of, so its SHA is
the same on every machine, and the recorded head proves it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from harness.history.git import settle
from seqswe.errors import MissingError

HINT = "Remove that folder; the demo codebase is built anew from what ships with SeqSWE."
DATA = files("repos_manifest") / "ledgerlite"

# No setting, attribute, hook or signing key of the user may reach the commits.
PINNED = {
    "GIT_COMMITTER_NAME": "ledgerlite",
    "GIT_COMMITTER_EMAIL": "ledgerlite@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
}


class DemoError(MissingError):
    """The demo codebase could not be built, or differs from what was recorded."""


def expected_head() -> str:
    """Return the SHA of the last commit, as recorded beside the patches."""
    return (DATA / "HEAD").read_text(encoding="utf-8").strip()


def build(target: Path) -> Path:
    """Create the bare demo repository (branch ``main``) at `target`, unless it is there already.

    Raises:
        DemoError: git failed, the head is not the recorded one, or `target` holds something else.
    """
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        # Built aside and renamed once verified: an interrupted build leaves no half repository.
        with tempfile.TemporaryDirectory(prefix=".demo-", dir=target.parent) as scratch:
            _apply_history(Path(scratch, "bare"), Path(scratch, "tree"))
            _verify(Path(scratch, "bare"))
            settle(Path(scratch, "bare"), target)
    return _verify(target)


def _apply_history(repository: Path, tree: Path) -> None:
    patches = sorted((DATA / "history").iterdir(), key=lambda patch: patch.name)
    mailbox = b"".join(patch.read_bytes() for patch in patches)
    tree.mkdir()
    _git(repository, "init", "--bare", "--quiet", "--template=", "--initial-branch=main")
    # The index lives beside the work tree, because a bare repository has none.
    place = {"GIT_WORK_TREE": str(tree.resolve()), "GIT_INDEX_FILE": str(tree.resolve()) + ".index"}
    _git(
        repository,
        "am",
        "--quiet",
        "--keep",
        "--committer-date-is-author-date",
        stdin=mailbox,
        **place,
    )
    (repository / "ORIG_HEAD").unlink(missing_ok=True)


def _verify(repository: Path) -> Path:
    head, expected = _git(repository, "rev-parse", "main"), expected_head()
    if head != expected:
        raise DemoError(
            f"{repository}: main is at {head}, but the recorded head is {expected}", HINT
        )
    return repository


def _git(repository: Path, *arguments: str, stdin: bytes = b"", **place: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    clean |= PINNED | place | {"GIT_DIR": str(repository.resolve())}
    settings = ("-c", f"core.attributesFile={os.devnull}", "-c", "core.logAllRefUpdates=false")
    where = place.get("GIT_WORK_TREE")
    command = ["git", *settings, *arguments]
    try:
        done = subprocess.run(command, input=stdin, env=clean, cwd=where, capture_output=True)
    except FileNotFoundError:
        raise DemoError("git is not installed", "Install it with your package manager.") from None
    if done.returncode:
        raise DemoError(
            f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()}", HINT
        )
    return done.stdout.decode().strip()
