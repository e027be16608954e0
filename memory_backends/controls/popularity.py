"""`popularity`, a control: how often each file was fixed so far, whatever the issue.

Faults cluster: a few files get most fixes. What a memory brings beyond these counts, which hold no
word of any issue, is what it knows of the codebase.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from memory_backends.shared.records import Record, RecordMemory
from seqswe.instance import Task
from seqswe.memory import Experience, Recall, Recalled


class Popularity(RecordMemory):
    """The k files that were fixed most often; the score is the count, and later ones come first."""

    def keep(self, experience: Experience) -> Record:
        """Keep the files alone: no text of an issue, a fix or an agent."""
        record = Record.of(experience)
        return replace(record, statement="", fix="", output="", notes={})

    def recall(self, task: Task) -> Recall:
        """Recall files with their counts, the same for every task."""
        fixes: dict[str, list[int]] = defaultdict(list)
        for index, record in enumerate(self.records):
            for path in dict.fromkeys(record.files):
                fixes[path].append(index)
        ranked = sorted(fixes.items(), key=lambda item: (-len(item[1]), -item[1][-1], item[0]))
        return self.within(
            Recalled(
                text=f"{path}: fixed {len(indices)} times so far",
                score=float(len(indices)),
                origins=tuple(self.records[index].instance_id for index in indices),
                files=(path,),
            )
            for path, indices in ranked[: self.k]
        )
