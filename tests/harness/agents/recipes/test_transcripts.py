"""Every form of transcript becomes steps of ATIF, and no line of one breaks its reading."""

import json

import pytest

from harness.agents.recipes.transcripts import read_transcript
from harness.agents.recipes.transcripts.account import Account
from harness.agents.recipes.transcripts.read import READERS
from harness.agents.recipes.transcripts.traj import read_mini, read_swe_agent
from seqswe.runs.atif import parse_steps
from seqswe.runs.trajectory import commands_of


def lines(*objects):
    return "".join(json.dumps(each) + "\n" for each in objects)


USAGE = {"input_tokens": 7, "cache_read_input_tokens": 2, "output_tokens": 5}
CLAUDE = lines(
    {"type": "user", "message": {"role": "user", "content": "Do it"}},
    {
        "type": "assistant",
        "message": {"id": "m1", "model": "m", "content": [{"type": "text", "text": "I look."}]},
    },
    {
        "type": "assistant",
        "message": {
            "id": "m1",
            "usage": USAGE,
            "content": [
                {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}},
                {"type": "tool_use", "id": "t2", "name": "mcp__memory__memory_search", "input": {}},
            ],
        },
    },
    {
        "type": "user",
        "message": {
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "a.py"},
                {
                    "type": "tool_result",
                    "tool_use_id": "t2",
                    "content": [{"type": "text", "text": "no"}],
                    "is_error": True,
                },
            ]
        },
    },
    {"type": "assistant", "message": {"id": "m2", "content": [{"type": "text", "text": "Done."}]}},
)
CODEX = lines(
    {"type": "response_item", "payload": {"type": "message", "role": "user", "content": "Do it"}},
    {
        "type": "response_item",
        "payload": {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "I look."}],
        },
    },
    {
        "type": "response_item",
        "payload": {
            "type": "function_call",
            "call_id": "t1",
            "name": "exec_command",
            "arguments": '{"cmd": "ls"}',
        },
    },
    {
        "type": "response_item",
        "payload": {
            "type": "function_call",
            "call_id": "t2",
            "namespace": "mcp__memory",
            "name": "memory_search",
            "arguments": "not JSON",
        },
    },
    {
        "type": "event_msg",
        "payload": {
            "type": "token_count",
            "info": {"last_token_usage": {"input_tokens": 9, "output_tokens": 5}},
        },
    },
    {
        "type": "response_item",
        "payload": {
            "type": "function_call_output",
            "call_id": "t1",
            "output": "Chunk ID: 7f\na.py",
        },
    },
    {
        "type": "response_item",
        "payload": {"type": "function_call_output", "call_id": "t2", "output": "no"},
    },
    {
        "type": "response_item",
        "payload": {"type": "message", "role": "assistant", "content": "Done."},
    },
)
RESPONSE = {"functionResponse": {"id": "t1", "response": {"output": "a.py"}}}
GEMINI = lines(
    {"sessionId": "s"},
    {"id": "u", "type": "user", "content": [{"text": "Do it"}]},
    {"id": "g", "type": "gemini", "content": "half of it"},
    {
        "id": "g",
        "type": "gemini",
        "content": "I look.",
        "tokens": {"input": 9, "output": 5, "cached": 2},
        "toolCalls": [
            {
                "id": "t1",
                "name": "run_shell_command",
                "args": {"command": "ls"},
                "result": [RESPONSE],
            },
            {"id": "t2", "name": "mcp_memory_memory_search", "args": {}, "status": "error"},
        ],
    },
    {"id": "v", "type": "user", "content": [RESPONSE]},
    {"id": "h", "type": "gemini", "content": "Done."},
)
QWEN = lines(
    {"type": "user", "message": {"parts": [{"text": "Do it"}]}},
    {
        "type": "assistant",
        "message": {
            "parts": [
                {"text": "I look."},
                {
                    "functionCall": {
                        "id": "t1",
                        "name": "run_shell_command",
                        "args": {"command": "ls"},
                    }
                },
                {"functionCall": {"id": "t2", "name": "mcp__memory__memory_search", "args": {}}},
            ]
        },
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 5},
    },
    {"type": "tool_result", "message": {"parts": [RESPONSE]}},
    {"type": "assistant", "message": {"parts": [{"text": "Done."}]}},
)
OPENCODE = lines(
    {"type": "step_start", "part": {}},
    {"type": "text", "part": {"text": "I look."}},
    {
        "type": "tool_use",
        "part": {
            "tool": "bash",
            "callID": "t1",
            "state": {"status": "completed", "input": {"command": "ls"}, "output": "a.py"},
        },
    },
    {
        "type": "tool_use",
        "part": {
            "tool": "memory_memory_search",
            "callID": "t2",
            "state": {"status": "error", "input": {"query": ""}, "error": "no"},
        },
    },
    {
        "type": "step_finish",
        "part": {"tokens": {"input": 7, "output": 5, "reasoning": 0, "cache": {"read": 2}}},
    },
    {"type": "step_start", "part": {}},
    {"type": "text", "part": {"text": "Done."}},
)
TRANSCRIPTS = {
    "claude-code": CLAUDE,
    "codex": CODEX,
    "gemini-cli": GEMINI,
    "qwen-code": QWEN,
    "opencode": OPENCODE,
}


@pytest.mark.parametrize("form", TRANSCRIPTS)
def test_what_was_said_and_done_becomes_steps(form):
    steps = read_transcript(form, TRANSCRIPTS[form], "", (r"Chunk ID: \w+\n",)).steps
    parse_steps(tuple(steps))
    acting = next(step for step in steps if "tool_calls" in step)
    assert acting["message"] == "I look."
    assert acting["metrics"]["prompt_tokens"] == 9
    assert acting["metrics"]["completion_tokens"] == 5
    assert acting["extra"] == {"memory": ["search"]}
    commands = commands_of(steps)
    assert commands[0][0] == "ls"
    assert commands[0][1].stdout == b"a.py"
    assert len(commands) == 2
    assert steps[-1]["message"] == "Done."


@pytest.mark.parametrize("form", TRANSCRIPTS)
def test_a_transcript_that_breaks_off_or_is_none_is_read_as_far_as_it_goes(form):
    text = TRANSCRIPTS[form]
    for end in range(0, len(text), 7):
        parse_steps(tuple(read_transcript(form, text[:end], text[end:]).steps))
    odd = ["", "\0", "{", "[]", "{}", '{"type": 1}', '{"type": "user", "message": 5}', "x" * 9]
    odd += ['{"type": "assistant", "message": {"content": [{"type": "tool_use"}]}}', "[" * 9999]
    odd += ['{"type": "response_item", "payload": {"type": "function_call"}}', '{"id": []}']
    assert isinstance(read_transcript(form, "\n".join(odd), "\n".join(odd)), Account)


@pytest.mark.parametrize("form", READERS)
def test_no_value_of_another_kind_breaks_a_reading(form):
    for value in (None, 5, "x", [], [None], {}, {"x": None}, True):
        text = TRANSCRIPTS.get(form, "")
        for line in text.splitlines():
            data = json.loads(line)
            for name in data:
                account = read_transcript(form, json.dumps({**data, name: value}), "")
                assert isinstance(account, Account)
                if isinstance(data[name], dict):
                    for inner in data[name]:
                        changed = {**data, name: {**data[name], inner: value}}
                        assert isinstance(read_transcript(form, json.dumps(changed), ""), Account)


ENDS = {
    "claude-code": (
        {"type": "result", "subtype": "success", "is_error": True, "result": "why"},
        "why",
    ),
    "codex": ({"type": "turn.failed", "error": {"message": "why"}}, "why"),
    "gemini-cli": ({"type": "result", "status": "error", "error": {"message": "why"}}, "why"),
    "qwen-code": ({"type": "result", "is_error": True, "error": {"message": "why"}}, "why"),
    "opencode": ({"type": "error", "error": {"data": {"message": "why"}}}, "why"),
}


@pytest.mark.parametrize("form", ENDS)
def test_how_it_ended_by_its_own_account(form):
    event, why = ENDS[form]
    both = lines(event)
    assert read_transcript(form, both, both).error == why
    assert read_transcript(form, TRANSCRIPTS[form], "").error == ""


def test_a_warning_of_codex_is_no_failure():
    warning = {"type": "item.completed", "item": {"type": "error", "message": "unknown model"}}
    assert read_transcript("codex", "", lines(warning)).error == ""


def test_the_history_of_aider():
    text = "\n# aider chat\n#### Do it\n\nI change it.\n\n> Tokens: 1.2k sent, 20 received.\n"
    steps = read_transcript("aider", text, "").steps
    parse_steps(tuple(steps))
    assert [step["source"] for step in steps] == ["agent", "user", "agent", "system"]
    assert steps[2]["metrics"] == {"prompt_tokens": 1200, "completion_tokens": 20}


def test_trajectories_of_other_harnesses():
    mini, swe = Account(), Account()
    response = {"usage": {"prompt_tokens": 9, "completion_tokens": 5}}
    action = {"command": "ls", "tool_call_id": "t1"}
    read_mini(
        {
            "messages": [
                {"role": "system", "content": "You help."},
                {
                    "role": "assistant",
                    "content": "I look.",
                    "extra": {"actions": [action], "response": response},
                },
                {
                    "role": "tool",
                    "tool_call_id": "t1",
                    "content": "{}",
                    "extra": {"raw_output": "a.py", "returncode": 0},
                },
            ],
            "info": {"exit_status": "LimitsExceeded"},
        },
        mini,
    )
    read_swe_agent(
        {
            "history": [{"role": "system", "content": "You help."}],
            "trajectory": [{"thought": "I look.", "action": "ls", "observation": "a.py"}],
            "info": {"exit_status": "submitted", "model_stats": {"api_calls": 1}},
        },
        swe,
    )
    for account in (mini, swe):
        parse_steps(tuple(account.steps))
        ((command, done),) = commands_of(account.steps)
        assert (command, done.stdout) == ("ls", b"a.py")
    assert (mini.error, swe.error) == ("LimitsExceeded", "")
    assert swe.usage == {"api_calls": 1}


def test_endless_texts_are_cut():
    text = lines(
        *({"type": "user", "message": {"content": "x" * 100_000}} for _ in range(3)),
        *({"type": "user", "message": {"content": "x"}} for _ in range(3_000)),
    )
    steps = read_transcript("claude-code", text, "").steps
    assert len(steps) == 2_000
    assert len(steps[0]["message"]) == 20_000
