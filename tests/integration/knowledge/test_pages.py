"""The knowledge pages, with and without htmx; and who gets to see them."""

from __future__ import annotations

import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from agents.models import Agent, LLMModel
from builder.verbs import import_document
from knowledge import indexing, ingest
from knowledge.models import Document, KnowledgeBase

RETURNS = b"# Returns\n\nShoes can be returned within 30 days. Gift cards are excluded."
HTMX = {"HX-Request": "true"}


@pytest.fixture
def signed_in(client, admin):
    client.force_login(admin)
    return client


def url(name, *args):
    return reverse(name, args=args)


def file(name="returns.md", content=RETURNS, media_type="text/markdown"):
    return SimpleUploadedFile(name, content, media_type)


def page(response, status=200):
    assert response.status_code == status, response.content.decode()[:500]
    return response.content.decode()


def test_the_list_offers_the_first_base_to_a_newcomer(signed_in, transactional_db):
    assert url("new_knowledge_base") in page(signed_in.get(url("knowledge")))


def test_a_base_is_made_in_a_form_and_opened(signed_in, transactional_db):
    answer = signed_in.post(
        url("new_knowledge_base"), {"name": "Refund policy", "description": "What holds."}
    )
    assert answer.url == url("knowledge_base", "refund-policy")
    assert "What holds." in page(signed_in.get(answer.url))
    assert "Refund policy" in page(signed_in.get(url("knowledge")))


def test_a_base_without_a_name_is_refused_at_its_field(signed_in, transactional_db):
    assert "Give it a name" in page(signed_in.post(url("new_knowledge_base"), {"name": " "}), 400)
    assert not KnowledgeBase.objects.exists()


def test_the_list_is_filtered_by_name(signed_in, base):
    ingest.create_base(None, "Manuals")
    shown = page(signed_in.get(url("knowledge"), {"q": "hand"}))
    assert "Handbook" in shown
    assert "Manuals" not in shown
    assert "No knowledge base is called" in page(signed_in.get(url("knowledge"), {"q": "zzz"}))


def test_files_are_uploaded_without_a_script(signed_in, base):
    answer = signed_in.post(
        url("documents", base.slug), {"files": [file(), file("faq.txt", b"Pull the tab.")]}
    )
    assert answer.url == url("knowledge_base", base.slug)
    shown = page(signed_in.get(answer.url))
    assert shown.count("Waiting its turn") == 2
    assert "After returns.md" in shown
    assert "Next" in shown


def test_of_several_files_those_that_can_be_are_taken_and_the_others_get_their_reason(signed_in, base):
    shown = page(signed_in.post(url("documents", base.slug), {"files": [file(), file("scan.pdf")]}), 400)
    assert "scan.pdf cannot be read" in shown
    assert [document.name for document in Document.objects.all()] == ["returns.md"]


def test_an_upload_of_nothing_is_said(signed_in, base):
    assert "Choose at least one file." in page(signed_in.post(url("documents", base.slug)), 400)


def test_a_file_over_the_limit_is_said_and_not_read(signed_in, base, settings):
    settings.UPLOAD_MAX_BYTES = 20
    shown = page(signed_in.post(url("documents", base.slug), {"files": [file()]}), 400)
    assert "a document may have at most 20" in shown


def test_htmx_gets_the_panel_which_asks_again_only_while_something_is_indexed(signed_in, base):
    panel = page(signed_in.post(url("documents", base.slug), {"files": [file()]}, headers=HTMX))
    assert panel.strip().startswith('<div id="documents"')
    assert 'hx-trigger="every 1s"' in panel
    assert 'hx-swap-oob="true"' in panel
    indexing.drain()
    panel = page(signed_in.get(url("documents", base.slug), headers=HTMX))
    assert "hx-trigger" not in panel
    assert "1 document, 1 passage." in panel


def test_progress_is_shown_while_a_document_is_indexed(signed_in, base, add):
    add("long.md", RETURNS, drain=False)
    Document.objects.update(state="indexing", chunks_done=62, chunks_total=140)
    shown = page(signed_in.get(url("documents", base.slug), headers=HTMX))
    assert "62 of 140 passages" in shown
    assert 'aria-label="44 % indexed"' in shown


def test_a_failed_document_says_why_and_offers_what_can_be_done(signed_in, base, add):
    document = add("scan.txt", b"\x00\x01binary")
    shown = page(signed_in.get(url("knowledge_base", base.slug)))
    assert "binary data, not text" in shown
    assert "1 needs you" in shown
    assert url("retry_document", base.slug, document.pk) in shown
    assert url("replace_document", base.slug, document.pk) in shown
    assert url("delete_document", base.slug, document.pk) in shown


def test_a_failed_document_is_tried_again_and_replaced(signed_in, base, add):
    document = add("scan.txt", b"\x00\x01binary")
    assert signed_in.post(url("retry_document", base.slug, document.pk)).status_code == 302
    assert Document.objects.get().state == "pending"
    indexing.drain()
    signed_in.post(url("replace_document", base.slug, document.pk), {"file": file("other.txt", b"Now text.")})
    indexing.drain()
    document.refresh_from_db()
    assert (document.name, document.state) == ("scan.txt", "ready")


def test_a_document_is_replaced_by_its_own_format_only(signed_in, base, add):
    document = add("scan.txt", "text")
    answer = signed_in.post(url("replace_document", base.slug, document.pk), {"file": file()})
    assert "scan.txt is plain text and returns.md is not" in page(answer, 415)
    assert "Choose a file" in page(signed_in.post(url("replace_document", base.slug, document.pk)), 400)


def test_trying_again_what_has_not_failed_is_refused_with_the_reason(signed_in, base, add):
    document = add("returns.md", RETURNS)
    refused = page(signed_in.post(url("retry_document", base.slug, document.pk), headers=HTMX), 409)
    assert "has not failed" in refused


def test_a_document_is_deleted_after_asking_once(signed_in, base, add):
    document = add("returns.md", RETURNS)
    where = url("delete_document", base.slug, document.pk)
    assert "cannot be brought back" in page(signed_in.get(where))
    assert Document.objects.exists()
    assert signed_in.post(where).url == url("knowledge_base", base.slug)
    assert not Document.objects.exists()


def test_a_documents_page_shows_its_passages(signed_in, base, add):
    document = add("returns.md", RETURNS)
    shown = page(signed_in.get(url("document", base.slug, document.pk)))
    assert "Shoes can be returned within 30 days." in shown
    assert 'id="p1"' in shown


def test_a_long_document_is_shown_in_pages(signed_in, base, add):
    text = "\n\n".join(f"# Part {n}\n\nText {n}." for n in range(1, 61))
    document = add("long.md", text)
    first = page(signed_in.get(url("document", base.slug, document.pk)))
    assert "1 to 50 of 60" in first
    assert 'id="p60"' in page(signed_in.get(url("document", base.slug, document.pk), {"page": 2}))


def test_the_search_is_tried_without_a_script(signed_in, base, add):
    document = add("returns.md", RETURNS)
    shown = page(signed_in.get(url("knowledge_base", base.slug), {"q": "are shoes returned"}))
    assert '<mark class="words">returned</mark>' in shown
    assert "<mark>" in shown
    assert "found by words and meaning" in shown
    assert f"{url('document', base.slug, document.pk)}?page=1#p1" in shown
    assert re.search(r"1 passage in \d+ ms", shown)


def test_htmx_gets_the_results_alone(signed_in, base, add):
    add("returns.md", RETURNS)
    shown = page(signed_in.get(url("knowledge_base", base.slug), {"q": "shoes"}, headers=HTMX))
    assert "<html" not in shown
    assert 'id="took"' in shown


def test_what_is_below_the_limit_is_shown_as_not_used(signed_in, base, add):
    add("returns.md", RETURNS)
    shown = page(signed_in.get(url("knowledge_base", base.slug), {"q": "gift", "limit": "0.99"}))
    assert "below the limit of 0.99, not used" in shown


@pytest.mark.parametrize("query", [{"q": "x", "k": "0"}, {"q": "x", "k": "many", "limit": "-3"}, {"q": " "}])
def test_odd_settings_of_the_search_fall_back_to_the_usual_ones(signed_in, base, query):
    assert "Handbook" in page(signed_in.get(url("knowledge_base", base.slug), query))


def test_nothing_found_says_what_to_do(signed_in, base, add):
    add("returns.md", RETURNS)
    assert "Nothing here answers that" in page(signed_in.get(url("knowledge_base", base.slug), {"q": "qqqq"}))


def test_hostile_names_and_texts_are_shown_as_text(signed_in, base, add):
    ingest.create_base(None, "<script>alert(1)</script>")
    add("<img src=x onerror=alert(1)>.md", "# <b>Head</b>\n\n<script>alert(2)</script> shoes")
    for shown in (
        page(signed_in.get(url("knowledge"))),
        page(signed_in.get(url("knowledge_base", base.slug), {"q": "shoes <script>alert(3)</script>"})),
        page(signed_in.get(url("document", base.slug, Document.objects.get().pk))),
    ):
        assert "alert(1)</script>" not in shown
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown


def test_a_base_is_renamed_and_keeps_its_address(signed_in, base):
    where = url("change_knowledge_base", base.slug)
    assert "handbook" in page(signed_in.get(where))
    signed_in.post(where, {"name": "Rules", "description": ""})
    assert "Rules" in page(signed_in.get(url("knowledge_base", "handbook")))
    assert "Give it a name" in page(signed_in.post(where, {"name": ""}), 400)


def test_a_base_is_deleted_after_asking_once(signed_in, base, add):
    add("returns.md", RETURNS)
    where = url("delete_knowledge_base", base.slug)
    assert "1 document and 1 passage" in page(signed_in.get(where))
    assert signed_in.post(where).url == url("knowledge")
    assert not KnowledgeBase.objects.exists()


def test_a_base_says_which_orchestrations_search_it(signed_in, admin, base):
    where = url("delete_knowledge_base", base.slug)
    assert "No orchestration searches it." in page(signed_in.get(where))
    Agent.objects.create(
        name="Writer", slug="writer", knowledge=[base.slug], model=LLMModel.objects.create(name="M", slug="m")
    )
    for name, step in {
        "By a search": {"type": "retrieve", "config": {"base": base.slug, "query": "x"}},
        "By a model": {"type": "llm", "config": {"prompt": "x", "knowledge": [{"base": base.slug}]}},
        "By an agent": {"type": "llm", "config": {"prompt": "x", "agent": "writer"}},
        "Not at all": {"type": "retrieve", "config": {"base": "another", "query": "x"}},
    }.items():
        whole = {"key": "find", "name": "Find", **step}
        import_document(admin, {"schema": 1, "name": name, "steps": [whole], "edges": []})
    shown = page(signed_in.get(url("knowledge_base", base.slug)))
    assert re.findall(r'<a href="/orchestrations/[\w-]+/edit/">([^<]+)</a>', shown) == [
        "By a model",
        "By a search",
        "By an agent",
    ]
    assert "Their searches fail from then on." in page(signed_in.get(where))


def test_a_user_finds_none_of_it(client, user, base, add):
    document = add("returns.md", RETURNS)
    client.force_login(user)
    reads = [("knowledge",), ("knowledge_base", base.slug), ("documents", base.slug)]
    reads += [("document", base.slug, document.pk), ("change_knowledge_base", base.slug)]
    assert [client.get(url(*read)).status_code for read in reads] == [404] * len(reads)
    writes = [("replace_document", base.slug, document.pk), ("retry_document", base.slug, document.pk)]
    writes += [("delete_document", base.slug, document.pk), ("delete_knowledge_base", base.slug)]
    writes += [("change_knowledge_base", base.slug), ("documents", base.slug)]
    assert [client.post(url(*write)).status_code for write in writes] == [404] * len(writes)
    assert client.post(url("new_knowledge_base"), {"name": "Mine"}).status_code == 403
    assert Document.objects.count() == KnowledgeBase.objects.count() == 1


def test_who_is_not_signed_in_is_asked_to(client, base):
    assert client.get(url("knowledge_base", base.slug)).url.startswith(url("login"))


def test_a_document_is_found_under_its_own_base_only(signed_in, base, add):
    document = add("returns.md", RETURNS)
    other = ingest.create_base(None, "Other")
    assert signed_in.get(url("document", other.slug, document.pk)).status_code == 404
    assert signed_in.get(url("document", base.slug, uuid.uuid4())).status_code == 404


def test_a_superadmin_sees_everything(client, superadmin, base):
    client.force_login(superadmin)
    page(client.get(url("knowledge_base", base.slug)))
