"""Containers that build: they have a network, and nothing of the host but what is mounted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container
from docker.models.images import Image
from docker.types import Mount

from harness.sandboxes.engine import labels_of_owner, remove

CERTIFICATES = "/run/ca-certificates.crt"
PASSED = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "PIP_DEFAULT_TIMEOUT",
    "NPM_CONFIG_REGISTRY",
    "npm_config_registry",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
CERTIFICATE_VARIABLES = (
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
    "npm_config_cafile",
)
BUILDER_SECONDS = 3600
"""After which a builder ends by itself."""
BUILDER_LABEL = "seqswe.builder"
"""The building process, on containers; empty on images, whose containers would inherit it."""


@contextmanager
def builder(client: docker.DockerClient, image: Image, **options: Any) -> Iterator[Container]:
    """A container that does nothing by itself, removed when the block ends."""
    container = client.containers.run(
        image,
        ["sleep", str(BUILDER_SECONDS)],
        detach=True,
        init=True,
        auto_remove=True,
        labels=dict(labels_of_owner(BUILDER_LABEL, BUILDER_SECONDS)),
        use_config_proxy=False,
        tmpfs={"/tmp": "exec", "/run": ""},
        **options,
    )
    try:
        yield container
    finally:
        remove(container)


def passed() -> dict[str, str]:
    """Variables for a build's process: where the indexes are, and how to reach them."""
    # Secrets such as an index's address go to a build's process, never into an image's settings.
    given = {name: os.environ[name] for name in PASSED if os.environ.get(name)}
    if "PIP_INDEX_URL" in given:
        given["UV_DEFAULT_INDEX"] = given["PIP_INDEX_URL"]
    if certificates():
        given |= dict.fromkeys(CERTIFICATE_VARIABLES, CERTIFICATES)
    return given


def certificates() -> list[Mount]:
    """This machine's certificates, mounted where the variables of `passed` say."""
    names = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    candidates = [os.environ.get(n, "") for n in names] + ["/etc/ssl/certs/ca-certificates.crt"]
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            # A mount, because a volume's place would be recorded in the committed image.
            return [Mount(CERTIFICATES, candidate, type="bind", read_only=True)]
    return []


def last_line(text: object) -> str:
    """The last line that something printed, for a message."""
    message = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no output"
