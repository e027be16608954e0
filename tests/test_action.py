"""The Action and the workflow of docs/ci.md, their steps run as a runner's shell runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from harness.codebases.locate import clone_of
from seqswe.manifests import manifest_files as manifests

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "ci.md").read_text()
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
TASKS = 10
"""Of the page's codebase; all of them would take minutes."""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.M | re.S)


WORKFLOW, OF_ONES_OWN = map(yaml.safe_load, blocks("yaml"))
(SETTINGS,) = blocks("toml")


class Service:
    """Comments of a pull request, over HTTP, as the code host keeps them."""

    def __init__(self) -> None:
        self.comments: list[dict] = [{"id": 1, "body": "Nice."}]
        self.tokens: set[str] = set()
        self.refuses = False


@pytest.fixture
def service() -> Iterator[tuple[Service, str]]:
    kept = Service()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, data: object, status: int = 200) -> None:
            body = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def text(self) -> str:
            return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

        def do_GET(self) -> None:
            first = self.path == "/repos/o/r/issues/7/comments?per_page=100&page=1"
            self.answer(kept.comments if first else [])

        def do_POST(self) -> None:
            kept.tokens.add(self.headers["Authorization"])
            if kept.refuses:
                self.answer({}, 403)
                return
            kept.comments.append({"id": 2, "body": self.text()})
            self.answer({})

        def do_PATCH(self) -> None:
            assert self.path == "/repos/o/r/issues/comments/2"
            kept.comments[1]["body"] = self.text()
            self.answer({})

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        yield kept, f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()


class Runner:
    """What a runner does with the steps of a composite action, as far as ours needs it."""

    def __init__(self, workspace: Path, api: str) -> None:
        self.workspace = workspace
        self.files = {
            name: workspace.parent / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
        }
        scripts = Path(sys.executable).parent
        self.environment = os.environ | {
            **{name: str(path) for name, path in self.files.items()},
            "GITHUB_SHA": "c0ffee",
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_API_URL": api,
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        }
        self.context = {
            "github.action_path": str(ROOT),
            "github.event.pull_request.number": "7",
            "github.token": "secret",
        }

    def run(self, given: dict[str, str]) -> tuple[int, str]:
        """The steps with some inputs: the first exit code that is not 0, and what was printed."""
        defaults = {name: about.get("default", "") for name, about in ACTION["inputs"].items()}
        inputs = {name: self.fill(text) for name, text in (defaults | given).items()}
        self.context |= {f"inputs.{name}": text for name, text in inputs.items()}
        code, said = 0, ""
        self.files["GITHUB_OUTPUT"].write_text("")
        self.context["steps.run.outputs.report"] = ""
        for step in ACTION["runs"]["steps"]:
            # The package under test is installed already.
            if "run" not in step or step["id"] == "install" or not self.wanted(step, code):
                continue
            env = {name: self.fill(text) for name, text in step["env"].items()}
            done = subprocess.run(
                [*SHELL, step["run"]], cwd=self.workspace, env=self.environment | env,
                capture_output=True, text=True,
            )  # fmt: skip
            code, said = code or done.returncode, said + done.stdout + done.stderr
            pairs = (line.partition("=") for line in self.outputs())
            self.context |= {f"steps.{step['id']}.outputs.{name}": text for name, _, text in pairs}
        return code, said

    def outputs(self) -> list[str]:
        return self.files["GITHUB_OUTPUT"].read_text().splitlines()

    def fill(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: self.context[found[1]], text)

    def wanted(self, step: dict, code: int) -> bool:
        terms = step.get("if", "").split(" && ")
        if "always()" not in terms and code:
            return False
        pairs = [
            re.fullmatch(r"(\S+) (==|!=) '(.*)'", t) for t in terms if t not in ("", "always()")
        ]
        return all((self.context[p[1]] == p[3]) == (p[2] == "==") for p in pairs)


@pytest.fixture
def runner(tmp_path: Path, service: tuple[Service, str]) -> Runner:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "seqswe.toml").write_text(SETTINGS)
    return Runner(workspace, service[1])


def test_the_workflow_passes_and_fails_on_a_planted_drop(
    runner: Runner, service: tuple[Service, str]
) -> None:
    kept, _ = service
    (job,) = WORKFLOW["jobs"].values()
    given = job["steps"][-1]["with"]
    here = {"sandbox": "local", "limit": str(TASKS)}
    code, said = runner.run({**given, **here, "baseline": ""})
    assert code == 0, said
    assert not kept.tokens
    with (runner.workspace / given["baseline"]).open("w") as file:
        subprocess.run(
            [sys.executable, "-m", "seqswe", "baseline", "seqswe-run"],
            cwd=runner.workspace, env=runner.environment, stdout=file, check=True,
        )  # fmt: skip
    # The same again in the same workspace, then with a memory that misleads.
    code, said = runner.run({**given, **here})
    assert code == 0, said
    assert "Both sides hold the very same outcomes" in kept.comments[1]["body"]
    settings = runner.workspace / "seqswe.toml"
    settings.write_text(settings.read_text().replace('"none"', '"random"'))
    code, said = runner.run({**given, **here})
    assert code == 1, said
    assert len(kept.comments) == 2
    assert "REGRESSION" in kept.comments[1]["body"]
    assert "Tasks that got worse in sequential" in kept.comments[1]["body"]
    assert kept.tokens == {"Bearer secret"}
    assert "finding=regression" in runner.outputs()
    assert (runner.workspace / "seqswe-run" / "report.html").is_file()
    assert "# SeqSWE comparison" in runner.files["GITHUB_STEP_SUMMARY"].read_text()


CRASHES = """
class Agent:
    def __init__(self, seed: int) -> None:
        pass

    def solve(self, task, sandbox, recall):
        raise RuntimeError("prompt template is missing")
"""


def test_an_agent_that_always_crashes_is_shown_on_the_pull_request(
    runner: Runner, service: tuple[Service, str]
) -> None:
    (runner.workspace / "ci_agent.py").write_text(CRASHES)
    given = {"codebase": "ledgerlite", "agent": "./ci_agent.py:Agent", "arms": "sequential"}
    given |= {"seeds": "1", "limit": "6", "sandbox": "local", "memory": "none"}
    code, said = runner.run({**given, "baseline": str(ROOT / ".ci" / "baseline.json")})
    assert code == 2, said
    assert len(service[0].comments) == 2, said
    comment = service[0].comments[1]["body"]
    assert "**CRASHED: " in comment
    assert "in all of the first 5: RuntimeError: prompt template is missing" in comment
    assert "Correct it and start a new run." in comment
    assert "finding=crashed" in runner.outputs()


def test_a_repository_of_ones_own_is_a_mirror_and_its_codebase_a_folder_in_it(
    runner: Runner, tmp_path: Path
) -> None:
    """The demo's repository stands for one's own: it has a history, and the page's steps run."""
    (job,) = OF_ONES_OWN["jobs"].values()
    checkout, mirror, action = job["steps"]
    assert checkout["with"]["fetch-depth"] == 0
    own = manifests.load("ledgerlite")
    clone = clone_of(own, "")
    subprocess.run(["git", "clone", "-q", clone.path, runner.workspace / "own"], check=True)
    workspace = runner.workspace = runner.workspace / "own"
    subprocess.run(["git", "checkout", "-q", "--detach"], cwd=workspace, check=True)
    (workspace / "seqswe.toml").write_text(SETTINGS.replace('"ledgerlite"', '"./codebases/mine"'))
    folder = workspace / "codebases" / "mine"
    shutil.copytree(own.folder, folder, ignore=shutil.ignore_patterns("history", "HEAD"))
    manifest = folder / "manifest.toml"
    text = manifest.read_text().replace(f'repo = "{own.repo}"', 'repo = "o/r"')
    text = text.replace('name = "ledgerlite"', 'name = "mine"')
    manifest.write_text(text.replace('url = ""', 'url = "/a/clone/that/is/not/here"'))
    environment = runner.environment | {"RUNNER_TEMP": str(tmp_path)}
    subprocess.run([*SHELL, mirror["run"]], cwd=workspace, env=environment, check=True)
    runner.context["runner.temp"] = str(tmp_path)
    code, said = runner.run({**action["with"], "sandbox": "local", "limit": "2", "baseline": ""})
    assert code == 0, said


def test_a_comment_that_may_not_be_made_is_a_warning(
    runner: Runner, service: tuple[Service, str], tmp_path: Path
) -> None:
    service[0].refuses = True
    (step,) = (step for step in ACTION["runs"]["steps"] if step.get("id") == "comment")
    (runner.workspace / "comparison.md").write_text("lost")
    env = {"ACTION": str(ROOT), "OUT": ".", "PULL_REQUEST": "7", "GITHUB_TOKEN": "x"}
    done = subprocess.run(
        [*SHELL, step["run"]], cwd=runner.workspace, env=runner.environment | env,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0
    assert "::warning::SeqSWE could not comment" in done.stdout
    assert "HTTP Error 403" in done.stderr


def test_a_folder_that_is_no_run_is_not_removed(runner: Runner) -> None:
    precious = runner.workspace / "seqswe-run" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("kept")
    code, said = runner.run({"config": "seqswe.toml", "sandbox": "local"})
    assert code == 2
    assert "not empty and not a run directory" in said
    assert precious.read_text() == "kept"


def test_every_input_is_used_and_told(runner: Runner) -> None:
    text = (ROOT / "action.yml").read_text()
    assert all(f"inputs.{name} " in text for name in ACTION["inputs"])
    assert all(f"`{name}`" in PAGE for name in ACTION["inputs"])
