"""Memories by extraction, built with a model that a test scripts."""

from dataclasses import replace

import pytest

from seqswe.memory import build_memory
from seqswe.testing import ScriptedModel, experiences


@pytest.fixture
def build(tmp_path, request):
    """Builds the module's EXTRACTS with a model that follows a script; says also which server."""
    with ScriptedModel() as server:

        def make(script, **options):
            server._script = script if callable(script) else lambda _: script
            services = replace(experiences(5).services(server.url), embed=None)
            return build_memory(request.module.EXTRACTS, tmp_path, services, **options), server

        yield make
