"""Fixtures that several rooms share: the demo codebase, sandboxes, and what a skip means."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from harness.codebases import demo
from harness.history.git import Clone
from harness.sandboxes.docker import DockerProvider
from harness.sandboxes.local import LocalProvider
from seqswe.errors import MissingError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import Manifest
from seqswe.sandbox import SandboxProvider

# A busy machine is no failure: no test is timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the tests' own, so that nothing of the user's is used or changed."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["SEQSWE_CACHE"] = str(folder)
    os.environ["SEQSWE_CODEBASES"] = str(folder / "codebases")
    return folder


@pytest.fixture(scope="session")
def ledgerlite() -> Manifest:
    """The demo codebase's manifest."""
    return manifests.load("ledgerlite")


@pytest.fixture(scope="session")
def clone(cache: Path) -> Clone:
    """The demo codebase's clone."""
    return Clone(demo.build(cache / "clones" / "ledgerlite"))


@pytest.fixture
def local() -> Iterator[LocalProvider]:
    """Sandboxes that isolate nothing, for everything that needs no isolation."""
    provider = LocalProvider()
    yield provider
    provider.close()


@pytest.fixture
def docker() -> Iterator[DockerProvider]:
    """Docker sandboxes; without an engine the test skips, or fails where Docker is required."""
    try:
        provider = DockerProvider()
        provider.images.base("3.11")
    except MissingError as error:
        if os.environ.get("SEQSWE_REQUIRE_DOCKER"):
            pytest.fail(f"Docker is required here: {error.message}")
        pytest.skip(f"{error.message} {error.hint}")
    yield provider
    provider.close()


@pytest.fixture(params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def provider(request: pytest.FixtureRequest) -> SandboxProvider:
    """Every kind of sandbox in turn."""
    found: SandboxProvider = request.getfixturevalue(request.param)
    return found
