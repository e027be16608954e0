"""Grades one patch in a container of its own, where SeqSWE is not installed: `verify.py PATCH OUT`.

It is given `plan.json` and `test.patch` beside it, runs as root in a fresh checkout, and writes
`reward.json` and `report.json` into OUT. What is not the patch's fault ends it without a reward.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from fnmatch import fnmatch
from typing import Any
from xml.etree import ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
GOOD = ("passed", "xfailed")
WORST = ("passed", "xfailed", "skipped", "failed")


def main(patch_file: str, out: str) -> None:
    """Grade a patch and write what came of it."""
    with open(os.path.join(HERE, "plan.json")) as file:
        plan = json.load(file)
    with open(patch_file, "rb") as file:
        patch = file.read()
    os.chdir(plan["root"])
    outcomes: dict[str, str] = {}
    problem = "no patch"
    if patch.strip():
        problem = apply(patch, plan["forbidden"])
    if not problem:
        problem = prepare(plan)
    if not problem:
        outcomes, problem = run_tests(plan, out)
    fixed = sum(outcomes.get(test) == "passed" for test in plan["fail_to_pass"])
    kept = sum(outcomes.get(test) in GOOD for test in plan["pass_to_pass"])
    if not patch.strip():  # what validation has shown
        kept = len(plan["pass_to_pass"])
    wanted, others = len(plan["fail_to_pass"]), len(plan["pass_to_pass"])
    resolved = not problem and fixed == wanted and kept == others
    write(out, "report.json", {"problem": problem, "outcomes": outcomes})
    rewards = {
        "reward": float(resolved),
        "fail_to_pass": fixed / wanted,
        "pass_to_pass": kept / others if others else 1.0,
    }
    write(out, "reward.json", rewards)


def write(folder: str, name: str, data: object) -> None:
    """Write JSON to a file that nobody else has prepared."""
    path = os.path.join(folder, name)
    if os.path.lexists(path):  # the tests' user may have put something there
        os.unlink(path)
    with open(path, "x") as file:
        json.dump(data, file)


def prepare(plan: dict[str, Any]) -> str:
    """Restore the tests, as the last change, and add controls; why a patch is in the way of it."""
    with open(os.path.join(HERE, "test.patch"), "rb") as file:
        steps = [(plan["restore"], file.read()), (plan["plant"], b"")]
    for script, given in steps:
        if subprocess.run(["sh", "-c", script], input=given, stdout=sys.stderr).returncode:
            return "the patch is in the way of the tests"
    return ""


def git(*words: str, **options: Any) -> tuple[bool, bytes]:
    """Run git; whether it ended well, and what it printed."""
    done = subprocess.run(["git", *words], stdout=subprocess.PIPE, **options)
    return done.returncode == 0, done.stdout


def apply(patch: bytes, forbidden: dict[str, Any]) -> str:
    """Apply a patch but for what it must not change; why it cannot be applied, or nothing."""
    git("update-index", "-q", "--refresh")  # the times in the index may be of another disk
    applied, _ = git("apply", "--whitespace=nowarn", "--index", "-", input=patch)
    if not applied:
        return "the patch does not apply"
    _, listing = git("diff", "--cached", "--name-only", "--no-renames", "-z", "HEAD", check=True)
    git("reset", "-q", check=True)  # a new file must not look like one of the base commit
    paths = [os.fsdecode(path) for path in listing.split(b"\0") if path]
    dropped = [path for path in paths if is_forbidden(path, forbidden)]
    for path in dropped:
        if os.path.lexists(path):
            os.unlink(path)
    for path in dropped:  # one that is new cannot be had
        git("checkout", "-q", "HEAD", "--", path, stderr=subprocess.DEVNULL)
    return ""


def is_forbidden(path: str, rules: dict[str, Any]) -> bool:
    """Whether a patch must not change a path."""
    names = path.split("/")
    if path in rules["allowed"]:
        return False
    if any(fnmatch(name, pattern) for name in names for pattern in rules["steers"]):
        return True
    return any(re.fullmatch(rule, path, re.DOTALL) for rule in rules["tests"]) or any(
        fnmatch(names[-1], pattern) for pattern in rules["modules"]
    )


def become(uid: int) -> None:
    """Give up root."""
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def end_processes(process: subprocess.Popen[bytes], uid: int) -> None:
    """End what the tests started and left: by group, and by their user if they have their own."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    if uid:
        child = os.fork()
        if child == 0:
            try:
                become(uid)  # or it would end everything
                os.kill(-1, signal.SIGKILL)
            finally:
                os._exit(0)
        os.waitpid(child, 0)


def run_tests(plan: dict[str, Any], out: str) -> tuple[dict[str, str], str]:
    """Outcomes by test, and why they cannot be believed, or nothing."""
    uid = plan["uid"]
    if uid:
        os.chmod(out, 0o755)  # its own folder takes nothing from the tests
        for place, folders, files in os.walk("."):
            for name in [".", *folders, *files]:
                os.lchown(os.path.join(place, name), uid, uid)
    with open(os.path.join(out, "test.log"), "wb") as errors:
        process = subprocess.Popen(
            ["sh", "-c", plan["run"]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            preexec_fn=(lambda: become(uid)) if uid else None,
            env=dict(os.environ, HOME=plan["home"]),
        )
        try:
            output = process.communicate(timeout=plan["seconds"])[0]
        except subprocess.TimeoutExpired:
            return {}, "the tests took too long"
        finally:
            end_processes(process, uid)
    return read(output.rpartition(b"\0")[0], process.returncode, plan)


def read(xml: bytes, code: int, plan: dict[str, Any]) -> tuple[dict[str, str], str]:
    """Outcomes by test from pytest's report, and why they cannot be believed, or nothing."""
    if code not in (0, 1, 2):
        return {}, f"pytest ended with exit code {code}"
    try:
        cases = list(ElementTree.fromstring(xml).iter("testcase"))
    except ElementTree.ParseError as error:
        return {}, f"no readable test report: {error}"
    controls = {control["name"]: control for control in plan["controls"]}
    outcomes: dict[str, str] = {}
    controlled: dict[str, list[bool]] = {name: [] for name in controls}
    for case in cases:
        test, outcome = node_id(case, plan["modules"]), outcome_of(case)
        function = test.partition("::")[2].partition("[")[0].rpartition("::")[2]
        if function in controls:
            controlled[function].append(failed_by_itself(case, controls[function]["proof"]))
        else:
            outcomes[test] = max(outcomes.get(test, outcome), outcome, key=WORST.index)
    if not outcomes:
        return {}, "no test ran"
    if any(outcome_of(case) == "failed" for case in cases) != (code != 0):
        return {}, f"exit code {code} contradicts the report"
    for name, control in controls.items():
        start = control["start"]
        passed = any(o == "passed" and t.startswith(start) for t, o in outcomes.items())
        if passed and not (controlled[name] and all(controlled[name])):
            return {}, "a test that must fail did not: the tests were tampered with, or cut short"
    return outcomes, ""


def outcome_of(case: ElementTree.Element) -> str:
    """passed, xfailed, skipped or failed."""
    results = [(child.tag, child.get("type")) for child in case]
    if any(tag in ("failure", "error") for tag, _ in results):
        return "failed"
    skipped = [kind for tag, kind in results if tag == "skipped"]
    if any(kind != "pytest.xfail" for kind in skipped):
        return "skipped"
    return "xfailed" if skipped else "passed"


def failed_by_itself(case: ElementTree.Element, proof: str) -> bool:
    """Whether a control's body failed and shows it, or a fixture did before it."""
    if any(child.tag == "error" for child in case):
        return True
    shown = any(proof in f"{child.get('message')} {child.text}" for child in case)
    return shown if outcome_of(case) == "failed" else outcome_of(case) == "xfailed"


def node_id(case: ElementTree.Element, modules: list[str]) -> str:
    """pytest's own id; an inherited test has the file of its class and not its own."""
    file, classname, name = (case.get(key, "") for key in ("file", "classname", "name"))
    if not file:
        return classname or name

    def dotted(path: str) -> str:
        return (path[:-3] if path.endswith(".py") else path).replace("/", ".")

    places = {dotted(module): module for module in modules}
    begun = [m for m in (dotted(file), *places) if (classname + ".").startswith(m + ".")]
    module = dotted(file) if dotted(file) in begun else max(begun, key=len, default=dotted(file))
    file = places.get(module, file)
    classes = classname[len(module) :] if classname.startswith(module) else classname
    return "::".join([file, *(part for part in classes.split(".") if part), name])


if __name__ == "__main__":
    main(*sys.argv[1:])
