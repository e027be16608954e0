"""Put a file's text into one comment of a pull request: `comment.py NUMBER FILE`.

A comment that an earlier job made is changed, so that there is never more than one. Reads
GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_TOKEN, as a workflow has them.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

MARK = "<!-- seqswe -->"
"""What our own comment begins with; a page does not show it."""
LONGEST = 60_000
"""Letters of a comment; the service takes 65,536."""
PAGE = 100
SECONDS = 30


def main(number: str, file: str) -> None:
    """Make the comment, or change the one that is there."""
    root = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/issues"
    text = Path(file).read_text(encoding="utf-8")
    if len(text) > LONGEST:
        text = text[:LONGEST] + "\n\n… The rest is in the job's summary."
    body = {"body": f"{MARK}\n{text}"}
    there = own_comment(f"{root}/{int(number)}/comments")
    if there is None:
        ask("POST", f"{root}/{int(number)}/comments", body)
    else:
        ask("PATCH", f"{root}/comments/{there}", body)


def own_comment(address: str) -> int | None:
    """The id of the comment that an earlier job made."""
    page = 1
    while found := ask("GET", f"{address}?per_page={PAGE}&page={page}"):
        for comment in found:
            if str(comment["body"]).startswith(MARK):
                return int(comment["id"])
        page += 1
    return None


def ask(method: str, address: str, body: dict[str, str] | None = None) -> Any:
    """One request to the service, answered as JSON."""
    request = Request(
        address,
        data=json.dumps(body).encode() if body else None,
        method=method,
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Content-Type": "application/json",
        },
    )
    with urlopen(request, timeout=SECONDS) as answer:
        return json.load(answer)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (URLError, OSError) as error:
        sys.exit(f"error: the comment could not be made: {error}")
