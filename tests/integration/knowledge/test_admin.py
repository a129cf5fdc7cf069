"""Django's admin goes through the same verbs: nothing is left behind, nothing is edited around them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from knowledge import indexing, stores
from knowledge.models import Chunk, Document, KnowledgeBase


@pytest.fixture
def signed_in(client, superadmin):
    client.force_login(superadmin)
    return client


def url(model, page, *args):
    return reverse(f"admin:knowledge_{model}_{page}", args=args)


def act(client, model, action, *rows):
    body = {"action": action, "_selected_action": [str(row.pk) for row in rows], "post": "yes"}
    return client.post(url(model, "changelist"), body, follow=True)


def test_every_table_is_listed_searched_and_opened(signed_in, base, add):
    document = add("returns.md", "# Returns\n\n30 days.")
    for model, row in (("knowledgebase", base), ("document", document), ("chunk", Chunk.objects.get())):
        assert signed_in.get(url(model, "changelist"), {"q": "returns"}).status_code == 200
        assert signed_in.get(url(model, "change", row.pk)).status_code == 200


def test_a_base_is_made_with_an_address_and_renamed_without_a_new_one(signed_in, transactional_db):
    signed_in.post(url("knowledgebase", "add"), {"name": "Refund policy", "description": ""})
    base = KnowledgeBase.objects.get()
    assert (base.slug, base.created_by.username) == ("refund-policy", "sue")
    signed_in.post(url("knowledgebase", "change", base.pk), {"name": "Rules", "description": "x"})
    base.refresh_from_db()
    assert (base.name, base.slug) == ("Rules", "refund-policy")


def test_deleting_leaves_no_vectors_and_no_files(signed_in, base, add, own_folder):
    document, _ = add("a.txt", "The zebra crosses."), add("b.txt", "The zebra rests.")
    base_id = base.pk
    signed_in.post(url("document", "delete", document.pk), {"post": "yes"})
    assert stores.current().count(base_id) == 1
    act(signed_in, "knowledgebase", "delete_selected", base)
    assert not KnowledgeBase.objects.exists()
    assert stores.current().count(base_id) == 0
    assert [path for path in (own_folder / "files").rglob("*") if path.is_file()] == []


def test_documents_and_passages_are_not_edited_there(signed_in, base, add):
    document = add("a.txt", "The zebra crosses.")
    assert signed_in.get(url("document", "add")).status_code == 403
    assert signed_in.post(url("document", "change", document.pk), {"name": "x"}).status_code == 403
    assert signed_in.get(url("chunk", "add")).status_code == 403
    assert signed_in.post(url("chunk", "delete", Chunk.objects.get().pk), {"post": "yes"}).status_code == 403


def test_failed_documents_are_tried_again_and_others_are_said(signed_in, base, add):
    failed, ready = add("a.txt", b"\x00\x01"), add("b.txt", "The zebra rests.")
    shown = act(signed_in, "document", "try_again", failed, ready).content.decode()
    assert "txt has not failed" in shown  # Django begins it with a capital
    assert Document.objects.get(pk=failed.pk).state == "pending"


def test_vectors_are_made_again(signed_in, base, add):
    add("a.txt", "The zebra crosses.")
    stores.current().drop(base.pk)
    assert (
        "Handbook: 1 vectors made."
        in act(signed_in, "knowledgebase", "rebuild_vectors", base).content.decode()
    )
    assert stores.current().count(base.pk) == 1
    assert indexing.drain() == 0
