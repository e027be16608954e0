"""Both sandboxes keep the contract that the authors of others are handed."""

import pytest

from seqswe.manifests import manifest_files as manifests
from seqswe.testing import SandboxContract


class TestLocal(SandboxContract):
    sandbox = "local"


@pytest.mark.docker
@pytest.mark.usefixtures("docker")
class TestDocker(SandboxContract):
    sandbox = "docker"
    # The demo codebase's, so that the tests share one image.
    environment = manifests.load("ledgerlite").environments[0]
