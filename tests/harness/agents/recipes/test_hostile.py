"""Programs that go wrong in every way a program can: each ends in its failure or its verdict."""

import pytest

from harness.agents.recipes import load

RECIPE = """
name = "own"
about = "A test's own"
command = ["sh", "-c", '''{script}''', "sh", "${{prompt}}"]
"""
ENDINGS = {
    "never stops": ("sleep 1000", "agent_out_of_budget", "no_patch"),
    "stops after its edit": ("echo 1 > new.py; sleep 1000", "agent_out_of_budget", "tests_failed"),
    "edits nothing": ("true", "", "no_patch"),
    "says that it works": ("echo 'Everything is resolved.'", "", "no_patch"),
    "crashes": ("echo 1 > new.py; echo oh >&2; exit 3", "agent_crashed", "tests_failed"),
    "is not there": ("exec nothing-of-this-name", "agent_crashed", "no_patch"),
    "kills itself": ("kill -9 $$$$", "agent_crashed", "no_patch"),
    "prints a gigabyte": ("head -c 1000000000 /dev/zero", "", "no_patch"),
    "goes on in the background": ("(sleep 1000 &) ; echo 1 > new.py", "", "tests_failed"),
}
IN_A_CONTAINER = {
    "fills the disk": ("head -c 9000000000 /dev/zero > $$HOME/x", "agent_crashed"),
    "fills the checkout": ("head -c 9000000000 /dev/zero > x", "agent_crashed"),
    "forks": (":() { :|:& }; : ; sleep 1000", "agent_crashed"),
    "takes all memory": ("exec tail /dev/zero", "agent_crashed"),
}


@pytest.fixture
def own(tmp_path):
    """`own(script)`: the path of a recipe whose program is this shell script."""

    def make(script, more=""):
        load.cache_clear()
        path = tmp_path / "own.toml"
        path.write_text(RECIPE.format(script=script) + more)
        return str(path)

    return make


def ended(run, path, *given):
    """The one rollout of a run with this recipe."""
    made = run("--agent", path, "--task-seconds", "3", *given, limit=1)
    (rollout,) = made.store.journal().rollouts
    assert rollout.graded
    assert not rollout.resolved
    return rollout


@pytest.mark.parametrize(("script", "cause", "reason"), ENDINGS.values(), ids=ENDINGS)
def test_each_ends_in_its_failure_or_its_verdict(run, own, script, cause, reason):
    rollout = ended(run, own(script))
    assert (rollout.failure.cause if rollout.failure else "") == cause
    assert rollout.reason == reason


@pytest.mark.docker
@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize(("script", "cause"), IN_A_CONTAINER.values(), ids=IN_A_CONTAINER)
def test_a_container_holds_what_would_harm_the_machine(run, own, script, cause):
    rollout = ended(run, own(script), "--sandbox", "docker", "--memory-mb", "512")
    assert rollout.failure.cause == cause


def test_what_it_says_last_is_said_of_its_crash(run, own):
    rollout = ended(run, own("echo first; echo 'the last words' >&2; exit 7"))
    assert "exit code 7: the last words" in rollout.failure.detail


def test_a_recipe_that_asks_a_model_needs_one(capsys, tmp_path, own):
    from seqswe.cli import main

    with pytest.raises(SystemExit) as stopped:
        main(["run", "--agent", own("true", 'api = "chat"\n'), "--out", str(tmp_path / "run")])
    assert stopped.value.code == 2
    assert "asks a model, and none is given" in capsys.readouterr().err


def test_a_recipe_with_a_program_needs_a_sandbox_that_installs(capsys, tmp_path, own):
    from seqswe.cli import main

    install = """
[install]
npm = "a@1.0.0"
node = "24.19.0"
version = "1.0.0"
version_command = ["a"]
"""
    given = ["run", "--agent", own("true", install), "--sandbox", "local"]
    with pytest.raises(SystemExit) as stopped:
        main([*given, "--out", str(tmp_path / "run")])
    assert stopped.value.code == 2
    assert "brings a program" in capsys.readouterr().err


def test_a_run_is_not_added_to_with_another_recipe(run, call, own, tmp_path):
    path = own("true")
    made = run("--agent", path, limit=1)
    own("echo 1 > new.py")
    ended = call("resume", made.store.root, "--limit", "2")
    assert ended.code == 2
    assert "another recipe of the agent" in ended.err
    own("true")
    assert call("resume", made.store.root, "--limit", "2").code == 0
