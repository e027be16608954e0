"""Asking the user from within a sandbox: a command, and an MCP server over standard input.

    ask KIND [ARGUMENT]     such as `ask file`; prints what the user tells
    ask mcp                 serve the same as the MCP tool ask_user

A question is a file of a folder beside this one, `questions/1` and so on; the harness reads it from
outside and writes `answers/1`. Facts never lie in the sandbox before they are paid for.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

SECONDS = 300.0
TICK = 0.05
VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
ABOUT = "The user who reported the issue. Answers cost some of a budget."
TOOL = {
    "name": "ask_user",
    "description": "Ask the user for a kind of fact about the issue, such as file or error-type.",
    "inputSchema": {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "description": "The kind of fact."},
            "argument": {"type": "string", "description": "Which of them, counted from 1."},
        },
        "required": ["kind"],
    },
}


def ask(folder: str, kind: str, argument: str) -> str:
    """Put a question and wait for its answer; "" if none comes in time."""
    number = 1
    while True:
        try:
            with open(os.path.join(folder, "questions", str(number)), "x") as file:
                json.dump([kind, argument], file)
            break
        except FileExistsError:
            number += 1
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        try:
            with open(os.path.join(folder, "answers", str(number)), encoding="utf-8") as file:
                return str(json.load(file))
        except (OSError, ValueError):  # not there yet, or half of it
            time.sleep(TICK)
    return ""


def answer(folder: str, message: Any) -> dict[str, Any] | None:
    """Answer a JSON-RPC message of MCP; None for a notification."""
    if not isinstance(message, dict) or "id" not in message:
        return None
    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    method, reply = message.get("method"), {"jsonrpc": "2.0", "id": message["id"]}
    if method == "initialize":
        wanted = params.get("protocolVersion")
        reply["result"] = {
            "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[-1],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "user", "version": "1"},
            "instructions": ABOUT,
        }
    elif method == "ping":
        reply["result"] = {}
    elif method == "tools/list":
        reply["result"] = {"tools": [TOOL]}
    elif method == "tools/call" and params.get("name") == TOOL["name"]:
        given = params.get("arguments")
        given = given if isinstance(given, dict) else {}
        text = ask(folder, str(given.get("kind", "")), str(given.get("argument", "")))
        reply["result"] = {"content": [{"type": "text", "text": text}], "isError": not text}
    else:
        reply["error"] = {"code": -32601, "message": "unknown method or tool"}
    return reply


def serve(folder: str) -> None:
    """Answer messages line by line until the input ends."""
    for line in sys.stdin:
        try:
            reply = answer(folder, json.loads(line))
        except ValueError:
            error = {"code": -32700, "message": "not JSON"}
            reply = {"jsonrpc": "2.0", "id": None, "error": error}
        if reply is not None:
            sys.stdout.write(json.dumps(reply) + "\n")
            sys.stdout.flush()


def main(words: list[str], folder: str) -> int:
    """Run the command line; returns 1 if nobody answered and 2 for no question."""
    if not words:
        sys.stderr.write((__doc__ or "").split("\n\n")[1] + "\n")
        return 2
    if words == ["mcp"]:
        serve(folder)
        return 0
    text = ask(folder, words[0], " ".join(words[1:]))
    sys.stdout.write(text + "\n" if text else "")
    return 0 if text else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.path.dirname(os.path.abspath(__file__))))
