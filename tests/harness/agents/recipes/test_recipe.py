"""Recipes as files: those that ship, one's own, and what is said of one that cannot be."""

from pathlib import Path

import pytest

from harness.agents.recipes import RECIPES, find, load
from harness.agents.recipes.agent import agent_class, from_name
from harness.agents.recipes.placeholders import KNOWN
from harness.agents.recipes.prompt import LONGEST, the_prompt
from harness.agents.recipes.setup import set_up, values_of, way_of
from seqswe import plugins
from seqswe.errors import ManifestError, UnknownName
from seqswe.instance import Task
from seqswe.memory import Recall, Recalled

OWN = """
name = "mine"
about = "A test's own"
command = ["mine", "--task", "${prompt}"]
"""
INSTALL = """
[install]
version = "1.2.3"
version_command = ["/opt/agent/bin/mine", "--version"]
"""


@pytest.fixture
def write(tmp_path):
    """`write(text)`: the path of a recipe of these words."""

    def make(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    return make


@pytest.fixture
def task(ledgerlite):
    record = ledgerlite.instances[0]
    return Task(
        instance_id="x-1",
        repo="owner/name",
        base_commit=record.base_commit,
        created_at=record.created_at,
        problem_statement="It fails: ${HOME} $(id) `id` \"quoted\" 'so'\n",
        position=4,
    )


def test_a_script_beside_a_recipe_is_written_as_it_is(write, task, tmp_path):
    """Shell and Python are full of what looks like a placeholder."""
    script = "import os  # ${prompt} $$ $HOME\nprint('\\\\d')\n"
    (tmp_path / "fix.py").write_text(script)
    recipe = load(write('scripts = ["fix.py"]' + OWN.replace('"mine", ', '"${home}/fix.py", ')))
    values = {**values_of(task, 0, {}, "/home/x", "/testbed"), "prompt": "p"}
    made = set_up(recipe, "prompt", values)
    assert made.files == {"fix.py": script}
    assert made.command[0] == "/home/x/fix.py"


@pytest.mark.parametrize("named", ["absent.py", "link.py", "../mine.toml", "binary.py"])
def test_a_script_that_cannot_be_had(write, tmp_path, named):
    (tmp_path / "link.py").symlink_to("/etc/hosts")
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe")
    with pytest.raises(ManifestError) as caught:
        load(write(f'scripts = ["{named}"]' + OWN))
    assert named in str(caught.value)


@pytest.mark.parametrize("name", RECIPES)
def test_what_ships_is_pinned_and_is_an_agent_by_its_name(name):
    recipe = find(name)
    assert recipe is not None
    assert recipe.name == name
    assert recipe.install is not None
    assert recipe.install.version in recipe.install.npm + recipe.install.pip
    agent = plugins.resolve("agent", name)
    assert agent.inside
    assert agent.apis == (recipe.api,)
    assert "prompt" in agent.deliveries


@pytest.mark.parametrize("name", RECIPES)
def test_what_ships_can_be_set_up_every_way(name, task):
    recipe = find(name)
    given = {
        "SEQSWE_GATEWAY_URL": "http://127.0.0.1:8199",
        "SEQSWE_GATEWAY_TOKEN": "token-7",
        "SEQSWE_GATEWAY_MODEL": "model-7",
        "SEQSWE_MEMORY_COMMAND": "/home/agent/.seqswe/bin/memory",
        "SEQSWE_MEMORY_MCP": "/home/agent/.seqswe/mcp.json",
    }
    values = values_of(task, 0, given, "/home/agent", "/testbed") | {"prompt": "P"}
    for way in recipe.memory:
        setup = set_up(recipe, way, values)
        whole = repr(setup)
        assert "http://127.0.0.1:8199" in whole
        assert "token-7" in whole
        assert "model-7" in whole
        assert way != "mcp" or "/home/agent/.seqswe/" in whole


def test_one_of_ones_own_is_an_agent_by_its_path(write):
    agent = plugins.resolve("agent", str(write(OWN)))
    assert agent.recipe.name == "mine"
    assert agent.apis == ()
    assert agent.deliveries == ("prompt",)


def test_a_changed_recipe_makes_other_results(write):
    first = agent_class(load(write(OWN))).digest
    load.cache_clear()
    assert agent_class(load(write(OWN + 'version = "2"\n'))).digest != first


def test_the_task_is_one_argument_and_no_shell_reads_it(write, task):
    text = the_prompt().text(task, Recall(), "/testbed")
    setup = set_up(load(write(OWN)), "prompt", {"prompt": text})
    assert setup.command == ["mine", "--task", text]
    assert task.problem_statement.strip() in text


def test_the_prompt_holds_the_recall_only_if_there_is_one(task):
    without = the_prompt().text(task, Recall(), "/testbed")
    recall = Recall(items=(Recalled(text="CANARY"),))
    assert "memory" not in without
    assert "CANARY" in the_prompt().text(task, recall, "/testbed")


def test_a_memory_that_has_to_be_asked_for_is_hinted_at(task):
    text = the_prompt().text(task, Recall(hint="Ask the tool."), "/testbed")
    assert "Ask the tool." in text
    assert "<memory>" not in text


def test_the_docs_show_the_prompt_of_today():
    docs = (Path(__file__).parents[4] / "docs" / "agents.md").read_text()
    assert the_prompt().prompt.strip() in docs
    assert the_prompt().memory.strip() in docs
    for name, meaning in KNOWN.items():
        assert f"`${{{name}}}` ({meaning})" in docs
    for name in RECIPES:
        recipe = find(name)
        assert f"| `{name}` |" in docs
        assert recipe.install.version in docs


def test_a_prompt_that_is_no_argument_any_more_is_read_from_its_file():
    assert the_prompt().argument("x" * LONGEST, "/f") == "x" * LONGEST
    assert "/f" in the_prompt().argument("x" * (LONGEST + 1), "/f")


def test_the_way_is_seen_by_what_the_delivery_left():
    assert way_of({"SEQSWE_MEMORY_MCP": "x"}, has_file=False) == "mcp"
    assert way_of({"SEQSWE_MEMORY_DIR": "x"}, has_file=False) == "folder"
    assert way_of({}, has_file=True) == "file"
    assert way_of({}, has_file=False) == "prompt"


def test_tables_of_files_are_merged_and_quoted_by_their_kind(write):
    text = (
        OWN
        + """
[files."a.json"]
one = 1
name = '${model}'
[files."b.toml".x]
name = "${model}"
[memory.mcp.files."a.json"]
two = 2
"""
    )
    setup = set_up(load(write(text)), "mcp", {"prompt": "p", "model": 'm"\n'})
    assert setup.files["a.json"] == '{\n  "one": 1,\n  "name": "m\\"\\n",\n  "two": 2\n}\n'
    assert setup.files["b.toml"] == '[x]\nname = "m\\"\\n"\n'


WRONG = {
    "no TOML": ("name = ", "not TOML"),
    "nothing": ("", "'name' is missing"),
    "unknown field": (OWN + 'comand = "x"\n', "unknown field 'comand'"),
    "name": (OWN.replace('"mine"', '"My Agent"', 1), "'name' must be"),
    "api": (OWN + 'api = "smtp"\n', "'api' must be"),
    "empty command": (OWN.replace('["mine", "--task", "${prompt}"]', "[]"), "'command'"),
    "command is a text": (OWN.replace('["mine", "--task", "${prompt}"]', '"x"'), "'command'"),
    "no prompt": (OWN.replace("${prompt}", "x"), "no ${prompt}"),
    "unknown placeholder": (OWN.replace("--task", "${taks}"), "unknown ${taks}"),
    "lonely dollar": (OWN.replace("--task", "$5"), "begins no ${name}"),
    "way": (OWN + "[memory.smoke]\n", "'smoke'"),
    "variable": (OWN + '[environment]\n"A B" = "x"\n', "name of a variable"),
    "file above HOME": (OWN + '[files]\n"../x" = "x"\n', "below HOME"),
    "absolute file": (OWN + '[files]\n"/etc/x" = "x"\n', "below HOME"),
    "table of no kind": (OWN + '[files."x.txt"]\na = 1\n', "must be a text"),
    "transcript": (OWN + '[transcript]\nformat = "word"\n', "'format' must be"),
    "pattern": (OWN + '[replay]\nblank = ["("]\n', "regular expression"),
    "install nothing": (OWN + INSTALL, "'npm' and 'pip'"),
    "install both": (OWN + INSTALL + 'npm = "a@1.0.0"\npip = "a==1.0.0"\n', "'npm' and 'pip'"),
    "range of npm": (OWN + INSTALL + 'npm = "a@^1.0.0"\nnode = "24.19.0"\n', "NAME@VERSION"),
    "option for npm": (OWN + INSTALL + 'npm = "--evil@1.0.0"\nnode = "24.19.0"\n', "NAME@VERSION"),
    "npm without node": (OWN + INSTALL + 'npm = "a@1.0.0"\n', "node"),
    "range of pip": (OWN + INSTALL + 'pip = "a>=1"\npythons = ["3.11"]\n', "NAME==VERSION"),
    "pip without Python": (OWN + INSTALL + 'pip = "a==1.0.0"\n', "'pythons'"),
    "way out": (OWN + INSTALL + 'npm = "a@1.0.0"\nnode = "24.19.0"\nremove = ["../x"]\n', "remove"),
}


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_in_two_short_lines_with_file_and_field(write, text, said):
    load.cache_clear()
    with pytest.raises(ManifestError) as caught:
        load(write(text))
    message, hint = caught.value.message, caught.value.hint
    assert "mine.toml" in message
    assert said in message
    assert hint
    assert max(len(message), len(hint)) <= 300
    assert "\n" not in message + hint


def test_a_file_that_is_not_there_and_a_name_that_nobody_has(tmp_path):
    with pytest.raises(ManifestError, match="cannot read"):
        plugins.resolve("agent", str(tmp_path / "none.toml"))
    with pytest.raises(UnknownName, match="codx"):
        from_name("codx")
