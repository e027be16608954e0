"""Which paths a commit has, for many commits and paths in one call of git."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from harness.history.git import Clone


def existing(clone: Clone, commits: Sequence[str], paths: Collection[str]) -> list[frozenset[str]]:
    """Return which of `paths` each commit has, in the order of the commits.

    A path with a line break in it cannot be asked for and counts as missing. Raises GitError.
    """
    asked = sorted(path for path in paths if "\n" not in path)
    several = list(dict.fromkeys(commits))
    lines = "".join(f"{commit}:{path}\n" for commit in several for path in asked)
    told = clone.run("cat-file", "--batch-check=%(objecttype)", stdin=lines).split("\n")
    found = {}
    for number, commit in enumerate(several):
        answers = told[number * len(asked) : (number + 1) * len(asked)]
        kept = zip(asked, answers, strict=True)
        found[commit] = frozenset(path for path, answer in kept if answer == "blob")
    return [found[commit] for commit in commits]
