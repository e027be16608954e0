"""Predictions as SWE-bench, SWE-agent and mini-swe-agent write them: patches by instance id.

Read: JSON lines; a .json list; a .json table by id (`preds.json`); a folder of SWE-agent, with
`<id>/<id>.pred`. Written: JSON lines, or `preds.json`. Further fields are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from seqswe.errors import ManifestError
from seqswe.manifests.convert import Ids, parse
from seqswe.manifests.read import read_json, read_json_lines

MOST_BYTES = 256_000_000
"""Of a file of predictions."""
MOST_LINE = 64_000_000
NAME = "model_name_or_path"
START, END = ">>>>> Start Test Output", ">>>>> End Test Output"
PATCH_FAILED = ">>>>> Patch Apply Failed"
"""What SWE-bench looks for in a log."""
HINT = (
    'A prediction is {"instance_id": "...", "model_name_or_path": "...", "model_patch": "diff …"}; '
    "a patch of null or an empty one is none."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One patch for one instance, by SWE-bench's names."""

    instance_id: str
    model_patch: str | None
    """None or empty if nothing was changed."""
    model_name_or_path: str = ""


KNOWN = frozenset(spec.name for spec in fields(Prediction))


def read_predictions(path: Path) -> dict[str, Prediction]:
    """Read predictions by instance id. Raises ManifestError, which names file, line and field."""
    ids, by_id = Ids(), {}
    for entry, where in _entries(path):
        if not isinstance(entry, Mapping):
            raise ManifestError(f"{where}: a prediction is a JSON object", HINT)
        # A model's name may be null as well, and says nothing that is needed.
        known = {k: v for k, v in entry.items() if k in KNOWN and (k, v) != (NAME, None)}
        prediction = parse(Prediction, known, where)
        ids.add(prediction.instance_id, where)
        by_id[prediction.instance_id] = prediction
    if not by_id:
        raise ManifestError(f"{path}: there is no prediction in it", HINT)
    return by_id


def write_jsonl(predictions: Iterable[Prediction]) -> str:
    """Write JSON lines, ASCII only: an undecodable byte of a patch is an escape."""
    return "".join(json.dumps(asdict(prediction)) + "\n" for prediction in predictions)


def write_preds(predictions: Iterable[Prediction]) -> str:
    """Write `preds.json`: a table by instance id."""
    return json.dumps({p.instance_id: asdict(p) for p in predictions}, indent=2) + "\n"


def write_log(report: Mapping[str, Any]) -> str:
    """Write what SWE-bench reads a verdict from: a test's status and id on each line.

    report: one instance's, as `Verdict.as_report` has it. It holds the tests that decide.
    """
    if not report["patch_successfully_applied"]:
        return f"{PATCH_FAILED}\n"
    tests = report["tests_status"].values()
    lines = [f"PASSED {test}" for status in tests for test in status["success"]]
    lines += [f"FAILED {test}" for status in tests for test in status["failure"]]
    return "\n".join([START, *lines, END, ""])


def _entries(path: Path) -> Iterator[tuple[Any, str]]:
    """Every entry, and where it stands."""
    if path.is_dir():
        for file in sorted(path.glob("*/*.pred")):
            yield read_json(file, HINT, MOST_LINE), str(file)
    elif path.suffix == ".jsonl":
        for line in read_json_lines(path, HINT, MOST_LINE):
            yield line.value, line.where
    else:
        yield from _of_json(read_json(path, HINT, MOST_BYTES), path)


def _of_json(data: Any, path: Path) -> Iterator[tuple[Any, str]]:
    if isinstance(data, Mapping) and not KNOWN & data.keys():
        for name, entry in data.items():
            yield _of_id(name, entry, f"{path}: {name!r:.80}")
        return
    entries = data if isinstance(data, list) else [data]
    yield from ((entry, f"{path}, entry {number}") for number, entry in enumerate(entries, 1))


def _of_id(name: str, entry: Any, where: str) -> tuple[Any, str]:
    """An entry of a table by id, which may leave the id to its key. Raises ManifestError."""
    if not isinstance(entry, Mapping):
        return entry, where
    if entry.get("instance_id", name) != name:
        other = entry["instance_id"]
        raise ManifestError(
            f"{where}: field 'instance_id' is {other!r:.80}, which is not its key",
            "Both name the same instance: correct one of them.",
        )
    return {"instance_id": name, **entry}, where
