"""A scripted model that all tests of a module share."""

import pytest

from seqswe.testing import ScriptedModel
from tests.memory_backends.scripted import script


@pytest.fixture(scope="module")
def model():
    with ScriptedModel(script) as server:
        yield server
