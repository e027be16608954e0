"""A provider that fails, through the command line, with mini in Docker."""

import pytest

from tests.harness.agents.recipes.provider_faults import CASES, tried

pytest.importorskip("minisweagent", reason="the extra `mini` is not installed")


@pytest.mark.docker
@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize("name", [name for name in CASES if name != "529 always"])
def test_it_ends_in_the_failure_of_the_table(name, tmp_path):
    # Asking six times takes half a minute: test_failures.py has it, with shorter pauses.
    cause = tried("mini", CASES[name], tmp_path / "run")
    assert cause in (CASES[name].cause, CASES[name].or_else)
