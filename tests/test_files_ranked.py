"""The tables of `history_and_experience`: what is pooled, and that variants are what they say."""

import json
from dataclasses import replace

from click.testing import CliRunner

from benchmarks import files_ranked
from memory_backends.retrieval.history_and_experience import HistoryAndExperience
from seqswe.testing import experiences
from seqswe.testing.asking import tell

NEW, LOG = files_ranked.NEW, "git_history"


def ranked(folder, codebase, gain):
    """A file as `rank` writes it: four tasks on which every other memory is `gain` worse."""
    ranks = {name: [0.5, 0.25, 0.5, 0.25] for name in files_ranked.PARTS}
    ranks[NEW] = [value + gain for value in ranks[LOG]]
    path = folder / f"{codebase}.json"
    about = {"codebase": codebase, "tasks": list("abcd"), "unseen": [True, True, False, False]}
    path.write_text(json.dumps({**about, "ranks": ranks}))
    return str(path)


def test_codebases_on_which_weights_were_chosen_are_not_pooled(tmp_path):
    gains = {"one": 0.1, "two": 0.2, "three": 0.3, "four": 0.2, "tinydb": 0.5}
    paths = [ranked(tmp_path, codebase, gain) for codebase, gain in gains.items()]
    done = CliRunner().invoke(files_ranked.main, ["parts", *paths])
    assert f"* Over `{LOG}`, 4 codebases: +0.200 (" in done.output, done.output
    assert "| tinydb* | 4 | 0.375 | 0.375 | 0.375 | 0.875 | +0.500 (" in done.output
    assert "| `git_history` | 0.375 | +0.200 (" in done.output
    assert "* 8 tasks of which no earlier task fixed a file: +0.200 (" in done.output


def test_a_variant_without_options_is_the_memory(tmp_path):
    story = experiences(30)
    for options in ({}, {"k": 3}):
        ours = tell(HistoryAndExperience(tmp_path, services=story.services(), **options), story)
        variant = files_ranked.built(**options)(tmp_path, story.services())
        task = replace(story.task(30), problem_statement="the pool of the house")
        assert tell(variant, story).recall(task) == ours.recall(task) != ()


def test_parts_that_are_added_change_scores(tmp_path):
    story = experiences(30)
    task = replace(story.task(30), problem_statement="the pool of the house")
    plain = files_ranked.built()(tmp_path, story.services()).recall(task)
    for kind in (files_ranked.Together, files_ranked.Recent):
        found = files_ranked.built(kind)(tmp_path, story.services()).recall(task)
        assert [i.score for i in found.items] != [i.score for i in plain.items]
