"""A system with `respond`, `observe` and `reset` runs as an agent, and its state is its memory."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "enter.md"
SYSTEMS = "tests.harness.agents.systems:"


def written(ended, arm):
    """What the system wrote into each task's patch."""
    patches = sorted((ended.store.root / "rollouts").rglob(f"{arm}*/**/patch.diff"))
    lines = [path.read_text().splitlines() for path in patches]
    return [line[1:] for text in lines for line in text if line.startswith("+seen")]


def test_its_state_is_carried_in_a_chain_and_wiped_in_the_baseline(run):
    options = ("--memory", "native", "--memory-option", "tell=true", "--feedback", "verdict")
    ended = run("--agent", f"{SYSTEMS}CountingAgent", *options, arms=("iid", "sequential"))
    assert ended.code == 0, ended.err
    no = "resolved: False"
    assert written(ended, "sequential") == [
        f"seen {n}, told {' '.join([no] * n)}" for n in (0, 1, 2)
    ]
    assert written(ended, "iid") == ["seen 0, told "] * 3


def test_an_answer_that_is_no_command_is_the_agents_failure(run):
    ended = run("--agent", f"{SYSTEMS}MuteAgent", "--memory", "native", limit=1)
    assert ended.causes("sequential") == ["agent_crashed"]


def test_the_system_of_the_page_runs_as_it_stands(run, tmp_path):
    code = re.findall(r"(?ms)^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"))[1]
    (tmp_path / "patient.py").write_text(code)
    options = ("--memory", "native", "--memory-option", "tell=true", "--feedback", "verdict")
    ended = run("--agent", f"{tmp_path / 'patient.py'}:Mine", *options, limit=2)
    assert ended.code == 0, ended.err
    assert [r.usage.steps for r in ended.store.journal().rollouts] == [1, 1]
