"""SWE-ReX's local and docker machines keep the contract; without the package this skips.

Installed where the extra `swerex` is; SEQSWE_SWEREX_IMAGE names an image with it and Python 3.11.
"""

import os
from importlib.util import find_spec

import pytest

from harness.adapters.swerex import SweRex
from harness.history.leak_audit import audit
from seqswe.errors import MissingError, UsageError
from seqswe.manifests import manifest_files as manifests
from seqswe.testing import SandboxContract

IMAGE = os.environ.get("SEQSWE_SWEREX_IMAGE", "")
needs_package = pytest.mark.skipif(not find_spec("swerex"), reason="needs the extra swerex")
needs_image = pytest.mark.skipif(not IMAGE, reason="needs SEQSWE_SWEREX_IMAGE")


class OnSweRex(SandboxContract):
    sandbox = "harness.adapters.swerex:SweRex"
    environment = manifests.load("ledgerlite").environments[0]

    def test_the_audit_finds_nothing(self, lay, history):
        spec = lay(position=3)
        with self.provider() as provider:
            box = provider.open(spec)
            assert audit(box, spec, history.reachable).objects == spec.checkout.count


@needs_package
class TestLocal(OnSweRex):
    options = {"deployment": "local", "accept": "isolation"}  # noqa: RUF012


@needs_package
@needs_image
class TestDocker(OnSweRex):
    options = {"base_image": IMAGE, "accept": "network,rights,disk"}  # noqa: RUF012


def test_what_a_machine_does_not_hold_is_refused_until_it_is_accepted():
    with pytest.raises(UsageError, match="SWE-ReX's docker as to network, rights, disk") as caught:
        SweRex(accept="network")
    assert "accept=network,rights,disk" in caught.value.hint
    with pytest.raises(UsageError, match="modal as to network, rights, disk, limits"):
        SweRex(deployment="modal", accept="network,rights,disk")
    with pytest.raises(UsageError, match="no deployment 'remote' of SWE-ReX can be used"):
        SweRex(deployment="remote")


@pytest.mark.skipif(bool(find_spec("swerex")), reason="SWE-ReX is installed")
def test_without_the_package_it_says_what_to_install():
    with pytest.raises(MissingError) as caught:
        SweRex(deployment="local", accept="isolation")
    assert "pip install 'seqswe[swerex]'" in caught.value.hint
