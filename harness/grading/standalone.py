"""Grading without SeqSWE: the files that a container of its own needs to grade one task.

The program is `inside/verify.py`, which runs on Python 3.7 with nothing installed. It applies the
rules of `apply.py`, `controls.py` and `junit.py`, but does not compare the report with the counts
that pytest prints. Controls are drawn here, so whoever reads these files knows them.
"""

from __future__ import annotations

import json
from importlib import resources

from harness.grading.apply import STEERS_TESTS
from harness.grading.controls import controls_for, plant_script
from harness.grading.grade import Grader, restore_script
from harness.grading.layout import test_rules
from harness.grading.patch import paths_of
from harness.grading.suite import once
from seqswe.instance import Instance


def verifier_files(
    grader: Grader, instance: Instance, *, root: str, home: str, uid: int = 1000
) -> dict[str, bytes]:
    """Name → content of a folder from which `verify.py PATCH OUT` grades an instance's patches.

    root, home: where the checkout and the home of the tests' user are in the container.
    uid: the tests' user, which `verify.py` gives the checkout to; 0 runs them as itself.
    """
    tests = grader.settings(instance)
    folders, modules = test_rules(grader.layout)
    controls = controls_for(instance.fail_to_pass, instance.pass_to_pass)
    plan = {
        "instance_id": instance.instance_id,
        "root": root,
        "home": home,
        "uid": uid,
        "fail_to_pass": instance.fail_to_pass,
        "pass_to_pass": instance.pass_to_pass,
        "modules": instance.test_files,
        "forbidden": {
            "allowed": paths_of(instance.patch) if instance.patch else (),
            "steers": STEERS_TESTS,
            "tests": folders,
            "modules": modules,
        },
        "controls": [
            {"name": c.name, "proof": c.proof, "start": c.node_id.removesuffix(c.name)}
            for c in controls
        ],
        "restore": restore_script(instance.test_patch) if instance.test_patch else "true",
        "plant": plant_script(controls),
        "run": once(tests, instance.test_files),
        "seconds": tests.wall_seconds,
    }
    program = resources.files("harness.grading") / "inside" / "verify.py"
    return {
        "plan.json": json.dumps(plan, indent=1).encode(),
        "test.patch": instance.test_patch.encode("utf-8", "surrogateescape"),
        "verify.py": program.read_bytes(),
    }
