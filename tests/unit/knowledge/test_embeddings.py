"""What every embedding model must do, and what MiniLM does beyond."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from knowledge import embeddings
from knowledge.embeddings import EmbeddingUnavailable, minilm
from knowledge.embeddings.fake import WordHash
from knowledge.embeddings.minilm import MiniLM

TEXTS = ["Shoes can be returned.", "", "退货政策", "word " * 2_000, "\x00 \ufffd", "a"]


@pytest.fixture(scope="module", params=[WordHash, MiniLM], ids=["fake", "minilm"])
def model(request):
    return request.param()


def test_a_vector_for_each_text_of_length_one(model):
    vectors = model.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), model.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-4)


def test_no_texts_give_no_vectors(model):
    assert model.embed([]).shape == (0, model.dimension)


def test_a_text_has_the_same_vector_whatever_its_neighbours(model):
    together = model.embed(TEXTS)
    alone = np.vstack([model.embed([text]) for text in TEXTS])
    assert np.abs(together - alone).max() < 1e-4


def test_the_same_text_is_nearest_to_itself(model):
    vectors = model.embed(["parcel tracking number", "opening hours on Saturday"])
    assert float(vectors[0] @ vectors[0]) > float(vectors[0] @ vectors[1])


def test_tokens_grow_with_the_text_and_are_not_cut(model):
    assert model.count_tokens("") == 0
    assert model.count_tokens("word " * 1_000) >= 1_000 > model.max_tokens


def test_many_threads_get_what_one_gets(model):
    expected = model.embed(TEXTS)
    with ThreadPoolExecutor(8) as pool:
        for vectors in pool.map(lambda _: model.embed(TEXTS), range(16)):
            assert np.abs(vectors - expected).max() < 1e-4


def test_minilm_is_what_the_product_runs_on_and_loads_nothing_before_its_first_use(monkeypatch):
    assert isinstance(embeddings.current(), MiniLM)
    monkeypatch.setattr(minilm, "_session", lambda: pytest.fail("loaded"))
    MiniLM()


def test_minilm_tells_meaning_without_a_word_in_common():
    question, near, far = MiniLM().embed(
        ["When will I get my money back?", "Refunds are paid within five days.", "The showroom opens at ten."]
    )
    assert float(question @ near) > 0.4 > float(question @ far)


def test_a_missing_model_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(minilm.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddingUnavailable, match=r"requirements-embedding\.txt"):
        MiniLM().embed(["x"])
