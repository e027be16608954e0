"""LlamaIndex's fact block, the real library, keeps the contract."""

import re
from importlib.util import find_spec

import pytest

from seqswe.errors import RolloutError, UnreadableAnswer
from seqswe.testing import experiences
from seqswe.testing.memory import tell
from seqswe.testing.model import Says
from tests.memory_backends.extracting import ExtractingContract

if not find_spec("llama_index"):
    pytest.skip("needs the extra seqswe[llamaindex]", allow_module_level=True)

FACTS = re.compile(r"<fact>(.*?)</fact>", re.DOTALL)


def listed(*facts):
    return "<facts>" + "".join(f"<fact>{fact}</fact>" for fact in facts) + "</facts>"


def about(prompt):
    task, issue = re.search(r"## Task\n(\S+)", prompt), re.search(r"## Issue\n(.*)", prompt)
    return f"{task[1] if task else '?'} was about {issue[1][:200] if issue else 'nothing'}"


def there(prompt):
    """The facts that a prompt shows."""
    return FACTS.findall(prompt.rpartition("<existing_facts>")[2].partition("</existing")[0])


def extracted(messages):
    """What a model makes of LlamaIndex's prompts: a fact of the task; half of what there is."""
    (message,) = messages
    prompt = message["content"]
    if "fact condensing system" in prompt:
        return listed(*there(prompt)[len(there(prompt)) // 2 :])
    return listed(about(prompt))


class TestLlamaIndex(ExtractingContract):
    memory = "memory_backends.stores.llamaindex_facts:LlamaIndex"
    script = staticmethod(extracted)


EXTRACTS = TestLlamaIndex.memory


def test_a_fact_names_every_task_whose_facts_the_model_was_shown(build):
    memory, server = build(extracted)
    story = experiences(3)
    tell(memory, story)
    names = [story.at(n).task.instance_id for n in range(3)]
    assert [item.origins for item in memory.items] == [tuple(names[: n + 1]) for n in range(3)]
    assert [set(item.files) for item in memory.items] == [
        set(story.at(n).files) for n in range(3)
    ], "files of the task that it is about"
    prompt = server.requests[-1]["messages"][0]["content"]
    assert all(f"<fact>{name} was about" in prompt for name in names[:2])
    assert "response_format" not in server.requests[-1], "it is answered in tags"


def test_too_many_facts_are_condensed(build):
    def script(messages):
        prompt = messages[0]["content"]
        if "fact condensing system" in prompt:
            return listed("All in one.", there(prompt)[-1])
        return listed(about(prompt))

    memory, server = build(script, max_facts=2)
    story = experiences(3)
    tell(memory, story)
    assert len(server.requests) == 4
    merged, kept = memory.items
    assert (merged.text, merged.files) == ("All in one.", ())
    assert merged.origins == tuple(story.at(n).task.instance_id for n in range(3))
    assert kept.text.startswith(f"{story.at(2).task.instance_id} was about")


@pytest.mark.parametrize(
    "said", ["I think that went well.", "<facts>It went well.</facts>", listed("")]
)
def test_an_answer_that_cannot_be_read_is_said_and_teaches_nothing(build, said):
    memory, server = build(said)
    with pytest.raises(UnreadableAnswer):
        memory.record(experiences(1).at(0))
    assert not memory.items
    assert server.tries == 2


def test_no_new_fact_is_an_answer(build):
    memory, server = build("<facts></facts>")
    memory.record(experiences(1).at(0))
    assert (memory.items, server.tries) == ([], 1)


def test_a_model_that_fails_fails_the_rollout(build):
    memory, _ = build(Says(status=401, text="{}"))
    with pytest.raises(RolloutError):
        memory.record(experiences(1).at(0))
