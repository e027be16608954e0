"""Every way of delivery, by the `command` agent in a real sandbox: what it sees and leaves."""

import json

import pytest

from harness.agents.command import Command
from harness.delivery import check, deliver
from harness.delivery.inside.memory import WRITE_BYTES
from harness.grading import collect_patch
from seqswe.errors import RolloutError, UsageError
from seqswe.experiment import DELIVERIES, Experiment
from seqswe.memory import Recall, Recalled
from seqswe.runs.trajectory import Recording
from seqswe.sandbox import Limits
from tests.harness.projects import task_of

RECALL = Recall(
    items=(
        Recalled(text="Earlier: the parser drops a comma, see src/pärser.py", origins=("i0",)),
        Recalled(text="Before that: money is rounded half away from zero"),
    )
)


@pytest.fixture
def box(request, lay):
    """A local sandbox, or the one that a test asks for."""
    kind = "docker" if request.node.get_closest_marker("docker") else "local"
    return request.getfixturevalue(kind).open(lay())


EVERYWHERE = pytest.mark.parametrize(
    "where", ["local", pytest.param("docker", marks=pytest.mark.docker)]
)


@pytest.fixture
def task(ledgerlite):
    return task_of(ledgerlite, "It does not work\n")


@pytest.fixture
def act(task, box):
    """Runs a shell command as an agent whose memory comes by a way; what it said, what was seen."""

    def make(way, run, recall=RECALL):
        with deliver(way, recall, box) as given:
            agent = Command(seed=0, run=f"{{ {run}; }} > said.txt 2>&1")
            attempt = agent.solve(task, given.recall, Recording(box, Limits(), given.recall.env))
        said = box.read("said.txt").decode()
        box.run(["rm", "said.txt"])
        collected = collect_patch(box, task.base_commit)
        assert collected.patch == "", "delivery must never enter the patch"
        return said, given, given.noted(attempt)

    return make


def test_a_prompt_is_handed_over_as_it_is(act):
    said, given, _ = act("prompt", 'cat "$SEQSWE_MEMORY_FILE"')
    assert said == RECALL.text
    assert given.recall is RECALL
    assert given.delivered is None


@EVERYWHERE
def test_instruction_files_lie_in_the_home_and_it_is_seen_who_opens_one(act, where):
    said, given, _ = act("file", "cat ~/.claude/CLAUDE.md; cat $SEQSWE_MEMORY_FILE")
    assert RECALL.text in said
    assert said.count("pärser") == 1, "not in the prompt as well"
    assert given.recall == Recall()
    assert given.delivered.bytes == len(said.encode())
    assert given.delivered.used == {"opened": 1}
    assert not given.delivered.truncated


def test_codex_is_given_no_more_than_it_reads(act):
    long = Recall(items=(Recalled(text="ä" * 20_000 + "end"),))
    said, given, _ = act("file", "wc -c < ~/.codex/AGENTS.md; tail -c 4 ~/.gemini/GEMINI.md", long)
    assert 32_767 <= int(said.split()[0]) <= 32_768
    assert said.endswith("end\n")
    assert given.delivered.truncated
    assert given.delivered.bytes > 40_000
    _, nobody, _ = act("file", "true", long)
    assert nobody.delivered.used == {"opened": 0}


def test_nothing_recalled_makes_no_instruction_file(act):
    said, given, _ = act("file", "ls -A ~", Recall())
    assert said.split() == [".seqswe"]
    assert (given.delivered.bytes, given.delivered.used) == (0, {"opened": 0})


@EVERYWHERE
def test_a_shell_searches_reads_and_writes(act, where):
    said, given, attempt = act(
        "folder",
        "memory search comma rounded drops; memory read 002; memory write the parser is ünsafe;"
        " echo from a pipe | memory write; memory search parser; cat $SEQSWE_MEMORY_DIR/*/001.md",
    )
    lines = said.splitlines()
    assert lines[0].startswith("001  Earlier: the parser drops")
    assert lines[1].startswith("002  Before that")
    assert lines[2] == RECALL.items[1].text
    assert lines[-3:] == [
        "001  Earlier: the parser drops a comma, see src/pärser.py",
        "note-1  the parser is ünsafe",
        RECALL.items[0].text,
    ]
    assert given.delivered.used == {"search": 2, "read": 1, "write": 2}
    assert attempt.notes["written"] == ["the parser is ünsafe", "from a pipe\n"]
    assert given.delivered.written_bytes == sum(len(n.encode()) for n in given.written)


def test_a_prompt_says_how_to_reach_it_and_holds_none_of_it(act):
    said, given, _ = act("folder", "cat $SEQSWE_MEMORY_FILE; cat $SEQSWE_MEMORY_JSON")
    assert "`memory search WORDS`" in said
    assert said.endswith("[]")
    assert given.delivered.used == {"search": 0, "read": 0, "write": 0}
    assert given.delivered.bytes == sum(len(i.text.encode()) for i in RECALL.items)


def test_an_empty_memory_has_the_same_tool(act):
    said, given, _ = act("folder", "memory search anything", Recall())
    assert said == "The memory is empty.\n"
    assert given.delivered.used["search"] == 1


def test_notes_have_a_budget_that_the_agent_cannot_get_around(act):
    said, given, attempt = act(
        "folder",
        f"head -c {WRITE_BYTES - 10} /dev/zero | tr '\\0' a | memory write;"
        " memory write more than that; echo exit $?; memory write short;"
        " head -c 100000 /dev/zero | tr '\\0' b > $SEQSWE_MEMORY_DIR/written/own-9.md",
    )
    assert "error: 10 bytes are left for notes, this one has 14\nexit 1\n" in said
    assert given.delivered.written_bytes <= WRITE_BYTES
    assert [note[:5] for note in attempt.notes["written"]] == ["aaaaa", "short", "bbbbb"]


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("memory", 2, "memory search WORD..."),
        ("memory forget it", 2, "memory search WORD..."),
        ("memory read", 2, "memory read NAME"),
        ("memory read ../../task", 1, "there is no entry '../../task'"),
        ("memory write ''", 1, "an empty note says nothing"),
    ],
)
def test_wrong_calls_say_what_is_right(local, lay, command, code, says):
    box = local.open(lay())
    with deliver("folder", RECALL, box) as given:
        done = Recording(box, Limits(), given.recall.env).run(command)
    assert done.exit_code == code
    assert says in done.stderr.decode()


def test_an_agent_that_breaks_its_memory_loses_its_notes_and_nothing_else(act):
    said, given, attempt = act(
        "folder", "memory write x; rm -rf ~/.seqswe/memory; memory search x; true"
    )
    assert "error: " in said
    assert given.written == ()
    assert "written" not in attempt.notes


@pytest.mark.parametrize(
    ("answer", "used", "written"),
    [
        ({"calls": {"search": 1, "read": 0, "write": 2, "own": 3}, "notes": ["a", 7, None, " "]},
         {"search": 1, "read": 0, "write": 2}, ("a",)),
        ({"calls": {"search": "many", "read": 0, "write": 0}, "notes": "text"}, None, ()),
        ({"calls": {"search": 1.5, "read": True, "write": -1}, "notes": {"a": "b"}}, None, ()),
        ({"calls": {"search": 1}, "notes": ["\ud800", "ä" * WRITE_BYTES, "c" * 9]}, None,
         ("?", "ä" * (WRITE_BYTES // 2 - 1))),
        ({"calls": [1], "opened": "x"}, None, ()),
        ([1], None, ()),
        (None, None, ()),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["folder", "file"])
def test_an_agents_own_python_answers_nothing_that_cannot_be(box, way, answer, used, written):
    said = "[" * 100_000 if answer is None else json.dumps(answer)
    with deliver(way, RECALL, box) as given:
        box.write("bin/answer", said.encode())
        box.write("bin/python3", f"#!/bin/sh\ncat {box.root}/bin/answer\n".encode())
        box.run(["chmod", "+x", "bin/python3"])
        # In a container an agent writes over the interpreter itself.
        box._env["PATH"] = f"{box.root}/bin:{box._env['PATH']}"
    if way == "file":
        used, written = None, ()
    assert (given.delivered.used, given.written) == (used, written)
    assert given.delivered.written_bytes <= WRITE_BYTES


@EVERYWHERE
def test_mcp_clients_inside_find_a_configuration(act, where):
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18"},
    }
    call = {"name": "memory_search", "arguments": {"query": "comma"}}
    lines = [
        json.dumps(hello),
        '{"jsonrpc": "2.0", "method": "notifications/initialized"}',
        json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
        json.dumps({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call}),
    ]
    script = (
        "import json, os, subprocess, sys; "
        "s = json.load(open(os.environ['SEQSWE_MEMORY_MCP']))['mcpServers']['memory']; "
        "sys.exit(subprocess.call([s['command'], *s['args']]))"
    )
    said, given, _ = act(
        "mcp",
        f"cat > ~/in <<'E'\n{chr(10).join(lines)}\nE\n"
        f'python3 -c "{script}" < ~/in; command -v memory; true',
    )
    answers = [json.loads(line) for line in said.splitlines()]
    assert [a["id"] for a in answers] == [1, 2, 3], "and no command `memory` on the PATH"
    assert answers[0]["result"]["protocolVersion"] == "2025-06-18"
    names = {tool["name"] for tool in answers[1]["result"]["tools"]}
    assert names == {"memory_search", "memory_read", "memory_write"}
    assert answers[2]["result"]["content"][0]["text"].startswith("001  Earlier")
    assert given.delivered.used == {"search": 1, "read": 0, "write": 0}
    assert "memory_search" in given.recall.text


def test_an_agent_that_would_not_look_there_is_refused():
    for way in set(DELIVERIES) - {"prompt"}:
        with pytest.raises(UsageError, match="does not look for its memory") as caught:
            check(Experiment(delivery=way), (), inside=False)
        assert caught.value.hint == "Choose one of: prompt."
    check(Experiment(), (), inside=False)
    with pytest.raises(UsageError, match="unknown delivery 'telepathy'"):
        Experiment(delivery="telepathy")


def test_the_default_keeps_the_digest_it_had():
    assert Experiment().digest != Experiment(delivery="file").digest
    assert Experiment(delivery="prompt").digest == Experiment().digest


class UsedUp:
    """A sandbox of which the agent used up the memory or the time."""

    def __init__(self, box, cause):
        self._box, self.cause = box, ""
        self._own = cause

    def use_up(self):
        self.cause = self._own

    def run(self, command, **how):
        if self.cause:
            raise RolloutError(self.cause, "used up")
        return self._box.run(command, **how)


@pytest.mark.parametrize("way", ["file", "folder", "mcp"])
@pytest.mark.parametrize("cause", ["agent_crashed", "agent_out_of_budget"])
def test_an_agent_that_used_up_its_sandbox_loses_its_notes_and_no_verdict(box, way, cause):
    sandbox = UsedUp(box, cause)
    with deliver(way, RECALL, sandbox) as given:
        sandbox.use_up()
    assert given.delivered.used is None


def test_a_sandbox_that_broke_is_no_doing_of_the_agent(box):
    sandbox = UsedUp(box, "sandbox_failed")
    with pytest.raises(RolloutError) as caught, deliver("folder", RECALL, sandbox):
        sandbox.use_up()
    assert caught.value.cause == "sandbox_failed"
