"""Rollouts stepped from outside: the same as those that are run, in the local sandbox."""

import pytest
from gymnasium.utils.env_checker import check_env

from harness.adapters.gym import GymSeqEnv
from harness.agents.reference import Gold, Noop
from harness.agents.repair import Repair
from seqswe.agent import Attempt
from seqswe.env import Note, Patch, Run, SeqEnv, Submit, make_vec, play
from seqswe.env.actions import Ask, line_of, parse_action
from seqswe.errors import RolloutError, UsageError
from seqswe.runs.snapshots import EMPTY
from seqswe.runs.store import RunDirectory

FIX = "--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+x = 1\n"


@pytest.fixture
def env(tmp_path):
    """`env(episode="stream", limit=2)`: an environment of the demo codebase, closed at the end."""
    made = []

    def make(**settings):
        chosen = {"codebase": "ledgerlite", "sandbox": "local", "limit": 3, **settings}
        made.append(SeqEnv(**chosen))
        return made[-1]

    yield make
    for each in made:
        each.close()


def gold_of(env):
    return env.stage.context.services.gold


AGENTS = {
    "noop": ("ledgerlite", lambda env: Noop(seed=0)),
    "gold": ("ledgerlite", lambda env: Gold(seed=0, gold=gold_of(env))),
    "repair": ("ledgerlite-injected", lambda env: Repair(seed=0)),
}


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_that_is_played_gives_the_results_of_its_run(name, run, env, tmp_path):
    codebase, agent = AGENTS[name]
    arms = ("iid", "sequential")
    ended = run("--agent", name, "--codebase", codebase, limit=2, arms=arms)
    played = env(codebase=codebase, agent=name, limit=2, out=tmp_path / "played")
    for memory in ("empty", "carry"):
        for position in range(2):
            played.reset(options={"position": position, "memory": memory})
            reward = play(played, agent(played))[1]
            assert reward == float(name == "gold") or name == "repair"
    played.close()
    journal = RunDirectory.open(tmp_path / "played").journal()
    assert len(journal.rollouts) == 4
    assert journal.results_digest() == ended.store.journal().results_digest()


@pytest.mark.parametrize("episode", ["task", "stream"])
def test_gymnasium_finds_nothing_to_complain_of(episode):
    made = GymSeqEnv(codebase="ledgerlite", sandbox="local", limit=1, episode=episode)
    check_env(made, skip_render_check=True)
    made.close()


def test_a_stream_carries_its_notes_and_ends_after_its_last_task(env):
    stream = env(episode="stream", limit=2, memory="recency")
    first, info = stream.reset(seed=0)
    assert (first["position"], first["recall"], info["memory_before"]) == (0, (), EMPTY)
    stream.step(Note("rates live in rates.py"))
    patch = gold_of(stream)(first["instance_id"]).patch
    assert stream.step(Patch(patch))[0]["output"] == ""
    second, reward, terminated, truncated, info = stream.step("submit")
    assert (reward, terminated, truncated) == (1.0, False, False)
    assert info["task_done"]["resolved"]
    assert info["memory_before"] == info["task_done"]["memory_after"] != EMPTY
    assert second["position"] == 1
    assert second["recall"][0]["origins"] == (first["instance_id"],)
    notes = stream.turn.recall.items[0].notes
    assert notes == {"notes": ["rates live in rates.py"]}
    last = stream.step("submit")
    assert last[1:4] == (0.0, True, False)
    with pytest.raises(UsageError, match="is over"):
        stream.step("submit")


def test_a_position_is_played_from_any_memory_of_its_stream(env):
    chosen = env(limit=2, memory="recency")
    chosen.reset(options={"memory": "carry"})
    after = chosen.step("submit")[4]["task_done"]["memory_after"]
    known, info = chosen.reset(options={"position": 1, "memory": after})
    assert (info["arm"], info["diagnostic"], info["journaled"]) == ("frozen-1", False, False)
    assert len(known["recall"]) == 1
    empty, info = chosen.reset(options={"position": 1, "memory": "empty"})
    assert (info["arm"], empty["recall"]) == ("iid", ())
    assert chosen.reset(options={"position": 0, "memory": after})[1]["diagnostic"]
    for wrong, said in (
        ({"memory": "sha256:0"}, "seed 0 has no memory"),
        ({"position": 2}, "there is no position 2"),
        ({"position": 0.5}, "there is no position 0.5"),
        ({"place": 1}, "unknown option 'place'"),
    ):
        with pytest.raises(UsageError, match=said):
            chosen.reset(options=wrong)


def test_the_chain_of_a_run_directory_stays_and_is_gone_on_with(env, tmp_path):
    out = tmp_path / "kept"
    first = env(limit=2, out=out, arm=("sequential",))
    first.reset(options={"memory": "carry"})
    first.step("submit")
    with pytest.raises(UsageError, match="is in use by another process"):
        env(limit=2, out=out, arm=("sequential",))
    first.close()
    again = env(limit=2, out=out, arm=("sequential",))
    assert not again.reset(seed=1, options={"memory": "carry"})[1]["journaled"]
    assert again.reset(seed=0, options={"position": 1, "memory": "carry"})[1]["journaled"]
    again.step("submit")
    assert not again.reset(seed=0, options={"memory": "carry"})[1]["journaled"]
    again.step(Run("echo x > new.py"))
    again.step("submit")
    with pytest.raises(UsageError, match="has not come to position 1"):
        again.reset(seed=2, options={"position": 1, "memory": "carry"})
    again.close()
    journal = RunDirectory.open(out).journal()
    assert [(r.position, r.edited_files) for r in journal.rollouts] == [(0, ()), (1, ())]


def test_a_used_up_budget_truncates_and_what_is_there_is_graded(env):
    short = env(budget=2)
    observation, _ = short.reset()
    patch = gold_of(short)(observation["instance_id"]).patch
    assert short.step("nonsense")[0]["output"].startswith("error: 'nonsense' is no action")
    observation, reward, terminated, truncated, info = short.step(Patch(patch))
    assert (reward, terminated, truncated) == (1.0, False, True)
    assert observation["budget"] == 0
    assert info["task_done"]["failure"] == "agent_out_of_budget"


def test_a_failure_of_the_machine_is_no_reward(env):
    broken = env()
    broken.reset()
    broken.turn.sandbox.close()
    with pytest.raises(RolloutError):
        broken.step(Run("true"))
    observation, _ = broken.reset()
    assert observation["budget"] == broken.budget


def test_environments_side_by_side_have_sandboxes_of_their_own():
    vec = make_vec("ledgerlite", positions=(0, 1), sandbox="local", limit=2)
    begun = vec.reset()
    assert [o["position"] for o, _ in begun] == [0, 1]
    vec.step([Run("echo x > mine.txt"), None])
    there = vec.step([Run("ls mine.txt"), Run("ls mine.txt")])
    assert there[0][0]["output"] == "mine.txt\n"
    assert "[exit" in there[1][0]["output"]
    ended = vec.step([Submit(Attempt(ranking=("a.py",))), "submit"])
    assert [step[2] for step in ended] == [True, True]
    assert ended[0][4]["task_done"]["ranking"] == ("a.py",)
    vec.close()


@pytest.mark.parametrize(
    "action",
    [
        Run("pytest -x tests"),
        Run('"quoted" first'),
        Patch(FIX),
        Note("two\nlines"),
        Ask("file"),
        Ask("traceback", "3"),
        Submit(),
    ],
)
def test_an_action_fits_into_one_line(action):
    line = line_of(action)
    assert "\n" not in line
    assert parse_action(line) == action


@pytest.mark.parametrize("line", ["", "jump", "run", "note  ", 'note "half', 'patch ""', "ask"])
def test_what_is_no_action_is_refused(line):
    with pytest.raises(UsageError):
        parse_action(line)
