"""The Docker engine: a client of it, what its errors mean, and what was left behind in it.

An engine may go away, hang or answer nonsense at any moment. None of that is a bug of SeqSWE or
says anything about an agent, so it becomes `sandbox_failed` here, which is tried again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from http.client import HTTPException
from time import time
from typing import Any

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container

from harness.sandboxes.cleanup import alive, machine, owner
from seqswe.errors import MissingError, RolloutError

ENGINE_ERRORS = (
    DockerException,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    HTTPException,
    OSError,
    # An answer that is not what an engine says.
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)
"""Everything that the client raises when an engine does not do what it is asked for."""
ENGINE_SLOTS = threading.BoundedSemaphore(4)
"""Containers created or removed at a time; more would only queue up inside the engine."""
TIMEOUT_SECONDS = 120
"""After which an engine that does not answer counts as gone."""
EVENT_SECONDS = 2
"""In which an engine has told what ended a container."""
MACHINE_LABEL = "seqswe.machine"
DEADLINE_LABEL = "seqswe.deadline"
"""Seconds after its creation at which a container has ended, whatever happens."""


def connect() -> docker.DockerClient:
    """Return a client of the engine. Raises MissingError, with a hint, if no engine answers."""
    try:
        client = docker.from_env(timeout=TIMEOUT_SECONDS, max_pool_size=32)
        client.ping()
    except ENGINE_ERRORS as error:
        raise MissingError(
            f"no Docker engine answers ({reason(error)[:160]})",
            "Start one, or run `.ci/docker-engine` as root; `--sandbox local` works without, "
            "and isolates nothing.",
        ) from None
    return client


@contextmanager
def sandbox_errors(doing: str) -> Iterator[None]:
    """Raise an engine's errors as a typed failure, which is retried and never graded."""
    try:
        yield
    except ENGINE_ERRORS as error:
        raise RolloutError("sandbox_failed", f"{doing}: {reason(error)[:300]}") from error


@contextmanager
def missing_engine() -> Iterator[None]:
    """Raise an engine's errors as MissingError, where nothing can go on without it."""
    try:
        yield
    except ENGINE_ERRORS as error:
        raise MissingError(
            f"the Docker engine failed ({reason(error)[:160]})",
            "See whether it answers (`docker info`), then do the same again.",
        ) from error


def reason(error: BaseException) -> str:
    """The first line of what an error says, or its kind."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def ran_out_of_memory(client: docker.DockerClient, container: Container) -> bool:
    """Whether the kernel had to end something in a container because its memory was used up.

    False if the engine does not say: then it is the engine that failed.
    """
    with suppress(*ENGINE_ERRORS):
        until = int(time()) + EVENT_SECONDS
        about = {"container": container.id, "event": "oom"}
        with closing(client.events(since=1, until=until, filters=about, decode=True)) as events:
            return next(events, None) is not None
    return False


def remove(container: Container) -> int:
    """Kill and remove a container and its volumes; returns 0 if it is gone already, else 1."""
    try:
        container.remove(force=True, v=True)
    except NotFound:
        return 0
    except APIError as error:
        if error.status_code != 409:  # 409: its own removal is already under way
            raise
    return 1


def labels_of_owner(label: str, seconds: int) -> Mapping[str, str]:
    """Labels by which `sweep_containers` judges a container that lives `seconds` at most."""
    return {label: owner(), MACHINE_LABEL: machine(), DEADLINE_LABEL: str(seconds)}


def sweep_containers(client: docker.DockerClient, label: str) -> int:
    """Remove the containers whose owner, as `label` says, is dead; returns their number.

    Those of another machine that shares the engine cannot be judged from here: they are left
    alone until their deadline, by the engine's own clock.
    """
    containers = client.containers.list(
        all=True, sparse=True, filters={"label": label}, ignore_removed=True
    )
    dead: list[Container] = []
    unsure: list[Container] = []
    for each in containers:
        labels = each.attrs["Labels"]
        if name := labels[label]:  # images have it empty
            living = alive(name, labels.get(MACHINE_LABEL, ""))
            (unsure if living else dead).append(each)
    if unsure:
        now = datetime.fromisoformat(client.info()["SystemTime"]).timestamp()
        dead += [container for container in unsure if _is_over(container.attrs, now)]
    return sum(map(remove, dead))


def _is_over(attributes: Mapping[str, Any], now: float) -> bool:
    """Whether a container's deadline has passed; never for one whose deadline cannot be read."""
    seconds = attributes["Labels"].get(DEADLINE_LABEL, "")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 12):
        return False
    return now > float(attributes["Created"]) + int(seconds)
