"""The gate: what it refuses, what it flags, and how often it is wrong."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner, Result

from seqswe.cli.compare import _note
from seqswe.cli.compare import baseline as baseline_command
from seqswe.cli.compare import compare as compare_command
from seqswe.comparison.baseline import KEPT, of_file, of_run, read
from seqswe.comparison.compare import (
    ALPHA,
    Finding,
    Question,
    change_of,
    compare,
    differences,
    noted,
)
from seqswe.comparison.result_set import OURS, ResultSet
from seqswe.errors import IncompleteError, RunDirError, SeqSWEError, StoppedError, UsageError
from seqswe.instance import digest_of_fields
from seqswe.manifests import manifest_files as manifests
from seqswe.reports.comparison import (
    comparison_json,
    comparison_junit,
    comparison_markdown,
    sentence,
)
from seqswe.runs.outcomes import RESOLVED
from seqswe.runs.rollout import Failure, Rollout
from seqswe.runs.store import RunDirectory
from seqswe.statistics import Word, alpha_of_look
from tests.seqswe.conftest import PlantRun, failed, outcomes_of, rollout

TASKS = 120


def worse(made: dict[str, np.ndarray], share: float, seed: int = 1) -> dict[str, np.ndarray]:
    """The same outcomes with a share of the sequential arm's successes lost."""
    lost = np.random.default_rng(seed).random(made["sequential"].shape) < share
    return {**made, "sequential": made["sequential"] & ~lost}


@pytest.fixture
def base(plant: PlantRun) -> RunDirectory:
    return plant(outcomes_of(TASKS, 3, lift=0.2), name="base")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(compare_command, [str(a) for a in arguments])


def test_a_run_against_itself_is_no_evidence_and_passes(base: RunDirectory) -> None:
    found = compare(of_run(base), of_run(base))
    assert (found.main.finding, found.identical) == (Finding.NO_EVIDENCE, True)
    assert not found.fails("inconclusive")
    assert run(base.root, base.root, "--fail-on", "inconclusive").exit_code == 0


def test_a_planted_loss_is_a_regression_and_the_reverse_an_improvement(
    base: RunDirectory, plant: PlantRun
) -> None:
    made = worse(outcomes_of(TASKS, 3, lift=0.2), 0.4)
    head = plant(made, name="head")
    found = compare(of_run(base), of_run(head))
    assert found.main.finding is Finding.REGRESSION
    assert found.main.estimate.estimate == pytest.approx(
        made["sequential"].mean() - outcomes_of(TASKS, 3, lift=0.2)["sequential"].mean()
    )
    assert compare(of_run(head), of_run(base)).main.finding is Finding.IMPROVEMENT
    assert [c.finding for c in found.others] == [Finding.NO_EVIDENCE]
    assert run(base.root, head.root).exit_code == 0
    assert run(base.root, head.root, "--fail-on", "regression").exit_code == 1
    assert run(head.root, base.root, "--fail-on", "inconclusive").exit_code == 0


def test_the_baseline_file_says_what_the_run_says(
    base: RunDirectory, plant: PlantRun, tmp_path: Path
) -> None:
    printed = CliRunner().invoke(baseline_command, [str(base.root)])
    file = tmp_path / "baseline.json"
    file.write_text(printed.stdout)
    assert of_file(file) == of_run(base)
    head = of_run(plant(worse(outcomes_of(TASKS, 3, lift=0.2), 0.4), name="head"))
    assert compare(read(file), head) == compare(read(base.root), head)
    assert len(printed.stdout) < 170 * TASKS
    assert "mirror" not in printed.stdout


def test_results_that_are_not_whole_never_pass(base: RunDirectory, plant: PlantRun) -> None:
    made = outcomes_of(TASKS, 3, lift=0.2)
    part = plant(made, name="part", change=lambda r: failed(r) if r.position == 5 else r)
    empty = plant(made, name="empty", change=lambda _: None)
    for head in (part, empty):
        result = run(base.root, head.root)
        assert isinstance(result.exception, IncompleteError)
        assert result.exception.exit_code == 5
        with pytest.raises(IncompleteError):
            of_run(head)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"feedback": "none"}, "feedback policy"),
        ({"codebase": "other"}, "codebase"),
        ({"agent": "gold"}, "different agents: 'localizer' and 'gold'"),
    ],
)
def test_other_policies_are_refused(
    base: RunDirectory, plant: PlantRun, settings: dict[str, str], said: str
) -> None:
    head = plant(outcomes_of(TASKS, 3, lift=0.2), name="head", **settings)
    with pytest.raises(UsageError, match=said):
        compare(of_run(base), of_run(head))


def test_other_sequences_are_refused(base: RunDirectory, plant: PlantRun) -> None:
    head = plant(outcomes_of(TASKS - 1, 3, lift=0.2), name="head")
    with pytest.raises(UsageError, match=r"different sequences \(120 and 119 tasks, 119") as told:
        compare(of_run(base), of_run(head))
    assert "repeat the longer with --limit 119" in told.value.hint


def test_another_memory_is_what_is_compared_and_said(base: RunDirectory, plant: PlantRun) -> None:
    head = plant(outcomes_of(TASKS, 3, lift=0.2), name="head", memory="chroma")
    assert compare(of_run(base), of_run(head)).differences == {"memory": ("episodic", "chroma")}
    assert "memory: 'episodic' → 'chroma'" in run(base.root, head.root).stdout


def test_a_change_of_the_agents_own_file_is_named(
    base: RunDirectory, plant: PlantRun, tmp_path: Path
) -> None:
    same = {"memory": {"m.py": "sha256:3"}}
    before = {**same, "agent": {"mine.py": "sha256:1", "old.py": "sha256:4"}}
    after = {**same, "agent": {"mine.py": "sha256:2", "new.py": "sha256:5"}}
    head = plant(outcomes_of(TASKS, 3, lift=0.2), name="head")
    for made, files in ((base, before), (head, after)):
        made.extend(replace(made.info, plugin_files=files))
    file = tmp_path / "baseline.json"
    file.write_text(of_run(base).as_json())
    out = run(file, head.root).stdout
    assert "agent: mine.py changed (sha256:1 → sha256:2)" in out
    assert "agent: new.py is new" in out
    assert "agent: old.py is gone" in out
    assert "m.py" not in out
    # An older run did not record its files: that is no change.
    unknown = replace(of_file(file), plugin_files={})
    assert differences(unknown, of_run(head)) == {}
    assert "plugin_files" not in unknown.as_json()


def test_agents_may_be_compared_on_purpose(base: RunDirectory, plant: PlantRun) -> None:
    head = plant(outcomes_of(TASKS, 3, lift=0.2), name="head", agent="gold")
    result = run(base.root, head.root, "--across-agents")
    assert result.exit_code == 0
    assert "agent: 'localizer' → 'gold'" in result.stdout


def test_where_a_codebase_lies_is_no_difference(base: RunDirectory, plant: PlantRun) -> None:
    made = outcomes_of(TASKS, 3, lift=0.2)
    here, there = (
        plant(made, name=name, codebase=f"{name}/ledgerlite") for name in ("here", "there")
    )
    found = compare(of_run(here), of_run(there))
    assert (found.differences, found.identical) == ({}, True)
    assert "here/" not in of_run(here).as_json()


@pytest.mark.parametrize("question", [Question(arm="oracle"), Question(outcome="cots")])
def test_an_arm_or_outcome_that_is_not_there_is_named(
    base: RunDirectory, question: Question
) -> None:
    with pytest.raises(UsageError, match="there is no"):
        compare(of_run(base), of_run(base), question)


def test_under_three_seeds_nothing_is_flagged(plant: PlantRun) -> None:
    made = outcomes_of(TASKS, 1, lift=0.2)
    old = of_run(plant(made, name="old"))
    new = of_run(plant(worse(made, 0.6), name="new"))
    found = compare(old, new)
    assert found.main.finding is Finding.NO_EVIDENCE
    assert sentence(found).startswith("SINGLE-RUN NO EVIDENCE: ")
    assert "Under three seeds no test is made" in sentence(found)
    texts = [comparison_markdown(found), comparison_junit(found, fails=False).decode()]
    assert all("SINGLE-RUN" in text for text in texts)
    assert not any(re.search(r"p (=|<|&lt;) ", text) for text in texts)
    assert [change["p"] for change in comparison_json(found)["changes"]] == [None, None]
    assert not found.fails("regression")
    assert found.fails("inconclusive")


def test_added_seeds_pay_for_the_looks(base: RunDirectory) -> None:
    assert compare(of_run(base), of_run(base)).level == pytest.approx(0.96)
    base.extend(replace(base.info, experiment=replace(base.info.experiment, seeds=4), looks=2))
    for arm in ("iid", "sequential"):
        for position in range(TASKS):
            base.append(rollout(arm, 3, position))
    later = compare(of_run(base), of_run(base))
    assert (later.look, later.level) == (3, pytest.approx(1 - 0.01 / 6))
    with pytest.raises(UsageError, match="look 3, and --once promises"):
        compare(of_run(base), of_run(base), Question(once=True))


def test_one_look_alone_may_spend_the_whole_level(base: RunDirectory) -> None:
    once = compare(of_run(base), of_run(base), Question(once=True))
    assert once.level == pytest.approx(1 - ALPHA)


def test_starting_over_is_a_further_look_and_costs_as_much(
    base: RunDirectory, plant: PlantRun, tmp_path: Path
) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(of_run(base).as_json())
    heads = [
        plant(outcomes_of(TASKS, 3, lift=0.2, seed=seed), name=f"restart{seed}").root
        for seed in range(5)
    ]
    looks = []
    for head in [*heads, heads[2]]:
        out = tmp_path / "comparison.json"
        assert run(file, head, "--candidate", "v2", "--json", out).exit_code == 0
        looks.append(json.loads(out.read_text()))
    assert [look["look"] for look in looks] == [1, 2, 3, 4, 5, 3]
    spent = [1 - look["level"] for look in looks[:5]]
    assert spent == pytest.approx([0.04, 0.005, 0.01 / 6, 0.01 / 12, 0.01 / 20])
    assert len(of_file(file).ledger) == 5
    assert of_file(file).looks_at("v2")[4].look == 5
    # Another candidate is another question.
    assert run(file, heads[0], "--candidate", "v3", "--json", out).exit_code == 0
    assert json.loads(out.read_text())["look"] == 1
    refused = run(file, heads[1], "--candidate", "v2", "--once")
    assert "look 2, and --once" in str(refused.exception)


def test_versions_without_a_name_are_told_to_count_as_one(
    base: RunDirectory, plant: PlantRun, tmp_path: Path
) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(of_run(base).as_json())
    one, two, three = (
        plant(outcomes_of(TASKS, 3, lift=0.2, seed=seed), name=f"v{seed}").root for seed in range(3)
    )
    first, second = run(file, one), run(file, two)
    assert "--candidate" not in first.output
    assert f"this look is kept in {file}, in its `ledger`" in first.stderr
    assert "No --candidate is named, so this counts as look 2 at one version." in second.stdout
    named = run(file, three, "--candidate", "v3")
    assert "--candidate" not in named.output
    # Results that were compared before are no new look, so there is nothing to say.
    assert "--candidate" not in run(file, two).output


def test_a_table_of_other_people_is_left_as_it_is(tmp_path: Path) -> None:
    sides = []
    for side in ("base", "head"):
        draw = np.random.default_rng(len(sides))
        rows = ["task,position,arm,seed,outcome"] + [
            f"t{task},{task},a,{seed},{draw.integers(2)}" for task in range(20) for seed in range(3)
        ]
        sides.append(tmp_path / f"{side}.csv")
        sides[-1].write_text("\n".join(rows))
    before = sides[0].read_bytes()
    result = run(*sides)
    assert result.exit_code == 0, result.exception
    assert sides[0].read_bytes() == before


def test_the_baseline_against_itself_is_no_look(base: RunDirectory, tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(of_run(base).as_json())
    before = file.read_bytes()
    assert run(file, base.root).exit_code == 0
    assert file.read_bytes() == before


def test_a_baseline_that_cannot_be_written_says_so(
    base: RunDirectory, plant: PlantRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, head = of_run(base), of_run(plant(outcomes_of(TASKS, 3, lift=0.1), name="head"))
    ledger = noted(kept, head, compare(kept, head), "")
    _note(tmp_path / "no" / "such" / "folder.json", ledger)
    assert "this look is not noted: cannot write" in capsys.readouterr().err
    assert [look.look for look in ledger.ledger] == [1]


def test_a_seeded_agent_is_paired_by_seed_and_the_power_is_told(plant: PlantRun) -> None:
    dice, luck = np.random.default_rng(3).random((TASKS, 3)), np.array([-0.15, 0.0, 0.15])
    old, new = (
        plant({"iid": dice < 0.3 + luck, "sequential": dice < rate + luck}, name=name)
        for name, rate in (("old", 0.6), ("new", 0.55))
    )
    base, head = of_run(old), of_run(new)
    paired = compare(base, head)
    apart = compare(base, replace(head, coupled=False))
    assert (paired.main.coupled, apart.main.coupled) == (True, False)
    assert paired.main.estimate.se < apart.main.estimate.se
    assert paired.main.power > apart.main.power > 0.05
    text = run(old.root, new.root).stdout
    found = f"found by a comparison like this in {100 * paired.main.power:.0f} % of cases"
    assert f"Power: a true change of 10.0 points is {found}" in text
    assert "3 and 3 seeds, paired)" in text


def test_seeds_that_one_side_lacks_have_no_partner(base: RunDirectory, plant: PlantRun) -> None:
    head = of_run(plant(outcomes_of(TASKS, 5, lift=0.2), name="head"))
    assert compare(of_run(base), head).main.estimate.k1 == 3
    assert compare(of_run(base), replace(head, coupled=False)).main.estimate.k1 == 5


def test_cheaper_is_an_improvement(base: RunDirectory) -> None:
    found = compare(of_run(base), of_run(base), Question(outcome="cost"))
    dearer = replace(of_run(base), arms=_scaled(of_run(base).arms, "cost", 1.5))
    assert found.main.finding is Finding.NO_EVIDENCE
    changed = compare(of_run(base), dearer, Question(outcome="cost"))
    assert changed.main.finding is Finding.REGRESSION
    assert changed.main.estimate.estimate > 0


def _scaled(arms: dict, outcome: str, factor: float) -> dict:
    return {
        arm: {**found, outcome: [[factor * v for v in seed] for seed in found[outcome]]}
        for arm, found in arms.items()
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "no baseline"),
        ('{"schema": "seqswe.baseline", "schema_version": 9}', "schema_version 9"),
        (
            '{"schema": "seqswe.baseline", "schema_version": 2, "arm": {}}',
            "unknown field 'arm'",
        ),
    ],
)
def test_a_file_that_is_no_baseline_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "b.json"
    file.write_text(text)
    with pytest.raises(SeqSWEError, match=said) as caught:
        read(file)
    assert caught.value.exit_code == 2
    with pytest.raises(RunDirError, match="does not exist"):
        read(tmp_path / "nothing")


def test_a_baseline_with_numbers_missing_is_refused(base: RunDirectory, tmp_path: Path) -> None:
    data = json.loads(of_run(base).as_json())
    data["arms"]["iid"]["resolved"][0].pop()
    file = tmp_path / "b.json"
    file.write_text(json.dumps(data))
    with pytest.raises(UsageError, match="does not hold 120 numbers"):
        read(file)


def test_the_documents_agree(base: RunDirectory, plant: PlantRun, tmp_path: Path) -> None:
    head = plant(worse(outcomes_of(TASKS, 3, lift=0.2), 0.4), name="head", synthetic=True)
    files = {name: tmp_path / name for name in ("junit", "markdown", "json")}
    given = [part for name, file in files.items() for part in (f"--{name}", file)]
    assert run(base.root, head.root, "--fail-on", "regression", *given).exit_code == 1
    suite = ElementTree.fromstring(files["junit"].read_bytes())[0]
    assert (suite.get("failures"), suite.get("tests")) == ("1", "2")
    text = files["markdown"].read_text()
    assert "REGRESSION" in text
    assert "NO EVIDENCE in iid: " in text
    assert "| REGRESSION |" in text
    assert "p &lt; 0.001" in text
    assert "0.000" not in text
    assert "SYNTHETIC" in files["markdown"].read_text()
    data = json.loads(files["json"].read_text())
    assert (data["finding"], data["synthetic"]) == ("regression", True)


def crashed(found: Rollout) -> Rollout:
    """The same rollout; the agent crashed in two tasks of the sequential arm, which are graded."""
    if found.arm != "sequential" or found.position not in (3, 7):
        return found
    failure = Failure(cause="agent_crashed", detail="RuntimeError: no\n template")
    return replace(found, resolved=False, failure=failure)


@pytest.fixture
def crashing(plant: PlantRun) -> RunDirectory:
    return plant(outcomes_of(TASKS, 3, lift=0.2), name="crashing", change=crashed)


CRASHED = "the agent crashed in 6 of 720 rollouts of head (2 tasks). The first said: RuntimeError: no template"  # noqa: E501


def test_a_crash_is_a_finding_in_every_format(
    base: RunDirectory, crashing: RunDirectory, tmp_path: Path
) -> None:
    files = {name: tmp_path / name for name in ("junit", "markdown", "json")}
    given = [part for name, file in files.items() for part in (f"--{name}", file)]
    result = run(base.root, crashing.root, "--fail-on", "regression", *given)
    assert result.exit_code == 1
    first, named, *_ = result.stdout.splitlines()
    assert first.startswith(f"CRASHED: {CRASHED}. Nothing was tested. ")
    assert named == (
        "Crashed in head: 4 task-3 (sequential, 3 of 3 seeds), 8 task-7 (sequential, 3 of 3 seeds)."
    )
    assert CRASHED in files["markdown"].read_text().replace("\\", "")
    suites = ElementTree.fromstring(files["junit"].read_bytes())
    assert [suite.get("failures") for suite in suites] == ["1", "2"]
    data = json.loads(files["json"].read_text())
    assert (data["finding"], data["changes"], data["look"]) == ("crashed", [], None)
    assert data["crashes"]["head"]["rollouts"] == 6
    assert run(base.root, crashing.root).exit_code == 0


def test_crashes_that_are_allowed_are_told_beside_the_test(
    base: RunDirectory, crashing: RunDirectory
) -> None:
    result = run(base.root, crashing.root, "--allow-crashes")
    assert "Lost in sequential" in result.stdout
    assert f"Taken as graded (--allow-crashes): {CRASHED}." in result.stdout


def test_a_baseline_with_crashes_names_tasks_and_quotes_nothing(
    base: RunDirectory, crashing: RunDirectory, tmp_path: Path
) -> None:
    command = CliRunner().invoke(baseline_command, [str(crashing.root), "--allow-crashes"])
    file = tmp_path / "baseline.json"
    file.write_text(command.stdout)
    assert "template" not in command.stdout
    result = run(file, base.root, "--fail-on", "regression")
    assert result.exit_code == 1
    assert result.stdout.startswith("CRASHED: the agent crashed in 6 of 720 rollouts of base (2 ")
    data = json.loads(command.stdout)
    del data["crashes"], data["digest"]
    file.write_text(json.dumps({**data, "digest": digest_of_fields(data)}))
    result = run(file, base.root)
    assert result.stdout.startswith("CRASHED: the agent crashed in 6 of 720 rollouts of base. ")


def test_a_run_that_crashes_stopped_is_not_to_be_gone_on_with(
    base: RunDirectory, plant: PlantRun, tmp_path: Path
) -> None:
    failure = Failure(cause="agent_crashed", detail="RuntimeError: no template")

    def stopped(found: Rollout) -> Rollout | None:
        first = (found.arm, found.seed) == ("iid", 0) and found.position < 5
        return replace(found, resolved=False, failure=failure) if first else None

    head = plant(outcomes_of(TASKS, 3, lift=0.2), name="stopped", change=stopped)
    file = tmp_path / "comparison.md"
    result = run(base.root, head.root, "--markdown", file)
    assert isinstance(result.exception, StoppedError)
    assert result.exception.exit_code == 5
    assert "crashed in all of the first 5: RuntimeError: no template" in str(result.exception)
    assert result.exception.hint.startswith("Correct it and start a new run.")
    assert "**CRASHED: " in file.read_text()


def test_an_unfinished_run_says_so_in_the_formats_that_were_asked_for(
    base: RunDirectory, plant: PlantRun, tmp_path: Path
) -> None:
    made = outcomes_of(TASKS, 3, lift=0.2)
    part = plant(made, name="part", change=lambda r: failed(r) if r.position == 5 else r)
    files = {name: tmp_path / name for name in ("junit", "markdown")}
    given = [part for name, file in files.items() for part in (f"--{name}", file)]
    assert isinstance(run(base.root, part.root, *given).exception, IncompleteError)
    assert "**INCOMPLETE: " in files["markdown"].read_text()
    (suite,) = ElementTree.fromstring(files["junit"].read_bytes())
    assert suite.get("errors") == "1"


def agents(
    draw: np.random.Generator, tasks: int, seeds: int, loss: float
) -> tuple[np.ndarray, np.ndarray]:
    """Two versions of one agent: tasks as in real benchmarks, runs that differ by 2.4 points."""
    p = draw.beta(0.327, 0.491, size=(tasks, 1))
    sides = []
    for change in (0.0, -loss):
        run_effect = draw.normal(0.0, 0.0235, size=(1, seeds))
        chance = np.clip(p + change + run_effect, 0.0, 1.0)
        sides.append((draw.random((tasks, seeds)) < chance).astype(float))
    return sides[0], sides[1]


@pytest.mark.parametrize(
    ("loss", "fewest", "most"),
    [(0.0, 0.0, 0.05), (0.17, 0.70, 1.0)],
    ids=["A/A", "planted regression"],
)
def test_how_often_the_gate_closes(loss: float, fewest: float, most: float) -> None:
    # Many tasks have p = 0 already, so a shift of .17 lowers the mean by about .10.
    draw = np.random.default_rng(20)
    closed = []
    planted = []
    for _ in range(200):
        old, new = agents(draw, 300, 5, loss)
        planted.append(new.mean() - old.mean())
        _, verdict = change_of(old, new, 1 - alpha_of_look(1), RESOLVED, 0.03)
        closed.append(verdict.word is Word.HARM)
    assert fewest <= np.mean(closed) <= most
    assert np.mean(planted) == pytest.approx(-0.10 if loss else 0.0, abs=0.02)


def test_looking_after_every_seed_keeps_the_promise() -> None:
    draw = np.random.default_rng(21)
    wrong = 0
    for _ in range(200):
        old, new = agents(draw, 150, 8, 0.0)
        for look, seeds in enumerate(range(3, 9), 1):
            level = 1 - alpha_of_look(look)
            _, verdict = change_of(old[:, :seeds], new[:, :seeds], level, RESOLVED, 0.0)
            if verdict.word is Word.HARM or verdict.word.better:
                wrong += 1
                break
    assert wrong / 200 <= 0.05


def test_our_own_baseline_is_of_our_own_demo() -> None:
    """A demo that changed needs `make demo baseline`; a machine's own facts have no place in it."""
    root = Path(__file__).parents[3]
    kept = of_file(root / ".ci" / "baseline.json")
    demo = ResultSet.read(OURS).result("demo-docker").command
    said = dict(re.findall(r"--(\w+) ([\w-]+)", demo))
    assert {name: kept.settings[name] for name in ("codebase", "agent", "memory")} == {
        name: said[name] for name in ("codebase", "agent", "memory")
    }
    records = manifests.load(kept.codebase).instances
    assert kept.instance_ids == tuple(record.instance_id for record in records)
    assert not set(kept.settings) & {"mirror", "issues"}
    assert {name for arm in kept.arms.values() for name in arm} <= set(KEPT)
    assert "/" not in (root / ".ci" / "baseline.json").read_text()


def test_the_action_gives_only_flags_that_there_are() -> None:
    from harness.commands.run import run as run_command

    text = (Path(__file__).parents[3] / "action.yml").read_text()
    for name, command in (("run", run_command), ("compare", compare_command)):
        (line,) = re.findall(rf"^ +seqswe {name} ((?:.*\\\n)*.*)", text, re.M)
        known = {flag for parameter in command.params for flag in parameter.opts}
        used = set(re.findall(r"--[a-z-]+", line))
        if name == "run":
            used |= {f"--{given}" for given in re.findall(r"^ +give ([a-z]+) ", text, re.M)}
        assert used, name
        assert used <= known | {"--"}


def test_the_action_puts_no_input_into_a_command() -> None:
    text = (Path(__file__).parents[3] / "action.yml").read_text()
    scripts = re.findall(r"^      run: (?:\|\n((?:        .*\n)+)|(.*))", text, re.M)
    assert len(scripts) == 4
    assert not any("${{" in part for script in scripts for part in script)
