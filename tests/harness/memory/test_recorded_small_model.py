"""A recorded run of a memory with a small real model, replayed without that model.

The recording was made by `benchmarks/local_model.py` (docs/memories.md, "With a real model"):
30 tasks of ledgerlite, whose texts are this repository's own, and SmolLM2-135M-Instruct.
"""

from seqswe.comparison.result_set import OURS

RECORDING = OURS / "recordings" / "smollm2-dynamic-cheatsheet"
NOBODY = "http://127.0.0.1:9/v1"


def test_thirty_tasks_are_replayed(run):
    model = ("--memory-model", "SmolLM2-135M-Instruct", "--memory-model-url", NOBODY)
    ended = run(
        *("--agent", "localizer", "--memory", "dynamic_cheatsheet", *model),
        *("--memory-model-answer-tokens", "400", "--replay", str(RECORDING)),
        limit=30,
    )
    assert ended.code == 0, ended.err
    used = [rollout.memory_usage for rollout in ended.store.journal().rollouts]
    assert [usage.calls for usage in used] == [1] * 30
    assert sum(usage.prompt_tokens for usage in used) == 48_915
    assert sum(usage.completion_tokens for usage in used) == 490
    assert not any(usage.lessons_lost for usage in used)
