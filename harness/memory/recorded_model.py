"""A memory's model, recorded or replayed: `--record` and `--replay`, as for the agents' model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seqswe.errors import ManifestError, RolloutError, UsageError
from seqswe.manifests.read import parse_json
from seqswe.models.meter import Meter
from seqswe.models.openai import Posts
from seqswe.runs.recordings import HINT, Differs, Exchange, Normalizer, Recordings

FOLDER = "memory"
"""Below the folder of recordings, beside those of the agents' model."""
WAYS = Normalizer(drop=("/response_format",))
"""In which form an answer was asked for depends on what the endpoint had refused by then."""


class RecordingModel:
    """Keeps what an endpoint answers, in a folder.

    meter: tells which rollout pays, and so whose request it is; key: is written nowhere.
    """

    def __init__(self, posts: Posts, folder: Path, meter: Callable[[], Meter], key: str) -> None:
        self._posts, self._meter = posts, meter
        self._places = {key: "<key>"} if key else {}
        self._recordings = Recordings(folder / FOLDER, WAYS)

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The endpoint's answer. A refusal is not kept: it is asked again in another form."""
        answer = self._posts.post(path, body)
        meter = self._meter()
        ordinal = meter.next_request()
        if ordinal == 1:
            self._recordings.forget(meter.rollout)
        exchange = Exchange(
            target=path,
            request=body,
            status=200,
            content_type="application/json",
            answer=json.dumps(Normalizer()(answer, self._places)),
        )
        self._recordings.save(meter.rollout, ordinal, exchange, self._places)
        return answer


class ReplayedModel:
    """Answers from a folder of recordings; no endpoint is asked.

    Raises UsageError if the folder has none of a memory's model.
    """

    def __init__(self, folder: Path, meter: Callable[[], Meter]) -> None:
        if not (folder / FOLDER).is_dir():
            raise UsageError(
                f"{folder} holds no recordings of a memory's model",
                "Give the folder of --record.",
            )
        self._meter = meter
        self._recordings = Recordings(folder / FOLDER, WAYS)

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The recorded answer. Raises RolloutError("recording_differs")."""
        meter = self._meter()
        asked = Exchange(target=path, request=body, status=0, content_type="")
        try:
            then = self._recordings.find(meter.rollout, meter.next_request(), asked, {})
            answer = parse_json(then.data, f"a recorded answer of {meter.rollout}", HINT)
        except (Differs, ManifestError) as error:
            raise RolloutError("recording_differs", f"the memory's model: {error}") from None
        # What is no object is refused by whoever reads it, as an endpoint's answer is.
        return answer if isinstance(answer, dict) else {}
