"""Which files a plug-in of one's own is made of, and that a change of one shows."""

from __future__ import annotations

from pathlib import Path

from seqswe.plugins import sources


def test_a_file_and_what_it_imports_from_its_folder(tmp_path: Path) -> None:
    agent, helper, other = (tmp_path / f"{name}.py" for name in ("agent", "helper", "other"))
    package = tmp_path / "words" / "__init__.py"
    package.parent.mkdir()
    package.write_text("")
    (package.parent / "dangling.py").symlink_to("nowhere")
    ours = tmp_path / "seqswe" / "__init__.py"
    ours.parent.mkdir()
    ours.write_text("")
    agent.write_text("import json, seqswe\nfrom helper import rank\n")
    helper.write_text("import words.split\nrank = 1\n")
    other.write_text("unused = 1\n")
    before = sources("agent", f"{agent}:Agent")
    assert list(before) == ["agent.py", "helper.py", "words"]
    helper.write_text("import words.split\nrank = 2\n")
    (package.parent / "split.py").write_text("signs = 1\n")
    other.write_text("unused = 2\n")
    after = sources("agent", f"{agent}:Agent")
    assert [name for name in before if after[name] != before[name]] == ["helper.py", "words"]


def test_a_file_with_an_error_in_it_has_a_digest_all_the_same(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import (\n")
    assert list(sources("memory", f"{broken}:Mine")) == ["broken.py"]


def test_a_module_is_its_package_and_what_ships_has_a_version() -> None:
    assert list(sources("memory", f"{__name__}:Mine")) == ["tests"]
    assert sources("memory", "episodic") == {}
    assert sources("agent", "harness.agents.mini.agent:Mini") == {}


def test_a_recipe_is_its_file_and_its_scripts(tmp_path: Path) -> None:
    recipe, script = tmp_path / "mine.toml", tmp_path / "fix.py"
    script.write_text("x = 1\n")
    words = 'name = "mine"\nabout = "Mine"\ncommand = ["${home}/fix.py", "${prompt}"]\n'
    recipe.write_text(f'scripts = ["fix.py"]\n{words}')
    before = sources("agent", str(recipe))
    script.write_text("x = 2\n")
    after = sources("agent", str(recipe))
    assert list(before) == ["fix.py", "mine.toml"]
    assert [name for name in before if after[name] != before[name]] == ["fix.py"]
