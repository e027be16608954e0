"""What `seqswe mine TARGET` may name: a checkout, a clone, OWNER/NAME or a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from harness.codebases.locate import in_mirror, locate
from harness.history.git import Clone, git_folder
from seqswe.errors import MissingError, UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.patterns import REPO, URL
from seqswe.runs.folders import cache_folder

HOSTED = re.compile(r"(?:(?:https?|ssh|git)://[^/]+/|[^/\s:]+@[^/\s:]+:/?)(?P<path>\S+)")
"""An address of a repository on some host."""
LOCAL = "local"
"""Owner of a repository of which no other is known."""
WORKS = "Give OWNER/NAME as on GitHub, the path of a clone, or the URL of a git repository."


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A repository to be mined, before anything is known of what is in it."""

    clone: Clone
    repo: str
    url: str
    """Where it is cloned from, or the absolute path of a clone on this machine."""
    found: str
    """How it was found, in words."""


def find_origin(target: str, mirror: str) -> Origin:
    """Find the repository that a target names; an empty one is the checkout one stands in.

    Raises UsageError for what cannot be a target, MissingError for what cannot be had or used.
    """
    if not target:
        origin = _from_folder(Path.cwd(), above=True)
    elif _is_folder(target):
        origin = _from_folder(Path(target))
    elif URL.fits(target) and "/" in target and not target.startswith("/"):
        origin = _from_url(target)
    elif REPO.fits(target.removesuffix(".git")):
        origin = _from_github(target.removesuffix(".git"), mirror)
    else:
        raise _unknown(target, mirror)
    return _checked(origin)


def _is_folder(target: str) -> bool:
    try:
        return Path(target).is_dir()
    except (OSError, ValueError):
        return False


def _from_folder(folder: Path, *, above: bool = False) -> Origin:
    folder = folder.resolve()
    git = git_folder(folder, above=above)
    if git is None:
        empty = not any(folder.iterdir())
        state = "is empty" if empty else "is not a git repository"
        raise UsageError(f"the folder {folder} {state}", WORKS)
    clone = Clone(git)
    top = _top(folder) or git
    return Origin(
        clone=clone, repo=_repo_of(clone, top), url=str(top), found="a clone on this machine"
    )


def _top(folder: Path) -> Path | None:
    """The top folder of a checkout; None for a bare clone."""
    if Clone(folder).run("rev-parse", "--is-inside-work-tree").strip() != "true":
        return None
    return Path(Clone(folder).run("rev-parse", "--show-toplevel").removesuffix("\n"))


def _repo_of(clone: Clone, top: Path) -> str:
    """owner/name of a clone: by its remote, by its place in a mirror, else by its folder."""
    listed = clone.run("config", "--default", "", "--get", "remote.origin.url").strip()
    if (match := HOSTED.fullmatch(listed)) and (repo := _last_two(match["path"])):
        return repo
    owner, plus, name = top.parent.name.partition("+")
    if top.name == "repo" and plus and REPO.fits(f"{owner}/{name}"):
        return f"{owner}/{name}"
    name = re.sub(r"[^A-Za-z0-9._-]+|\.(?=\.)", "-", top.name.removesuffix(".git"))
    return f"{LOCAL}/{name}" if REPO.fits(f"{LOCAL}/{name}") else f"{LOCAL}/codebase"


def _from_url(url: str) -> Origin:
    path = re.sub(r"^\w+://|[?#].*$", "", url).rpartition(":")[2]
    repo = _last_two(path) or f"{LOCAL}/codebase"
    return Origin(clone=locate(repo, url, "", cache_folder()), repo=repo, url=url, found="cloned")


def _last_two(path: str) -> str:
    """owner/name at the end of an address; "" if it does not look like one."""
    words = [word for word in path.removesuffix("/").removesuffix(".git").split("/") if word]
    repo = "/".join([LOCAL, *words][-2:] if len(words) < 2 else words[-2:])
    return repo if REPO.fits(repo) else ""


def _from_github(repo: str, mirror: str) -> Origin:
    url = f"https://github.com/{repo}"
    if clone := in_mirror(repo, mirror):
        return Origin(clone=clone, repo=repo, url=url, found="in the mirror")
    clone = locate(repo, url, "", cache_folder())
    return Origin(clone=clone, repo=repo, url=url, found=f"cloned to {clone.path}")


def _unknown(target: str, mirror: str) -> UsageError:
    wanted = target.lower()
    near = sorted(
        f"{place.parent.name.replace('+', '/', 1)}"
        for place in (Path(mirror).glob("*+*/repo") if mirror else ())
        if place.parent.name.lower().endswith(f"+{wanted}")
    )
    if near:
        return UsageError(
            f"unknown codebase {target[:80]!r}", f"The mirror has {near[0]}: give OWNER/NAME."
        )
    known = manifests.names()
    close = get_close_matches(target[:80], known, n=1, cutoff=0.6)
    did = f"Did you mean {close[0]!r}? " if close else ""
    hint = f"{did}{WORKS} `seqswe list codebases` names what ships."
    return UsageError(f"unknown codebase {target[:80]!r}", hint[:300])


def _checked(origin: Origin) -> Origin:
    clone = origin.clone
    if clone.shallow:
        raise MissingError(
            f"the clone {clone.path} is shallow: its history ends in the middle",
            "Fetch the rest with `git fetch --unshallow`.",
        )
    if not clone.commit_id("HEAD"):
        raise UsageError(f"the repository {clone.path} has no commit yet", WORKS)
    return origin
