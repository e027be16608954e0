"""A memory of one's own: it recalls the earlier issues that share most words with this one."""

import json
import re
from pathlib import Path
from typing import Any

from seqswe.instance import Task
from seqswe.memory import Experience, Recall, Recalled


class Overlap:
    """Recalls at most `k` earlier tasks, in at most `max_bytes` of text."""

    def __init__(self, home: Path, *, k: int = 20, max_bytes: int = 8000) -> None:
        self.k, self.max_bytes = k, max_bytes
        self.known: dict[str, dict[str, Any]] = {}  # by instance id, in the order they were told

    def recall(self, task: Task) -> Recall:
        """Find what helps with this task; nothing may change."""
        asked = words(task.problem_statement)
        scored = [(len(asked & words(row["issue"])), row) for row in self.known.values()]
        best = sorted((s for s in scored if s[0]), key=lambda s: s[0], reverse=True)[: self.k]
        items = tuple(
            Recalled(
                text=f"{row['id']} changed {', '.join(row['files'])}: {row['issue'][:200]}",
                score=score,
                origins=(row["id"],),
                files=tuple(row["files"]),
                notes=row["notes"],  # what the agent left for its successors: hand it back
            )
            for score, row in best
        )
        while items and len(Recall(items=items).text.encode()) > self.max_bytes:
            items = items[:-1]
        return Recall(items=items, truncated=len(items) < len(best))

    def record(self, experience: Experience) -> None:
        """Learn from one finished task; the same one again changes nothing."""
        task = experience.task
        issue = task.problem_statement[:2000].encode("utf-8", "replace").decode()
        row = {"id": task.instance_id, "issue": issue, "files": experience.files}
        self.known.setdefault(task.instance_id, row | {"notes": dict(experience.notes)})

    def save(self, directory: Path) -> None:
        """Write everything into an empty folder, the same bytes for the same state."""
        lines = [json.dumps(row, sort_keys=True) + "\n" for row in self.known.values()]
        (directory / "known.jsonl").write_text("".join(lines))

    def load(self, directory: Path) -> None:
        """Replace everything by what `save` wrote."""
        rows = map(json.loads, (directory / "known.jsonl").read_text().splitlines())
        self.known = {row["id"]: row for row in rows}


def words(text: str) -> set[str]:
    """The words of a text, in small letters."""
    return set(re.findall(r"\w+", text.lower()))
