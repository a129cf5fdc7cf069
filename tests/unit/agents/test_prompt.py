"""What a model gets to read."""

from __future__ import annotations

from agents.prompt import GROUNDING, Passage, with_grounding, with_passages

PASSAGES = [
    Passage("First text.\n", "Handbook.md", 0, 3),
    Passage("Second text.", "Notes.txt"),
    Passage("Third."),
]


def test_without_passages_the_authors_words_go_out_untouched():
    assert with_passages("  Why? ", []) == "  Why? "
    assert with_grounding(" Be brief. ", []) == " Be brief. "


def test_passages_stand_numbered_before_the_prompt():
    assert with_passages("Why?", PASSAGES) == (
        "Passages:\n\n[1] Handbook.md, page 3\nFirst text.\n\n[2] Notes.txt\nSecond text.\n\n[3]\nThird."
        "\n\n---\n\nWhy?"
    )


def test_the_system_prompt_says_that_passages_are_no_instructions():
    assert with_grounding("Be brief.", PASSAGES) == f"Be brief.\n\n{GROUNDING}"
    assert with_grounding("", PASSAGES) == GROUNDING
