"""Environment images: one per dependency fingerprint, built in a container and committed.

The checkout is not in the image but comes from the packs of history, so disk use grows with
environments and not with tasks. Certificates, index addresses and proxies reach the build's
processes only; none of them stays in the image.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from time import sleep

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.models.images import Image
from docker.types import Mount

from harness.sandboxes.cleanup import alive, owner
from seqswe.errors import MissingError
from seqswe.instance import digest_of
from seqswe.sandbox import Environment

CHECKOUT = "/testbed"
IMPORTED_BASE = "seqswe-base:bookworm"
"""The image that `.ci/docker-engine` builds on machines without a registry."""
REGISTRY_BASE = "python:3.11-slim-bookworm"
CERTIFICATES = "/run/ca-certificates.crt"
PASSED = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "PIP_DEFAULT_TIMEOUT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
POLL_SECONDS = 0.2
LABEL = "seqswe.environment"
BUILDER_LABEL = "seqswe.builder"
"""The building process, on containers; empty on images, whose containers would inherit it."""
LOCK_LABEL = "seqswe.lock"
"""Digest of the output of `pip freeze` when the image was built."""

BUILD = """
set -e
export HOME=/tmp PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
command -v git >/dev/null || {{
  apt-get update -qq; apt-get install -y -qq --no-install-recommends git
}}
python3 -c 'import sys; v = "%d.%d" % sys.version_info[:2]
sys.exit(0 if v == "{python}" else f"base image has Python {{v}}, the environment needs {python}")'
python3 -m venv /opt/env
/opt/env/bin/pip install --quiet {requirements}
[ -z {distribution} ] || /opt/env/bin/pip uninstall --quiet --yes {distribution}
site=$(/opt/env/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo {source_path} > "$site/_checkout.pth"
mkdir -p {checkout} /history /inbox /home/agent
rm -rf /root/.cache /var/cache/apt /var/lib/apt/lists
/opt/env/bin/pip freeze
"""


class Images:
    """Builds and finds environment images on one engine."""

    def __init__(self, client: docker.DockerClient, base_image: str) -> None:
        self.client = client
        self.base_image = base_image

    def base(self) -> Image:
        """Find the base image: the setting, else an imported one, else one from the registry."""
        candidates = [self.base_image] if self.base_image else [IMPORTED_BASE, REGISTRY_BASE]
        for name in candidates:
            try:
                return self.client.images.get(name)
            except ImageNotFound:
                continue
        try:
            return self.client.images.pull(candidates[-1])
        except DockerException as error:
            raise MissingError(
                f"no base image: {' and '.join(candidates)} are not here and cannot be pulled "
                f"({_last(str(error))})",
                "Run `.ci/docker-engine` to build one without a registry, or give --base-image.",
            ) from None

    def name(self, environment: Environment) -> str:
        """Return the name of an environment's image on this base."""
        # The key says what is installed. The codebase itself never is, so two codebases with equal
        # requirements may still need different images.
        rest = digest_of(f"{self.base().id} {environment.distribution} {BUILD}")
        return f"seqswe-env:{environment.key}-{rest[7:15]}"

    def ensure(self, environment: Environment) -> Image:
        """Return the image of an environment, built if it does not exist yet."""
        base, name = self.base(), self.name(environment)
        # A builder's container is named after its image, so that the engine itself lets no two
        # processes build the same one: they would differ in their ids.
        while (image := self._image(environment, name)) is None:
            try:
                return self._build(environment, base, name)
            except APIError as error:
                if error.status_code != 409:  # 409: another process builds it right now
                    raise
                self._wait_for_builder(name)
        return image

    def _image(self, environment: Environment, name: str) -> Image | None:
        """The image, if it is there and holds what the environment's lock says."""
        try:
            image = self.client.images.get(name)
        except ImageNotFound:
            return None
        locked = _lock_digest(environment.lock)
        return None if environment.lock and image.labels.get(LOCK_LABEL) != locked else image

    def _wait_for_builder(self, name: str) -> None:
        """Wait until another process has ended building; remove what a dead one left."""
        while True:
            try:
                builder = self.client.containers.get(_builder(name))
            except NotFound:
                return
            if not alive(builder.labels.get(BUILDER_LABEL, "")):
                with suppress(NotFound, APIError):  # others wait for it too
                    builder.remove(force=True, v=True)
            sleep(POLL_SECONDS)

    def remove_all(self) -> tuple[int, int]:
        """Remove every environment image; returns how many, and how many a container still uses.

        The base image stays.
        """
        removed = in_use = 0
        for image in self.client.images.list(filters={"label": LABEL}):
            try:
                self.client.images.remove(str(image.id), force=True)
                removed += 1
            except APIError as error:
                if error.status_code != 409:  # 409: a running container is made from it
                    raise
                in_use += 1
        return removed, in_use

    def _build(self, environment: Environment, base: Image, name: str) -> Image:
        packages = environment.lock or environment.requirements
        script = BUILD.format(
            python=environment.python,
            requirements=" ".join(shlex.quote(p) for p in packages),
            distribution=shlex.quote(environment.distribution or ""),
            source_path=shlex.quote(os.path.normpath(f"{CHECKOUT}/{environment.source_path}")),
            checkout=CHECKOUT,
        )
        container = self.client.containers.run(
            base,
            ["sleep", "3600"],
            name=_builder(name),
            detach=True,
            init=True,
            auto_remove=True,
            labels={BUILDER_LABEL: owner()},
            use_config_proxy=False,
            mounts=_certificates(),
            tmpfs={"/tmp": "exec", "/run": ""},
        )
        try:
            installed = _execute(container, script, environment).splitlines()
            settings = [
                'CMD ["sleep", "60"]',
                f"WORKDIR {CHECKOUT}",
                "ENV PATH=/opt/env/bin:/usr/local/bin:/usr/bin:/bin",
                f"LABEL {LABEL}={environment.key} {LOCK_LABEL}={_lock_digest(installed)} "
                f'{BUILDER_LABEL}=""',
            ]
            container.commit(*name.split(":"), pause=False, changes=settings)
            return self.client.images.get(name)
        finally:
            container.remove(force=True, v=True)


def _builder(image: str) -> str:
    """The name of the container in which an image is built."""
    return f"seqswe-build-{image.replace(':', '-')}"


def _lock_digest(lock: Iterable[str]) -> str:
    return digest_of("\n".join(sorted(lock)))


def _execute(container: Container, script: str, environment: Environment) -> str:
    # Secrets such as an index's address go to this process and never into the image's settings.
    passed = {name: os.environ[name] for name in PASSED if os.environ.get(name)}
    if _certificates():
        passed |= dict.fromkeys(("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), CERTIFICATES)
    result = container.exec_run(["sh", "-c", script], environment=passed, demux=True)
    out, err = result.output
    if result.exit_code != 0:
        raise MissingError(
            f"environment {environment.key} could not be built: {_last(err or out)}",
            "Building needs a package index: see PIP_INDEX_URL, or bring the image from another "
            "machine with `docker save` and `docker load`.",
        )
    return bytes(out or b"").decode()


def _certificates() -> list[Mount]:
    names = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    candidates = [os.environ.get(n, "") for n in names] + ["/etc/ssl/certs/ca-certificates.crt"]
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            # A mount, because a volume's place would be recorded in the committed image.
            return [Mount(CERTIFICATES, candidate, type="bind", read_only=True)]
    return []


def _last(text: object) -> str:
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    lines = [line.strip() for line in decoded.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no output"
