"""The way to the user for an agent within the sandbox: it leaves questions, which are read here.

A file for each question and each answer, so that it needs no network and no program on the host,
and is the same in every kind of sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from threading import Event

from harness.users.session import AskSession
from seqswe.errors import ManifestError, RolloutError
from seqswe.manifests.read import parse_json
from seqswe.sandbox import Sandbox
from seqswe.user import OUT_OF_SCOPE

FOLDER = ".seqswe/ask"
"""Below HOME, so that none of it is ever part of the patch."""
TICK = 0.1
MOST_BYTES = 2_000
"""Of a question."""
PREPARE = """
mkdir -p "$HOME/$FOLDER/questions" "$HOME/$FOLDER/answers" && cat > "$HOME/$FOLDER/ask.py" &&
printf '#!/bin/sh\\nexec python3 -I "$(dirname "$0")/ask.py" "$@"\\n' > "$HOME/$FOLDER/ask" &&
chmod 755 "$HOME/$FOLDER/ask" && printf '%s\\n%s' "$HOME" "$PATH"
"""


@contextmanager
def mailbox(sandbox: Sandbox, session: AskSession, path: str = "") -> Iterator[Mapping[str, str]]:
    """Answer for this block; yields the variables that every command is to have.

    path: the PATH that commands have, if it is not the sandbox's own. Raises RolloutError if the
    program cannot be laid out, or an answer not be found out.
    """
    source = (files("harness.users") / "inside" / "ask.py").read_bytes()
    done = sandbox.run(["sh", "-c", PREPARE], env={"FOLDER": FOLDER}, stdin=source)
    if not done.ok:
        raise RolloutError("sandbox_failed", f"`ask` could not be laid out: {done.stderr[-200:]!r}")
    home, _, own_path = done.text.partition("\n")
    folder = f"{home}/{FOLDER}"
    server = {"command": f"{folder}/ask", "args": ["mcp"]}
    config = f"{folder}/mcp.json"
    sandbox.write(config, json.dumps({"mcpServers": {"user": server}}).encode())
    over = Event()
    with ThreadPoolExecutor(1, thread_name_prefix="mailbox") as threads:
        answering = threads.submit(_answer, sandbox, session, folder, over)
        try:
            yield {"PATH": f"{folder}:{path or own_path}", "SEQSWE_ASK_MCP": config}
        finally:
            over.set()
        answering.result()


def _answer(sandbox: Sandbox, session: AskSession, folder: str, over: Event) -> None:
    """Answer question after question. Raises RolloutError if one cannot be answered."""
    number = 1
    while not over.wait(TICK):
        try:
            question = sandbox.read(f"{folder}/questions/{number}")
        except FileNotFoundError:
            continue
        if not question:  # it is being written
            continue
        answer = json.dumps(_reply(session, question)).encode()
        sandbox.write(f"{folder}/answers/{number}", answer)
        number += 1


def _reply(session: AskSession, question: bytes) -> str:
    try:
        words = parse_json(question[:MOST_BYTES], "a question", "")
    except ManifestError:
        words = None
    if not isinstance(words, list) or len(words) != 2:
        return f"{OUT_OF_SCOPE}: that is no question."
    return session.ask(str(words[0]), str(words[1]))
