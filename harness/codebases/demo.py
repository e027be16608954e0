"""The demo codebase: a bare repository built from patches that ship with the package.

Nothing is downloaded. The patches and this module pin all that a commit is made of, so its SHA is
the same on every machine, and the recorded head proves it.
"""

from __future__ import annotations

import tempfile
from importlib.resources import files
from pathlib import Path

from harness.history.git import GitError, run_git, settle
from seqswe.errors import MissingError

HINT = "Remove that folder; the demo codebase is built anew from what ships with SeqSWE."
DATA = files("repos_manifest") / "ledgerlite"

PINNED = {"GIT_COMMITTER_NAME": "ledgerlite", "GIT_COMMITTER_EMAIL": "ledgerlite@example.org"}


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
    where = Path(place.get("GIT_WORK_TREE", "."))
    env = PINNED | place | {"GIT_DIR": str(repository.resolve())}
    settings = (("core.logAllRefUpdates", "false"),)
    try:
        return run_git(where, *arguments, stdin=stdin, env=env, settings=settings).decode().strip()
    except GitError as error:
        raise DemoError(f"git {arguments[0]} failed: {error.reason}", HINT) from None
