"""What a statement gives away, measured on patches whose answer is known."""

import pytest

from harness.codebases.statements.leak import leak, leaks_of

PATCH = """diff --git a/pkg/dialects/duckdb.py b/pkg/dialects/duckdb.py
--- a/pkg/dialects/duckdb.py
+++ b/pkg/dialects/duckdb.py
@@ -1,2 +1,2 @@
 import os
-old_name = 1
+new_name = compute_alias(old_name)
diff --git a/CHANGES.rst b/CHANGES.rst
--- a/CHANGES.rst
+++ b/CHANGES.rst
@@ -1 +1,2 @@
 - Old
+- Keep the alias, always and ever
"""


@pytest.mark.parametrize(
    ("text", "paths", "identifiers", "lines"),
    [
        ("The alias is lost", 0, 0, 0),
        ("In pkg/dialects/duckdb.py", 1, 0, 0),
        ("In duckdb.py", 1, 0, 0),
        ("In dialects.duckdb", 1, 0, 0),
        ("Queries of DuckDB lose it", 0.5, 0, 0),
        ("call compute_alias", 0, 1 / 3, 0),
        ("recompute_alias", 0, 0, 0),
        ("new_name = compute_alias(old_name)", 0, 1, 1),
        ("- Keep the alias, always and ever", 0, 0, 0),
    ],
)
def test_paths_identifiers_and_lines(text, paths, identifiers, lines):
    found = leak(text, PATCH)
    assert (found.paths, found.identifiers, found.lines) == (
        paths,
        pytest.approx(identifiers),
        lines,
    )


def test_the_score_grows_with_each_and_is_one_where_all_is_said():
    assert leak("nothing", PATCH).score == 0
    both = leak("duckdb: compute_alias", PATCH)
    assert both.score == pytest.approx(1 - 0.5 * (2 / 3), abs=1e-3)
    assert both.found == ("pkg/dialects/duckdb.py", "compute_alias")
    assert leak("see duckdb.py", PATCH).score == 1


def test_a_title_is_measured_by_itself():
    assert leaks_of("It is lost\n\nIn duckdb.py\n", PATCH) == {"full": 1.0, "title": 0.0}


def test_a_patch_of_no_code_gives_nothing_away():
    assert leak("a", "").score == 0
