"""A script for every method: what a sensible model would say, from nothing but the prompt."""

import json
import re

METHODS = {
    "awm": "memory_backends.distilled.awm:Awm",
    "cer": "memory_backends.distilled.cer:Cer",
    "reasoning_bank": "memory_backends.distilled.reasoning_bank:ReasoningBank",
    "ace": "memory_backends.distilled.ace:Ace",
    "dynamic_cheatsheet": "memory_backends.distilled.dynamic_cheatsheet:DynamicCheatsheet",
    "files": "memory_backends.distilled.files:Files",
}

ASKED = re.compile(r'\{"(\w+)":')
TASK = re.compile(r"## Task\n(\S+)")
ISSUE = re.compile(r"## Issue\n(.*)")
FILE = re.compile(r"[\w/]+\.py")
ADVICE = re.compile(r"\[(ctx-\d+)\]")
NUMBERED = re.compile(r"^(\d+)\. ", re.MULTILINE)


def script(messages):
    """Answer by what the system prompt asks for."""
    system, user = messages[0]["content"], messages[1]["content"]
    asked = ASKED.search(system)
    if asked is None or asked[1] == "cheatsheet":
        return _sheet(user)
    if asked[1] == "command":
        return json.dumps({"commands": _commands(user) if len(messages) == 2 else []})
    return json.dumps(ANSWERS[asked[1]](user))


def about(user):
    """Task, first line of the issue and a file of it."""
    told = user[max(user.rfind("## Task\n"), 0) :]
    task, issue, file = TASK.search(told), ISSUE.search(told), FILE.search(told)
    line = issue[1][:80] if issue else ""
    return (task[1] if task else "?"), line, (file[0] if file else "src")


def _workflows(user):
    task, issue, file = about(user)
    steps = [f"look for {{name}} in {file}", f"run the tests ({issue})"]
    return {"workflows": [{"name": f"Fix {file}", "description": f"as in {task}", "steps": steps}]}


def _facts(user):
    task, issue, file = about(user)
    return {"facts": [{"path": file, "description": f"has {issue}", "usages": f"see {task}"}]}


def _skills(user):
    _, issue, file = about(user)
    return {"skills": [{"name": f"Find {file}", "steps": [f"grep {{name}} {file}", f"{issue}"]}]}


def _items(user):
    task, issue, file = about(user)
    return {"items": [{"title": file, "description": f"of {task}", "content": f"{issue}."}]}


def _reflection(user):
    task, issue, _ = about(user)
    tags = [{"id": found, "tag": "helpful"} for found in ADVICE.findall(user)[:1]]
    return {"reflection": f"{task}: {issue}", "bullets": tags}


def _operations(user):
    reflection = user.split("\n")[1]
    return {"operations": [{"type": "ADD", "section": "faults", "content": f"Mind {reflection}"}]}


ANSWERS = {
    "success": lambda user: {"success": sum(map(ord, about(user)[0])) % 3 > 0, "reason": "seen"},
    "workflows": _workflows,
    "facts": _facts,
    "skills": _skills,
    "ids": lambda user: {"ids": [int(n) for n in NUMBERED.findall(user)[::-1][:5]]},
    "items": _items,
    "reflection": _reflection,
    "operations": _operations,
}


def _sheet(user):
    task, issue, file = about(user)
    lines = user.split("## The cheatsheet so far\n")[-1].split("\n")[-20:]
    lines.append(f"- {task}: {issue} in {file}")
    return "\n".join(["<cheatsheet>", *lines, "</cheatsheet>"])


def _commands(user):
    task, issue, file = about(user)
    note = f"- {task}: {issue} in {file}"
    path = f"/memories/notes/{sum(map(ord, file)) % 7}.md"
    look = {"command": "view", "path": "/memories"}
    if path in user:
        return [look, {"command": "insert", "path": path, "insert_line": 0, "insert_text": note}]
    return [look, {"command": "create", "path": path, "file_text": note + "\n"}]
