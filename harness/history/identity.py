"""Who makes a commit of ours, and how its patches are applied: its id is the same everywhere."""

from __future__ import annotations

IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in {
        "NAME": "seqswe",
        "EMAIL": "seqswe@localhost",
        "DATE": "2000-01-01T00:00:00+0000",
    }.items()
}
APPLY = ("apply", "--cached", "--whitespace=nowarn")
