"""A run tells the truth: crashes, used-up time, edited journals, additions, processor time.

Every test drives the command line, in the local sandbox where that proves the same.
"""

import json
import math
from itertools import pairwise

import pytest

from seqswe.cli import main

BOTH = ("--arm", "iid", "--arm", "sequential")
AGENT_THAT_RAISES = """
class Agent:
    def __init__(self, *, seed):
        pass

    def solve(self, task, recall, sandbox):
        raise RuntimeError("no key for the model")
"""


@pytest.fixture
def seqswe(capsys):
    """`seqswe("report", folder)` gives (exit code, output, errors) of a command."""

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return ended.value.code, out, err

    return call


@pytest.fixture
def run(seqswe, tmp_path):
    """A run of the demo codebase in the local sandbox; gives (exit code, errors, folder)."""

    def make(*words, limit=3, seeds=1, arms=BOTH, name="run"):
        out = tmp_path / name
        given = ("--sandbox", "local", "--limit", limit, "--seeds", seeds, *arms)
        code, _, err = seqswe("run", *given, *words, "--out", out)
        return code, err, out

    return make


def by_command(script, **options):
    """Options of an agent that is a shell script."""
    given = [f"run={script}", *(f"{name}={value}" for name, value in options.items())]
    return ("--agent", "command", *(w for text in given for w in ("--agent-option", text)))


def lines_of(folder):
    return [json.loads(line) for line in (folder / "rollouts.jsonl").read_text().splitlines()]


def report_of(seqswe, folder):
    code, out, err = seqswe("report", folder)
    assert code == 0, err
    return json.loads((folder / "report.json").read_text(), parse_constant=pytest.fail), out, err


# C1: every agent crashed


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('no-such-agent -p "$(cat $SEQSWE_TASK_FILE)"', "no-such-agent"),
        ("echo the key of position $SEQSWE_POSITION is missing >&2; exit 3", "is missing"),
        ("echo '[1]' > $SEQSWE_RESULT_FILE", "its result file"),
        ("echo half; kill -9 $$", "137"),
    ],
)
def test_a_run_whose_agent_only_crashes_stops_and_says_what_it_said(run, script, said):
    code, err, out = run(*by_command(script), limit=4)
    assert code in (2, 3), "a mistake is no result"
    message = next(line for line in err.splitlines() if line.startswith("error:"))
    assert said in message
    assert len(message) <= 310
    assert len(lines_of(out)) < 8


def test_a_plug_in_that_only_raises_stops_the_run(run, tmp_path, monkeypatch):
    (tmp_path / "raising_agent.py").write_text(AGENT_THAT_RAISES)
    monkeypatch.syspath_prepend(tmp_path)
    code, err, _ = run("--agent", "raising_agent:Agent", limit=1, arms=("--arm", "iid"))
    assert code in (2, 3), "also with fewer rollouts than are usually waited for"
    assert "no key for the model" in err


def test_crashes_in_between_are_in_the_first_sentence_and_no_baseline(run, seqswe, tmp_path):
    script = 'if [ "$SEQSWE_POSITION" = 2 ]; then echo out of luck >&2; exit 4; fi'
    code, err, out = run(*by_command(script))
    assert code == 0, err
    _, said, warned = report_of(seqswe, out)
    assert "CRASHED" in said.splitlines()[0], "the first sentence"
    assert "2 of 6" in said.splitlines()[0]
    assert "out of luck" in warned.splitlines()[0]
    assert (out / "report.md").read_text().splitlines()[2].startswith("> **CRASHED")
    code, said, err = seqswe("baseline", out)
    assert code == 2
    assert "the agent crashed" in err
    code, said, err = seqswe("baseline", out, "--allow-crashes")
    assert code == 0
    (tmp_path / "kept.json").write_text(said)
    for base in (out, tmp_path / "kept.json"):
        code, said, _ = seqswe("compare", base, out, "--fail-on", "regression")
        assert code == 1, "the gate does not pass"
        assert said.startswith("CRASHED: ")
        assert seqswe("compare", base, out, "--allow-crashes")[0] == 0


def test_a_run_that_was_stopped_can_be_told_to_go_on(run, seqswe):
    code, _, out = run(*by_command("exit 9"), limit=6, arms=("--arm", "iid"))
    assert code == 2
    assert len(lines_of(out)) == 5
    code, _, err = seqswe("resume", out, "--crashes", "0")
    assert code == 0
    assert "the agent crashed in 6" in err


# Usage of rollouts that ran out of time or crashed

TELLS = """echo '{"usage": {"steps": 10, "prompt_tokens": 1000}}' > $SEQSWE_RESULT_FILE;"""
FAILS = {
    "out of time, and had told": (TELLS + "STOP", "sleep 20", 0),
    "out of time, and had not": ("STOP;" + TELLS, "sleep 20", 2),
    "crashed, and had told": (TELLS + "STOP", "exit 5", 0),
    "crashed, and had not": ("STOP;" + TELLS, "exit 5", 2),
    "out of time in the middle": ("STOP;" + TELLS, "echo '{\"us' > $SEQSWE_RESULT_FILE; sleep 20",
                                  2),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILS)
def test_usage_of_a_rollout_that_failed_is_what_it_told_or_missing_and_never_zero(
    run, seqswe, name
):
    script, how, missing = FAILS[name]
    empty = 'if [ ! -s "$SEQSWE_MEMORY_FILE" ] && [ $((SEQSWE_POSITION % 2)) = 1 ]; then {}; fi'
    script = script.replace("STOP", empty.format(how))
    code, err, out = run(*by_command(script, seconds=1), limit=4)
    assert code == 0, err
    data, _, warned = report_of(seqswe, out)
    iid, sequential = sorted(data["arms"], key=lambda arm: arm["arm"])
    for outcome, value in (("steps", 10), ("tokens", 1000)):
        assert iid["outcomes"][outcome]["mean"] == value
        assert iid["outcomes"][outcome]["missing"] == missing
        assert sequential["outcomes"][outcome]["mean"] == value
    assert ("rollouts report no steps" in warned) == bool(missing)
    [steps] = [c for c in data["contrasts"] if c["outcome"] == "steps"]
    assert steps["estimate"] == pytest.approx(0.0)


# Numbers that cannot be


def test_numbers_that_cannot_be_are_missing_and_said(run, seqswe):
    odd = '"steps": NaN, "prompt_tokens": -5, "cost_usd": Infinity, "completion_tokens": 1e400'
    script = f"echo '{{\"usage\": {{{odd}}}}}' > $SEQSWE_RESULT_FILE"
    code, err, out = run(*by_command(script))
    assert code == 0, err
    for line in (out / "rollouts.jsonl").read_text().splitlines():
        rollout = json.loads(line, parse_constant=lambda name: math.nan)
        for name, value in rollout["usage"].items():
            assert value is None, name
    _, _, warned = report_of(seqswe, out)
    assert "6 of 6 rollouts report impossible numbers" in warned


def test_notes_that_are_no_json_are_a_crash_of_the_agent(run):
    script = 'echo \'{"notes": {"x": NaN}}\' > $SEQSWE_RESULT_FILE'
    code, err, _ = run(*by_command(script), limit=1)
    assert code == 2
    assert "not JSON compliant" in err


# D3: a journal that was edited


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run, to be copied and spoiled."""
    out = tmp_path_factory.mktemp("finished") / "run"
    given = ("--sandbox", "local", "--limit", "2", "--seeds", "1", "--agent", "gold", *BOTH)
    with pytest.raises(SystemExit) as ended:
        main(["run", *given, "--memory", "none", "--out", str(out)])
    assert ended.value.code == 0
    return out


def changed(**values):
    def edit(folder):
        first, *others = lines_of(folder)
        text = "".join(json.dumps(line) + "\n" for line in (first | values, *others))
        (folder / "rollouts.jsonl").write_text(text)

    return edit


def edited(name, text):
    def edit(folder):
        [path] = folder.glob(f"rollouts/iid-0/0000-*/{name}")
        path.write_text(text(path.read_text()))

    return edit


def settings(old, new):
    def edit(folder):
        text = (folder / "run.toml").read_text()
        (folder / "run.toml").write_text(text.replace(old, new) if old in text else text + new)

    return edit


EDITS = {
    "a verdict": changed(resolved=False),
    "an unknown arm": changed(arm="iid2"),
    "another seed": changed(seed=1),
    "negative steps": changed(usage={"steps": -3}),
    "tokens that are no number": changed(usage={"prompt_tokens": math.nan}),
    "an endless cost": changed(usage={"cost_usd": math.inf}),
    "fewer broken tests": changed(broken=-1),
    "an endless phase": changed(timing={"agent": math.inf}),
    "a patch": edited("patch.diff", lambda text: text.replace("+", "+ ", 1)),
    "a test log": edited("test.log", lambda text: text.replace("passed", "failed")),
    "a report": edited("report.json", lambda text: text.replace("true", "false")),
    "the number of looks": settings("looks = 1", "looks = 2"),
    "the agent": settings('agent = "gold"', 'agent = "noop"'),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_run_is_refused_by_whatever_reads_it(finished, seqswe, tmp_path, name):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    EDITS[name](copy)
    for command in (("report",), ("baseline",), ("resume",), ("compare", finished)):
        code, _, err = seqswe(*command, copy)
        assert code == 2, (command, err)
        assert len(err.splitlines()) <= 3
        assert "damaged" in err or "was changed after" in err


def test_an_edited_baseline_is_refused(finished, seqswe, tmp_path):
    _, said, _ = seqswe("baseline", finished)
    assert '"resolved": [' in said
    flipped = said.replace("[1,1]", "[1,0]", 1)
    assert flipped != said
    (tmp_path / "kept.json").write_text(flipped)
    code, _, err = seqswe("compare", tmp_path / "kept.json", finished)
    assert code == 2, "a flipped verdict"
    assert "was changed after it was written" in err


def test_a_run_that_nobody_touched_is_read(finished, seqswe, tmp_path):
    for command in (("report", "--out", tmp_path), ("baseline",), ("compare", finished)):
        assert seqswe(*command, finished)[0] == 0
    assert seqswe("resume", finished)[0] == 0


def test_agents_that_do_nothing_or_run_out_of_time_are_said(run, seqswe):
    script = 'if [ "$SEQSWE_POSITION" = 1 ]; then sleep 20; fi'
    code, err, out = run(*by_command(script, seconds=1), "--memory", "none")
    assert code == 0, err
    _, _, warned = report_of(seqswe, out)
    assert "OUT OF TIME: in 2 of 6 rollouts" in warned
    assert "EMPTY: in none of 6 graded rollouts" in warned


# C2: more of a run


def test_seeds_tasks_and_arms_are_added_and_every_look_is_counted(run, seqswe, tmp_path):
    given = ("--agent", "gold", "--memory", "episodic")
    code, err, out = run(*given, limit=2)
    assert code == 0, err
    before = (out / "rollouts.jsonl").read_bytes()
    for number, (more, count) in enumerate(
        [(("--seeds", 2), 8), (("--limit", 3), 12), (("--arm", "nomem"), 18)], 2
    ):
        code, _, err = seqswe("resume", out, *more)
        assert code == 0, err
        after = (out / "rollouts.jsonl").read_bytes()
        assert after.startswith(before), "what was there stays"
        assert len(lines_of(out)) == count
        before = after
        _, said, err = seqswe("compare", out, out)
        looks = 1 + 2 * (number - 1)  # the run stands on both sides
        assert f"look {looks} at this question" in said, err
    _, said, _ = seqswe("baseline", out)
    assert json.loads(said)["looks"] == 4
    data, _, warned = report_of(seqswe, out)
    assert data["complete"]
    assert "was added to after a look" in warned
    assert (len(data["runs"]), data["runs"][0]["looks"]) == (1, 4)
    chain = [line for line in lines_of(out) if line["arm"] == "sequential" and line["seed"] == 0]
    chain.sort(key=lambda line: line["position"])
    assert all(a["memory_after"] == b["memory_before"] for a, b in pairwise(chain))
    whole, _, alone = run(*given, limit=3, seeds=2, arms=(*BOTH, "--arm", "nomem"), name="alone")
    assert whole == 0
    digests = [report_of(seqswe, each)[0]["runs"][0]["results_digest"] for each in (out, alone)]
    assert digests[0] == digests[1], "a run that grew is the run that it would have been at once"


@pytest.mark.parametrize(
    ("arm", "more", "said"),
    [
        ("iid", ("--seeds", 1), "the run has 2 seeds"),
        ("iid", ("--limit", 1), "the run has 2 tasks"),
        ("shuffled", ("--limit", 3), "would not stay what it is"),
        ("reversed", ("--limit", 3), "would not stay what it is"),
        ("iid", ("--memory", "recency"), "made with other settings"),
        ("iid", ("--arm", "frozen"), "Add --arm sequential"),
    ],
)
def test_what_would_change_what_is_there_is_refused(run, seqswe, arm, more, said):
    code, err, out = run("--agent", "noop", limit=2, seeds=2, arms=("--arm", arm))
    assert code == 0, err
    before = [(out / name).read_bytes() for name in ("run.toml", "rollouts.jsonl")]
    code, _, err = seqswe("resume", out, *more)
    assert code == 2
    assert said in err
    assert [(out / name).read_bytes() for name in ("run.toml", "rollouts.jsonl")] == before


def test_going_on_without_more_counts_no_look(run, seqswe):
    code, _, out = run("--agent", "noop", limit=2)
    assert code == 0
    assert seqswe("resume", out, "--jobs", 1, *BOTH)[0] == 0
    assert "look" not in seqswe("compare", out, out)[1]


# C4: processor time

WORK = """
work() { python3 -c 'import time
while time.process_time() < 0.4: pass'; }
case $SEQSWE_POSITION in 0) sleep 0.4;; 1) work;; *) work & work; wait;; esac
"""


@pytest.mark.parametrize("sandbox", ["local", pytest.param("docker", marks=pytest.mark.docker)])
def test_processor_time_is_measured_and_the_clock_is_not_compared(run, seqswe, request, sandbox):
    if sandbox == "docker":
        request.getfixturevalue("docker")
    code, err, out = run(*by_command(WORK), "--memory", "none", "--sandbox", sandbox)
    assert code == 0, err
    spent = {r["position"]: r["timing"].get("processor") for r in lines_of(out)}
    assert None not in spent.values(), "it is stored for every rollout"
    assert spent[0] < 0.35 <= spent[1] < spent[2]
    data, _, _ = report_of(seqswe, out)
    compared = {contrast["outcome"] for contrast in data["contrasts"]}
    assert "processor_seconds" in compared
    assert "seconds" not in compared
