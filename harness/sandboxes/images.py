"""Images: one for each Python, with an empty environment that packages are mounted into.

Packages are not in the image, and neither is the checkout: disk grows with wheels. Certificates,
index addresses and proxies are handed to a build's processes only; none stays in an image.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.models.images import Image
from docker.types import Mount
from uv import find_uv_bin

from harness.environments.uv import wheelhouse
from harness.sandboxes.builders import BUILDER_LABEL, builder, certificates, last_line, passed
from harness.sandboxes.cleanup import alive
from harness.sandboxes.engine import DEADLINE_LABEL, MACHINE_LABEL, remove
from seqswe.errors import MissingError, UsageError
from seqswe.instance import digest_of

CHECKOUT = "/testbed"
ENVIRONMENT = "/opt/env"
IMPORTED_BASES = {
    "3.7": "seqswe-base:bionic",
    "3.8": "seqswe-base:focal",
    "3.9": "seqswe-base:bullseye",
    "3.11": "seqswe-base:bookworm",
    "3.13": "seqswe-base:trixie",
}
"""What `.ci/docker-engine` makes where there is no registry, by Python."""
NUMBER = re.compile(r"3\.\d+")
POLL_SECONDS = 0.2
EMPTY = " ".join(f'{label}=""' for label in (BUILDER_LABEL, MACHINE_LABEL, DEADLINE_LABEL))
"""Labels of the container that built an image, which containers of the image would inherit."""
LABEL = "seqswe.environment"
PYTHON_LABEL = "seqswe.python"
"""The whole version of the image's Python."""

SKELETON = """
set -e
command -v git >/dev/null || {
  apt-get update -qq; apt-get install -y -qq --no-install-recommends git
}
python3 -m venv --without-pip /opt/env
mkdir -p /testbed /history /inbox /home/agent
rm -rf /root/.cache /var/cache/apt /var/lib/apt/lists
/opt/env/bin/python -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])'
"""
WHEEL = """
set -e
# The base image's own Python: the environment has no pip.
export PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp PIP_NO_CACHE_DIR=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
echo "setuptools<60" > /tmp/old
# The release of its time, as uv finds it; that may run the distribution's code, too.
pin=$(echo "$NAME${VERSION:+==$VERSION}" | timeout 100 /uv pip compile --quiet --no-header \
  --no-annotate --no-deps --no-cache --python /opt/env/bin/python \
  ${CUTOFF:+--exclude-newer "$CUTOFF"} -)
build() {
  timeout 100 python3 -m pip wheel --quiet --no-deps --no-binary "$NAME" --wheel-dir /wheels "$pin"
}
build || PIP_CONSTRAINT=/tmp/old build
"""


class Images:
    """Builds and finds the images of one engine."""

    def __init__(self, client: docker.DockerClient, base_image: str) -> None:
        self.client = client
        self._bases = bases_of(base_image)

    def base(self, python: str) -> Image:
        """Find the base image of a Python: the setting, an imported one, or a registry's."""
        if found := self.base_here(python):
            return found[1]
        candidates = self.base_names(python)
        try:
            return self.client.images.pull(candidates[-1])
        except DockerException as error:
            suite = IMPORTED_BASES.get(python, "").partition(":")[2]
            raise MissingError(
                f"no base image with Python {python}: {' and '.join(candidates)} are "
                f"not here and cannot be pulled ({last_line(str(error))})",
                f"Run `.ci/docker-engine {suite}` to build one without a registry, or give "
                f"--base-image {python}=IMAGE.",
            ) from None

    def base_here(self, python: str) -> tuple[str, Image] | None:
        """The base image of a Python under the name that it is found by; None: it is not here."""
        for name in self.base_names(python):
            with suppress(ImageNotFound):
                return name, self.client.images.get(name)
        return None

    def base_names(self, python: str) -> list[str]:
        """Where the base image of a Python is looked for; the last one can be pulled."""
        if chosen := self._bases.get(python) or self._bases.get(""):
            return [chosen]
        imported = IMPORTED_BASES.get(python)
        return [*([imported] if imported else []), f"python:{python}-slim"]

    def name(self, python: str) -> str:
        """Return the name of the image for a Python on its base."""
        return name_on(self.base(python), python)

    def ensure(self, python: str) -> Image:
        """Return the image for a Python, built if it does not exist yet."""
        name = self.name(python)
        # A builder's container is named after its image, so that the engine itself lets no two
        # processes build the same one: they would differ in their ids.
        while True:
            with suppress(ImageNotFound):
                return self.client.images.get(name)
            try:
                return self._build(python, name)
            except APIError as error:
                if error.status_code != 409:  # 409: another process builds it right now
                    raise
                self._wait_for_builder(name)

    def version(self, python: str) -> str:
        """The whole version of the Python in its image, such as 3.11.2."""
        return str(self.ensure(python).labels.get(PYTHON_LABEL, python))

    def remove_all(self) -> tuple[int, int]:
        """Remove every image; returns how many, and how many a container still uses.

        Base images stay.
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

    def compile(self, python: str, site_packages: Path, sources: Sequence[Path]) -> None:
        """Write the bytecode of some files of a folder, by the image's own Python."""
        if not sources:
            return
        place = packages_folder(python)
        mount = Mount(place, str(site_packages), type="bind")
        options = {"network_mode": "none", "user": f"{os.getuid()}:{os.getgid()}"}
        listing = "\n".join(f"{place}/{source}" for source in sources)
        with builder(self.client, self.ensure(python), mounts=[mount], **options) as container:
            (site_packages / ".sources").write_text(listing)
            command = [f"{ENVIRONMENT}/bin/python", "-m", "compileall", "-q", "-j", "0"]
            command += ["--invalidation-mode", "unchecked-hash", "-i", f"{place}/.sources"]
            container.exec_run(command)  # not every file is Python of this version
            (site_packages / ".sources").unlink()

    def build_wheel(self, name: str, *, python: str, cutoff: str, version: str = "") -> bool:
        """Try to make a wheel of a source distribution, in a container with a network.

        version: or "" for the last one before the cutoff.

        What runs there is the distribution's own code: it sees a folder of its own, and only the
        wheel that was asked for is taken out of it.
        """
        failed = wheelhouse(python, cutoff) / f".failed-{name}{version and f'-{version}'}"
        if failed.exists():  # another environment asked for it: it would fail as slowly again
            return False
        with TemporaryDirectory(prefix="seqswe-wheel-", ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o777)
            uv = Mount("/uv", find_uv_bin(), type="bind", read_only=True)
            mounts = [Mount("/wheels", folder, type="bind"), uv, *certificates()]
            with builder(self.client, self.ensure(python), mounts=mounts) as container:
                env = {**passed(), "NAME": name, "VERSION": version, "CUTOFF": cutoff}
                done = container.exec_run(["sh", "-c", WHEEL], environment=env)
            expected = name.replace("-", "_").replace(".", "_").lower()
            wheels = [
                wheel
                for wheel in Path(folder).glob("*.whl")
                if wheel.name.split("-")[0].replace(".", "_").lower() == expected
                and wheel.is_file()
                and not wheel.is_symlink()
            ]
            if done.exit_code or len(wheels) != 1:
                failed.touch()
                return False
            (wheelhouse(python, cutoff) / wheels[0].name).write_bytes(wheels[0].read_bytes())
        return True

    def _wait_for_builder(self, name: str) -> None:
        """Wait until another process has ended building; remove what a dead one left."""
        while True:
            try:
                builder = self.client.containers.get(_builder_name(name))
            except NotFound:
                return
            labels = builder.labels
            if not alive(labels.get(BUILDER_LABEL, ""), labels.get(MACHINE_LABEL, "")):
                remove(builder)
            sleep(POLL_SECONDS)

    def _build(self, python: str, name: str) -> Image:
        base = self.base(python)
        with builder(
            self.client, base, name=_builder_name(name), mounts=certificates()
        ) as container:
            # Another process may have ended building it since we looked.
            with suppress(ImageNotFound):
                return self.client.images.get(name)
            version = _execute(container, SKELETON, python).strip()
            if version.rpartition(".")[0] != python:
                raise MissingError(
                    f"the base image {(base.tags or [str(base.id)])[0]} has Python {version}, and "
                    f"{python} is needed",
                    f"Give --base-image {python}=IMAGE, or build one with `.ci/docker-engine`.",
                )
            path = f"{ENVIRONMENT}/bin:{packages_folder(python)}/bin:/inbox/project/bin"
            settings = [
                'CMD ["sleep", "60"]',
                f"WORKDIR {CHECKOUT}",
                f"ENV PATH={path}:/usr/local/bin:/usr/bin:/bin",
                f"LABEL {LABEL}={python} {PYTHON_LABEL}={version} {EMPTY}",
            ]
            container.commit(*name.split(":"), pause=False, changes=settings)
        return self.client.images.get(name)


def name_on(base: Image, python: str) -> str:
    """The name of the image that is made for a Python on a base image."""
    return f"seqswe-python:{python}-{digest_of(f'{base.id} {SKELETON}')[7:15]}"


def packages_folder(python: str) -> str:
    """Where an environment's packages are mounted."""
    return f"{ENVIRONMENT}/lib/python{python}/site-packages"


def bases_of(base_image: str) -> Mapping[str, str]:
    """`IMAGE`, or `3.9=IMAGE,3.11=IMAGE`, by Python; "" is for every Python. Raises UsageError."""
    bases = {}
    for part in filter(None, (part.strip() for part in base_image.split(","))):
        python, equals, image = part.partition("=")
        if not equals:
            python, image = "", part
        if not image or python in bases or (equals and not NUMBER.fullmatch(python)):
            raise UsageError(
                f"base image {base_image!r} is not IMAGE or PYTHON=IMAGE, each Python once",
                "For example --base-image 3.9=python:3.9-slim,3.13=python:3.13-slim.",
            )
        bases[python] = image
    return bases


def _builder_name(image: str) -> str:
    return f"seqswe-build-{image.replace(':', '-')}"


def _execute(container: Container, script: str, python: str) -> str:
    result = container.exec_run(["sh", "-c", script], environment=passed(), demux=True)
    out, err = result.output
    if result.exit_code != 0:
        raise MissingError(
            f"the image for Python {python} could not be built: {last_line(err or out)}",
            "Bring a base image that has git, or one whose package index answers.",
        )
    return bytes(out or b"").decode()
