"""Trajectories of other harnesses: mini-swe-agent's `.traj.json` and SWE-agent's `.traj`."""

from __future__ import annotations

from typing import Any

from harness.agents.recipes.transcripts.account import Account, table, tables, texts


def read_mini(document: dict[str, Any], account: Account) -> None:
    """mini: messages in the form of a chat; what each answer took stands in its `extra`."""
    for message in tables(document.get("messages")):
        role, extra = message.get("role"), table(message.get("extra"))
        text = texts(message.get("content"))
        if role == "assistant":
            account.act(text, reasoning=str(message.get("reasoning_content") or ""))
            for action in tables(extra.get("actions")):
                number = str(action.get("tool_call_id", ""))
                account.call(number, "bash", {"command": action.get("command", "")})
            usage = table(table(extra.get("response")).get("usage"))
            details = table(usage.get("prompt_tokens_details"))
            account.took(
                prompt=usage.get("prompt_tokens"),
                completion=usage.get("completion_tokens"),
                cached=details.get("cached_tokens"),
            )
        elif role == "tool":
            output = str(extra.get("raw_output", text))
            number = str(message.get("tool_call_id", ""))
            account.result(number, output, exit_code=extra.get("returncode"))
        elif role in ("user", "system"):
            account.say(role, text)
    info = table(document.get("info"))
    status = str(info.get("exit_status") or "")
    if status and status not in ("Submitted", "submitted"):
        account.error = status[:500]


def read_swe_agent(document: dict[str, Any], account: Account) -> None:
    """SWE-agent: one entry for each step, with thought, action and observation."""
    for message in tables(document.get("history")):
        if message.get("role") in ("system", "user") and not message.get("is_demo"):
            if message.get("message_type") == "observation":
                break
            account.say(str(message["role"]), texts(message.get("content")))
    for number, step in enumerate(tables(document.get("trajectory")), 1):
        account.act(str(step.get("thought") or step.get("response") or ""))
        if action := str(step.get("action") or ""):
            account.call(f"step-{number}", "bash", {"command": action})
            account.result(f"step-{number}", str(step.get("observation") or ""))
    info = table(document.get("info"))
    status = str(info.get("exit_status") or "")
    if status and status != "submitted":
        account.error = status[:500]
    account.count(table(info.get("model_stats")))
