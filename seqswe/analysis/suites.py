"""Whether runs are those of a released suite, whole and as it was released."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from seqswe.errors import UsageError
from seqswe.manifests.suites import Suite, load_suite, suite_of
from seqswe.runs.store import RunInfo


def suite_in_words(infos: Sequence[RunInfo]) -> str:
    """One sentence on the suite that runs are of, and what of it is missing; "" for none."""
    labels = sorted({suite_of(info.experiment.codebase) for info in infos})
    if labels == [""]:
        return ""
    if len(labels) > 1:
        named = ", ".join(label or "no suite" for label in labels)
        return f"NO SUITE: the runs are of {named}."
    try:
        suite = load_suite(labels[0])
    except UsageError as error:
        return f"Runs of the suite {labels[0]}, which is not here to compare with: {error.message}."
    known = f"{suite.label} ({suite.digest[:19]}…)"
    missing = "; ".join(_missing(suite, infos))
    if missing:
        return f"PART of the suite {known}: {missing}."
    codebases = "1 codebase" if len(suite.members) == 1 else f"{len(suite.members)} codebases"
    return f"The suite {known}, whole: {suite.tasks} tasks of {codebases}."


def _missing(suite: Suite, infos: Sequence[RunInfo]) -> Iterator[str]:
    absent = []
    for member in suite.members:
        own = [i for i in infos if Path(i.experiment.codebase).name == member.codebase]
        if not own:
            absent.append(member.codebase)
        tasks = min((len(info.instance_ids) for info in own), default=member.tasks)
        if tasks < member.tasks:
            yield f"{tasks} of {member.tasks} tasks of {member.codebase}"
        full = [i for i in own if i.experiment.statement == "full" and tasks == member.tasks]
        if any(info.sequence_digest != member.sequence for info in full):
            yield f"other tasks of {member.codebase} than were released"
    if absent:
        yield f"nothing of {', '.join(absent)}"
