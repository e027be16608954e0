"""A memory of one's own: it recalls the earlier issues that share most words with this one."""

import json
import re
from pathlib import Path

from seqswe.instance import Task
from seqswe.memory import Experience, Recall, Recalled


class Overlap:
    """Use it with `--memory my_package.my_module:Overlap --memory-option k=3`."""

    def __init__(self, home: Path, *, k: int = 5, max_bytes: int = 8000) -> None:
        self.k, self.max_bytes = k, max_bytes
        self.known: dict[str, dict] = {}  # by instance id, in the order they were told

    def recall(self, task: Task) -> Recall:
        asked = words(task.problem_statement)
        scored = [(len(asked & words(row["issue"])), row) for row in self.known.values()]
        best = sorted((s for s in scored if s[0]), key=lambda s: s[0], reverse=True)[: self.k]
        items = tuple(
            Recalled(
                text=f"{row['id']} changed {', '.join(row['files'])}: {row['issue'][:200]}",
                score=score,
                origins=(row["id"],),
                files=tuple(row["files"]),
            )
            for score, row in best
        )
        while items and len(Recall(items=items).text.encode()) > self.max_bytes:
            items = items[:-1]
        return Recall(items=items, truncated=len(items) < len(best))

    def record(self, experience: Experience) -> None:
        task = experience.task
        issue = task.problem_statement[:2000].encode("utf-8", "replace").decode()
        row = {"id": task.instance_id, "issue": issue, "files": experience.files}
        self.known.setdefault(task.instance_id, row)

    def save(self, directory: Path) -> None:
        lines = [json.dumps(row, sort_keys=True) + "\n" for row in self.known.values()]
        (directory / "known.jsonl").write_text("".join(lines))

    def load(self, directory: Path) -> None:
        rows = map(json.loads, (directory / "known.jsonl").read_text().splitlines())
        self.known = {row["id"]: row for row in rows}


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
