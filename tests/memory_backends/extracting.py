"""The contract of memories in which a library extracts, by a model that follows a script."""

import pytest

from seqswe.testing import MemoryContract, ScriptedModel


class ExtractingContract(MemoryContract):
    """Give `memory` and `script`, which answers the library's prompts."""

    script = None
    keeps_notes = False
    many = 12
    sequence = 12

    @pytest.fixture(autouse=True)
    def _model(self):
        with ScriptedModel(type(self).script) as server:
            self.model_url = server.url
            yield
