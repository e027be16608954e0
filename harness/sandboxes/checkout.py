"""Pinned environment variables and the checkout, which every sandbox starts with."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from seqswe.sandbox import SandboxSpec

PINNED: Mapping[str, str] = {
    "TZ": "UTC",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "USER": "agent",
    "LOGNAME": "agent",
}
"""The same in every sandbox, so that a verdict does not depend on where it was made."""


CONFIG = """[core]
	repositoryformatversion = 0
	bare = false
	logAllRefUpdates = false
[user]
	name = agent
	email = agent@localhost
[gc]
	auto = 0
[advice]
	detachedHead = false
"""


SHA1 = 40
"""Hex digits of a commit's id, but in repositories of git's newer kind."""


def checkout_script(spec: SandboxSpec, objects: str) -> str:
    """Return shell commands that turn an empty folder into a repository at a checkout's commit.

    It has no templates, reflogs or remotes; objects come only through the alternates file. The
    shell itself writes the files: this runs in every container, and processes are its cost.
    """
    # -m: files are as old as the checkout, so that git's index of other files says nothing of them.
    checkout = spec.checkout
    archive = shlex.quote(f"{objects}/{checkout.tree}")
    # The archive must be the commit's: what it says of its files is compared with the commit.
    unpack = f"tar -xmf {archive} && git diff-index --cached --quiet HEAD"
    return f"""
set -e
mkdir -p .git/objects/info .git/refs/heads .git/info
printf '%s\\n' {shlex.quote(objects)} > .git/objects/info/alternates
printf '%s' {shlex.quote(_config(checkout.commit))} > .git/config
echo {checkout.commit} > .git/refs/heads/main
echo ref: refs/heads/main > .git/HEAD
{unpack if checkout.tree else "git read-tree -u --reset HEAD"}
{"".join(_written(path, text) for path, text in spec.generated.items())}
"""


def _config(commit: str) -> str:
    """The configuration of a repository with ids as long as a commit's."""
    if len(commit) == SHA1:
        return CONFIG
    newer = "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n"
    return CONFIG + newer


def _written(path: str, text: str) -> str:
    """Shell commands that write a file which git does not see."""
    path, text, ignored = shlex.quote(path), shlex.quote(text), shlex.quote(f"/{path}")
    return f"printf '%s' {text} > {path}; printf '%s\\n' {ignored} >> .git/info/exclude\n"
