"""Embeddings by setting, the exactness of vectors, and what Chroma must not do."""

import socket
import subprocess
import sys

import numpy as np
import pytest

from memory_backends.retrieval import chroma
from memory_backends.retrieval.chroma import Chroma
from memory_backends.retrieval.vectors import Vectors
from memory_backends.shared.embedding import cosines, hashed, vectors
from memory_backends.shared.text import words
from seqswe.errors import RolloutError, UsageError
from seqswe.testing import experiences
from seqswe.testing.asking import tell

STORY = experiences(40)


def lengths(texts):
    """An embedding of one's own."""
    return [[float(len(text)), 1.0] for text in texts]


class Lengths:
    """The same as a class, like Chroma's embedding functions."""

    def __call__(self, texts):
        return lengths(texts)


def too_few(texts):
    return []


def test_words_split_names_and_keep_them_whole():
    assert words("parseJSON_body in HTTPServer2") == [
        *("parsejson_body", "parse", "json", "body", "httpserver2", "http", "server")
    ]


def test_hashing_depends_on_the_text_alone():
    module = "memory_backends.shared.embedding"
    script = f"from {module} import hashed; print(hashed(['A cursor'])[0].tolist())"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.stdout.strip() == str(hashed(["A cursor"])[0].tolist())


def test_alike_texts_are_near():
    one, near, far = vectors(
        hashed, ["the cursor is lost", "a lost cursor", "timezone of an invoice"]
    )
    found = cosines(np.stack([near, far]), one)
    assert found[0] > 0.9
    assert abs(found[1]) < 0.1


@pytest.mark.parametrize("memory", [Vectors, Chroma])
@pytest.mark.parametrize("name", ["lengths", "Lengths"])
def test_an_embedding_by_setting(tmp_path, memory, name):
    recall = tell(memory(tmp_path, embedding=f"{__name__}:{name}"), STORY).recall(STORY.task(40))
    assert len(recall.items) == 20


@pytest.mark.parametrize("memory", [Vectors, Chroma])
@pytest.mark.parametrize("name", ["nothing", "absent.module:x", f"{__name__}:absent"])
def test_an_embedding_that_is_not_there(tmp_path, memory, name):
    with pytest.raises(UsageError, match="embedding"):
        memory(tmp_path, embedding=name)


def test_an_embedding_that_gives_something_else_is_a_failure_of_the_memory(tmp_path):
    memory = tell(Vectors(tmp_path, embedding=f"{__name__}:too_few"), STORY)
    with pytest.raises(RolloutError) as caught:
        memory.recall(STORY.task(40))
    assert caught.value.cause == "memory_failed"


def test_chroma_and_vectors_agree(tmp_path):
    """The approximate index finds what the exact one finds, but for a neighbour now and then."""
    many = experiences(700)
    one, other = (tell(kind(tmp_path, k=15), many) for kind in (Vectors, Chroma))
    pairs = [(one.recall(t), other.recall(t)) for t in map(many.task, range(700, 720))]
    assert sum(exact != found for exact, found in pairs) <= 1


def test_chroma_answers_the_same_however_poor_its_index_is(tmp_path, monkeypatch):
    """A resume builds the index anew. With a search this narrow, any other order shows."""
    narrow = {"space": "cosine", "ef_construction": 4, "ef_search": 4, "max_neighbors": 2}
    monkeypatch.setattr(chroma, "_HNSW", narrow)
    many = experiences(300)
    one, other = (tell(Chroma(tmp_path, k=15), many) for _ in range(2))
    tasks = [many.task(at) for at in range(300, 310)]
    assert [one.recall(task) for task in tasks] == [other.recall(task) for task in tasks]


def test_vectors_are_exact(tmp_path):
    memory, story = Vectors(tmp_path, k=40), STORY
    tell(memory, story)
    query = vectors(hashed, [story.task(40).problem_statement])[0]
    rows = np.stack(vectors(hashed, [record.document for record in memory.records]))
    best = sorted(((s, i) for i, s in enumerate(cosines(rows, query)) if s > 0), reverse=True)
    assert [(i, s) for s, i in best] == list(memory.rank(story.task(40)))


def test_chroma_opens_nothing_before_it_is_asked(tmp_path):
    """Each task of the iid arm records once into a memory that nobody asks again."""
    memory = tell(Chroma(tmp_path), STORY)
    assert not list(tmp_path.iterdir())
    assert memory.recall(STORY.task(40)).items
    assert len(list(tmp_path.iterdir())) == 1


def test_chroma_keeps_one_folder_and_removes_it(tmp_path):
    saved, home = tmp_path / "saved", tmp_path / "home"
    saved.mkdir()
    memory = tell(Chroma(home), STORY)
    memory.save(saved)
    for _ in range(3):
        memory.load(saved)
        memory.recall(STORY.task(40))
        assert len(list(home.iterdir())) == 1
    del memory
    assert not list(home.iterdir())


def test_chroma_asks_no_network(tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("it went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert tell(Chroma(tmp_path), STORY).recall(STORY.task(40)).items


def test_importing_the_module_does_not_import_chromadb():
    script = "import sys, memory_backends.retrieval.chroma; print('chromadb' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.stdout.strip() == "False"


def test_a_zero_vector_stays_zero():
    assert not np.any(vectors(hashed, ["the of and"])[0])
