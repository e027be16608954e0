"""A sandbox for tests of what is particular to containers."""

import pytest


@pytest.fixture
def box(docker, lay):
    opened = docker.open(lay())
    yield opened
    opened.close()
