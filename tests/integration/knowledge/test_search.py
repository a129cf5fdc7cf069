"""What is found, by which half, with which score; on the demo's handbook and the real model."""

from __future__ import annotations

import shutil

import pytest

from knowledge import indexing, ingest, lexical, search, stores, vectors
from knowledge.models import Chunk, KnowledgeBase
from orchestrator.errors import Invalid
from tests.integration.knowledge.questions import OFF_TOPIC, QUESTIONS


def rank(hits, file, heading):
    return next((n for n, hit in enumerate(hits, 1) if hit.document == file and heading in hit.heading), 0)


def test_questions_find_the_passage_that_answers_them(handbook):
    ranks = [rank(search.search(handbook, question, 5), *where) for question, *where in QUESTIONS]
    assert ranks.count(1) / len(ranks) >= 0.75
    assert sum(1 <= each <= 3 for each in ranks) / len(ranks) >= 0.88
    assert sum(each > 0 for each in ranks) / len(ranks) >= 0.93


def test_questions_about_something_else_find_nothing_of_note(handbook):
    assert all(hit.score < 0.2 for question in OFF_TOPIC for hit in search.search(handbook, question))


def test_words_and_meaning_each_find_what_the_other_cannot(handbook):
    by_word = search.search(handbook, "cosmetics", 1)[0]
    assert (by_word.document, "words" in by_word.found_by) == ("returns.md", True)
    by_meaning = search.search(handbook, "the box was crushed and the lamp is broken", 1)[0]
    assert (by_meaning.document, by_meaning.found_by) == ("shipping.md", {"meaning"})


def test_scores_lie_between_0_and_1_and_never_rise(handbook):
    for question, *_ in QUESTIONS[:10]:
        scores = [hit.score for hit in search.search(handbook, question, 20)]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


def test_no_more_than_k_and_none_below_the_limit(handbook):
    every = search.search(handbook, "return a parcel", 10)
    assert len(every) == 10
    limit = every[3].score
    above = search.search(handbook, "return a parcel", 10, min_score=limit)
    assert above == [hit for hit in every if hit.score >= limit]
    assert len(search.search(handbook, "return a parcel", 2)) == 2


def test_a_hit_says_where_it_stands(handbook):
    (hit,) = search.search(handbook, "team lead exception 150 €", 1)
    assert hit.heading == "Returns and refunds › Exceptions that support may make"
    assert hit.text.startswith(hit.heading + "\nA support agent may accept")
    assert (hit.chunk, hit.page, hit.highlights) == (7, 0, ())
    assert hit.as_json() == {
        "text": hit.text,
        "score": hit.score,
        "document": "returns.md",
        "chunk": 7,
        "page": None,
        "heading": hit.heading,
        "found_by": ["words", "meaning"],
    }


def test_highlights_mark_the_words_and_the_nearest_sentence(handbook):
    (hit,) = search.search(handbook, "are shoes that were worn outside taken back", 1, mark=True)
    marked = {(mark.kind, hit.text[mark.start : mark.end]) for mark in hit.highlights}
    assert ("words", "shoes") in marked
    assert [kind for kind, _ in marked].count("meaning") == 1


@pytest.mark.parametrize("query", ["", "  \n"])
def test_an_empty_question_is_refused(base, query):
    with pytest.raises(Invalid):
        search.search(base, query)


@pytest.mark.parametrize("k", [0, -1, 51])
def test_k_has_bounds(base, k):
    with pytest.raises(Invalid):
        search.search(base, "x", k)


def test_any_question_is_answered(handbook):
    for query in ("*", "the of and", "\x00", "' OR 1=1 --", "{{ x }}", "a" * 100_000, "🦆", "%(x)s"):
        search.search(handbook, query, 3, mark=True)


def test_an_empty_base_answers_nothing(base):
    assert search.search(base, "anything") == []


def test_the_word_index_is_kept_until_the_base_changes(base, add):
    add("a.txt", "The zebra crosses.")
    first = lexical.index_of(base.pk)
    assert lexical.index_of(base.pk) is first
    add("b.txt", "The zebra rests.")
    assert len(lexical.index_of(base.pk).chunks) == 2
    assert [hit.document for hit in search.search(base, "rests", 1)] == ["b.txt"]


def test_only_so_many_word_indexes_stay_in_memory(base, monkeypatch):
    monkeypatch.setattr(lexical, "KEPT", 2)
    for name in "abc":
        lexical.index_of(ingest.create_base(None, name).pk)
    assert len(lexical._indexes) == 2


def test_passages_that_are_being_replaced_do_not_crowd_out_the_live_ones(base, add, monkeypatch):
    live = add("live.txt", "The zebra crosses the road.")
    rows = Chunk.objects.bulk_create(
        Chunk(base=base, document=live, generation=99, number=n, text=f"The zebra crosses road {n}.")
        for n in range(60)
    )
    vectors.add(base.pk, {row.pk: (live.pk, row.text) for row in rows})
    assert [hit.text for hit in search.search(base, "zebra crosses road", 5)] == [
        "The zebra crosses the road."
    ]


def test_a_lost_folder_is_made_again_by_the_next_search(base, add, own_folder, caplog):
    add("a.txt", "Refunds are paid within five days.")
    stores.current().close()
    shutil.rmtree(own_folder / "chroma")
    (hit,) = search.search(base, "when do I get my money back")
    assert hit.found_by == {"meaning"}
    assert "vectors of" in caplog.text
    assert stores.current().count(base.pk) == 1


def test_a_folder_that_is_damaged_under_a_running_process_is_made_again(base, add, own_folder):
    add("a.txt", "Refunds are paid within five days.")
    (own_folder / "chroma" / "chroma.sqlite3").write_bytes(b"garbage" * 10_000)
    stores.current().close()
    assert [hit.found_by for hit in search.search(base, "when do I get my money back")] == [{"meaning"}]


def test_many_lost_vectors_are_made_by_the_indexing_thread_while_words_still_find(
    base, add, thread, monkeypatch
):
    monkeypatch.setattr(vectors, "AT_ONCE", 3)
    add("a.md", "\n".join(f"# Riddle {n}\nThe answer is {n * 7}." for n in range(10)))
    stores.current().drop(base.pk)
    thread.clear()
    (hit,) = search.search(base, "riddle 4", 1)
    assert (hit.heading, hit.found_by) == ("Riddle 4", {"words"})
    assert thread, "nobody was asked to make the vectors"
    indexing.drain()
    assert stores.current().count(base.pk) == 10
    assert search.search(base, "riddle 4", 1)[0].found_by == {"words", "meaning"}


def test_another_process_sees_a_change_at_its_next_search(base, add):
    add("a.txt", "The zebra crosses.")
    search.search(base, "zebra")
    elsewhere = KnowledgeBase.objects.get()  # as another process would hold it, from before the change
    add("a.txt", "The zebra rests.")
    assert [hit.text for hit in search.search(elsewhere, "zebra")] == ["The zebra rests."]


def test_rebuilding_makes_all_vectors_again_and_drops_strays(base, add):
    document = add("a.txt", "The zebra crosses.")
    stray = Chunk(base=base, document=document, number=99, text="stray")
    vectors.add(base.pk, {stray.pk: (document.pk, "stray")})
    assert vectors.heal(base.pk) == 0
    assert stores.current().count(base.pk) == 1
    assert vectors.rebuild(base) == 1
    assert stores.current().count(base.pk) == 1
