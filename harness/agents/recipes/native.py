"""An agent's own memory: files below HOME that it keeps from one task to the next.

It is off, but with `--memory native`, which hands the files from task to task and saves and
restores them like any other memory's state. See `memory_backends.stores.native`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqswe.errors import ManifestError
from seqswe.manifests.read import parse_json
from seqswe.memory import OWN_FILES, Recall
from seqswe.sandbox import Sandbox

SECONDS = 60.0
MOST_BYTES = 2_000_000
"""Of all files together; what does not fit is left out, the longest paths first."""
KEEP = f"""
import glob, json, os, sys
home, kept, left = os.environ["HOME"], {{}}, {MOST_BYTES}
found = [p for each in sys.argv[1:] for p in glob.glob(os.path.join(home, each), recursive=True)]
for path in sorted(set(found), key=lambda path: (len(path), path)):
    if os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path) <= left:
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except (OSError, ValueError):
            continue
        left -= len(text.encode())
        kept[os.path.relpath(path, home)] = text
json.dump(kept, sys.stdout)
"""


def restore(recall: Recall, home: str, sandbox: Sandbox) -> None:
    """Write the files that the last task left."""
    files = {item.notes.get("path"): item.text for item in recall.items}
    for path, text in _files(files).items():
        sandbox.write(f"{home}/{path}", text.encode("utf-8", "replace"))


def keep(patterns: Sequence[str], sandbox: Sandbox) -> dict[str, Any]:
    """What is there now, as notes for the memory. None of a sandbox that cannot say."""
    run = getattr(sandbox, "aside", sandbox.run)
    done = run(["python3", "-I", "-c", KEEP, *patterns], timeout=SECONDS)
    try:
        found = parse_json(done.stdout, "its memory", "") if done.ok else {}
    except ManifestError:
        found = {}
    return {OWN_FILES: dict(sorted(_files(found).items()))}


def _files(value: Any) -> Mapping[str, str]:
    """Texts by path below HOME; the agent may have written anything."""
    table = value if isinstance(value, dict) else {}
    return {p: text for p, text in table.items() if isinstance(text, str) and _is_below(p)}


def _is_below(path: Any) -> bool:
    return isinstance(path, str) and path[:1] not in ("", "/") and ".." not in path.split("/")
