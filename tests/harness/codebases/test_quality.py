"""What tasks are like: computed from a small history whose answers are known."""

import json
from dataclasses import replace

import pytest

from harness.codebases.mining import mine
from harness.codebases.quality import measure
from harness.codebases.statements.rules import LATEST
from harness.history.git import Clone
from seqswe.cli import main
from seqswe.errors import MissingError
from seqswe.manifests import manifest_files as manifests
from seqswe.manifests.manifest import Mining
from tests.harness.projects import commit, manifest_of

LONG = "The parser of words loses every alias behind a comma"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quality") / "clone"
    commit(folder, {"tiny/a.py": "0\n", "tiny/b.py": "0\n", "tests/test_a.py": "0\n"}, day=0)

    def fix(number, message, *names):
        files = {f"tiny/{name}.py": f"{number}\n" for name in names}
        return commit(folder, files | {"tests/test_a.py": f"{number}\n"}, message, day=10 * number)

    first = fix(1, f"{LONG}. Fixes #7", "a")
    fix(2, "Count days of the week", "b", "c")
    fix(3, f'Revert "{LONG}. Fixes #7"\n\nThis reverts commit {first}.', "a")
    fix(4, "Another way\n\nCloses #7", "a")
    fix(5, f"Second branch\n\n(cherry picked from commit {first})", "b")
    fix(6, f"{LONG} and a dot", "d")
    return folder


@pytest.fixture(scope="module")
def found(folder):
    manifest = manifest_of(folder)
    return measure(Clone(folder), manifest, mine(Clone(folder), manifest, {}).records, {})


def test_size_and_age(found):
    assert [each.files for each in found] == [1, 2, 1, 1, 1, 1]
    assert [each.lines for each in found][:2] == [2, 3]
    assert [each.age_days for each in found] == [0, 10, 10, 0, 20, None]
    assert [each.position for each in found] == list(range(6))


def test_which_files_were_fixed_before(found):
    assert [each.novel for each in found] == [True, True, False, False, False, True]


def test_links_to_earlier_tasks(found):
    first, _, revert, again, picked, alike = found
    assert revert.links["revert"] == first.instance_id
    assert again.links == {"follow-up": revert.instance_id}, "the latest"
    assert picked.links == {"back-port": first.instance_id}
    assert set(alike.links) == {"near-duplicate"}
    assert first.links == {}


def test_the_nearest_earlier_task(found):
    assert (found[0].nearest, found[0].similarity) == ("", 0.0)
    assert found[1].similarity < 0.3
    assert found[5].nearest in (found[0].instance_id, found[2].instance_id)
    assert found[5].similarity >= 0.6


def test_a_card_and_its_fields(folder, tmp_path, capsys):
    manifest = manifest_of(
        tmp_path / "tiny", url=str(folder), mining=Mining(statements=LATEST.version)
    )
    records = mine(Clone(folder), manifest, {}).records
    manifests.save(replace(manifest, instances=records), tmp_path / "tiny")
    fields = tmp_path / "fields.jsonl"
    with pytest.raises(SystemExit) as ended:
        main(["card", str(tmp_path / "tiny"), "--fields", str(fields)])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "6 tasks" in out
    assert "* 3 tasks fix no file that an earlier task fixed, 3 do." in out
    assert len([json.loads(line) for line in fields.read_text().splitlines()]) == 6


def test_a_card_with_a_chart_and_the_seconds_of_a_run(tmp_path, capsys, ledgerlite, cache):
    run, chart, fields = tmp_path / "run", tmp_path / "card.svg", tmp_path / "fields.jsonl"
    words = ("--agent", "gold", "--sandbox", "local", "--seeds", "1", "--limit", "2", "--arm")
    with pytest.raises(SystemExit):
        main(["run", "--codebase", "ledgerlite", *words, "iid", "--out", str(run)])
    more = ("--run", str(run), "--chart", str(chart), "--fields", str(fields))
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["card", "ledgerlite", *more])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert f"({chart})" in out
    drawn = chart.read_text()
    assert drawn.startswith("<svg")
    assert "seconds that its tests take" in drawn
    measured = [json.loads(line)["test_seconds"] for line in fields.read_text().splitlines()]
    assert all(seconds > 0 for seconds in measured[:2])
    assert measured[2:] == [None] * (len(ledgerlite.instances) - 2)


def test_a_commit_that_the_clone_lacks_is_named(folder):
    manifest = manifest_of(folder)
    lost = replace(mine(Clone(folder), manifest, {}).records[0], base_commit="0" * 40)
    with pytest.raises(MissingError, match="cannot be read"):
        measure(Clone(folder), manifest, [lost], {})
