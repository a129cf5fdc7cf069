from __future__ import annotations

import threading
import time

import pytest
from django.db import connections

from builder import edits, verbs
from builder.document import dump
from builder.graph import GraphError
from builder.models import DraftEdit, Edge, Orchestration, Step
from orchestrator.errors import Conflict, Invalid, NotFound, TooLarge


def configure(key, value, field="config.output"):
    return {"op": "configure", "key": key, "field": field, "value": value}


def step(orchestration, key):
    return next(one for one in orchestration.draft["steps"] if one["key"] == key)


def stored(orchestration):
    return Orchestration.objects.get(pk=orchestration.pk)


def again(orchestration):
    """The same orchestration as another page holds it."""
    return Orchestration.objects.get(pk=orchestration.pk)


def test_an_edit_raises_the_revision_and_is_kept_with_its_inverse(admin, parcel):
    applied = edits.apply(admin, parcel, configure("look", 1), 1)
    assert (applied.revision, parcel.revision, stored(parcel).revision) == (2, 2, 2)
    assert step(stored(parcel), "look")["config"] == {"output": 1}
    row = DraftEdit.objects.get(orchestration=parcel)
    assert (row.revision, row.user, row.edit["op"], row.undone) == (2, admin, "configure", False)
    assert row.inverse[0]["value"] == [{"place": "{{ input.id }}"}]


def test_the_answer_says_which_cards_may_look_different(admin, parcel):
    applied = edits.apply(admin, parcel, {"op": "add_step", "type": "delay", "after": "tell"}, 1)
    assert applied.summary() == {
        "revision": 2,
        "keys": {"new": "delay"},
        "changed": ["delay", "tell"],
        "removed": [],
        "edges": True,
        "meta": False,
        "says": "add Delay",
    }
    applied = edits.apply(admin, parcel, {"op": "remove", "steps": ["delay"]}, 2)
    assert (applied.removed, applied.changed) == (["delay"], ["tell"])


def test_an_edit_that_changes_nothing_is_no_revision(admin, parcel):
    at = step(parcel, "look")["position"]
    applied = edits.apply(admin, parcel, {"op": "move", "positions": {"look": at}}, 1)
    assert (applied.revision, DraftEdit.objects.count()) == (1, 0)


def test_an_edit_of_an_older_page_is_applied_where_nobody_touched_the_same(admin, omar, parcel):
    edits.apply(omar, again(parcel), configure("tell", "Omar's"), 1)
    edits.apply(omar, again(parcel), {"op": "add_step", "type": "delay"}, 2)
    applied = edits.apply(admin, parcel, configure("look", "Ada's"), 1)
    assert applied.revision == 4
    assert step(parcel, "tell")["config"]["output"] == "Omar's"
    assert step(parcel, "look")["config"]["output"] == "Ada's"


def test_two_fields_of_one_step_do_not_disturb_each_other(admin, omar, parcel):
    edits.apply(omar, again(parcel), configure("look", "Find", "name"), 1)
    edits.apply(omar, again(parcel), {"op": "move", "positions": {"look": {"x": 999, "y": 9}}}, 2)
    edits.apply(admin, parcel, configure("look", 1), 1)
    assert (step(parcel, "look")["name"], step(parcel, "look")["config"]) == ("Find", {"output": 1})


def test_a_stale_edit_is_refused_and_says_who_did_what(admin, omar, parcel):
    edits.apply(omar, again(parcel), configure("look", "Omar's"), 1)
    with pytest.raises(Conflict) as refusal:
        edits.apply(admin, parcel, configure("look", "Ada's"), 1)
    assert refusal.value.code == "stale_revision"
    assert "Omar has changed this since you saw it (change output of Look it up)" in refusal.value.message
    assert refusal.value.details == {"revision": 2, "by": "Omar", "step": "look"}
    assert step(stored(parcel), "look")["config"]["output"] == "Omar's"
    edits.apply(admin, parcel, configure("look", "Ada's"), 2)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"op": "remove", "steps": ["tell"]}, configure("tell", 1)),
        (
            {"op": "remove", "steps": ["tell"]},
            {"op": "connect", "source": "route", "port": "else", "target": "tell"},
        ),
        (configure("tell", 1), {"op": "remove", "steps": ["tell"]}),
        ({"op": "rename_key", "key": "tell", "to": "say"}, configure("tell", 1)),
        (
            {"op": "remove", "edges": [{"source": "look", "target": "route"}]},
            {"op": "add_step", "type": "delay", "on_edge": {"source": "look", "target": "route"}},
        ),
        (
            {"op": "move", "positions": {"tell": {"x": 7, "y": 7}}},
            {"op": "move", "positions": {"tell": {"x": 8, "y": 8}}},
        ),
        (
            {"op": "set_meta", "field": "name", "value": "A"},
            {"op": "set_meta", "field": "name", "value": "B"},
        ),
    ],
)
def test_what_touches_the_same_is_refused(admin, omar, parcel, first, second):
    edits.apply(omar, again(parcel), first, 1)
    with pytest.raises(Conflict) as refusal:
        edits.apply(admin, parcel, second, 1)
    assert refusal.value.code == "stale_revision"
    assert refusal.value.details["by"] == "Omar"


def test_a_change_that_was_taken_back_disturbs_nobody(admin, omar, parcel):
    edits.apply(omar, again(parcel), configure("look", 1), 1)
    edits.undo(omar, again(parcel))
    edits.apply(admin, parcel, configure("look", 2), 1)
    assert parcel.revision == 4


def test_a_step_that_was_only_moved_can_be_removed(admin, omar, parcel):
    edits.apply(omar, again(parcel), {"op": "move", "positions": {"tell": {"x": 7, "y": 7}}}, 1)
    edits.apply(admin, parcel, {"op": "remove", "steps": ["tell"]}, 1)
    assert "tell" not in [one["key"] for one in stored(parcel).draft["steps"]]


@pytest.mark.parametrize("revision", [0, -1, 99, 10**12])
def test_a_revision_that_never_was_is_stale(admin, parcel, revision):
    with pytest.raises(Conflict) as refusal:
        edits.apply(admin, parcel, configure("look", 1), revision)
    assert refusal.value.code == "stale_revision"


def test_a_page_that_is_too_far_behind_is_stale(admin, omar, parcel, monkeypatch):
    monkeypatch.setattr("builder.history.REMEMBERED", 2)
    for number in range(3):
        edits.apply(omar, parcel, configure("look", number), number + 1)
    monkeypatch.setattr(edits, "PATIENCE_S", 0)
    with pytest.raises(Conflict) as refusal:
        edits.apply(admin, parcel, configure("tell", 1), 1)
    assert refusal.value.code == "stale_revision"


def test_a_gap_in_the_history_is_waited_for_and_then_refused(admin, omar, parcel, monkeypatch):
    edits.apply(omar, parcel, configure("look", 1), 1)
    DraftEdit.objects.all().delete()  # a writer that died between its two writes
    monkeypatch.setattr(edits, "PATIENCE_S", 0.1)
    with pytest.raises(Conflict) as refusal:
        edits.apply(admin, parcel, configure("tell", 1), 1)
    assert refusal.value.code == "stale_revision"
    edits.apply(admin, parcel, configure("tell", 1), 2)


@pytest.mark.parametrize(
    ("edit", "code", "names"),
    [
        (
            {"op": "connect", "source": "tell", "target": "look"},
            "cycle",
            "Look it up → Condition → Tell → Look it up",
        ),
        ({"op": "connect", "source": "look", "port": "nope", "target": "tell"}, "unknown_port", "nope"),
        ({"op": "add_step", "type": "telepathy"}, "unknown_type", "telepathy"),
        ({"op": "connect", "source": "look", "target": "nobody"}, "unknown_step", "nobody"),
        ({"op": "disconnect", "source": "look", "target": "tell"}, "unknown_edge", "look"),
        ({"op": "teleport"}, "unknown_edit", "add_step"),
    ],
)
def test_what_would_be_no_graph_is_refused_whole(admin, parcel, edit, code, names):
    before = dump(parcel.draft)
    with pytest.raises(Invalid) as refusal:
        edits.apply(admin, parcel, edit, 1)
    assert refusal.value.code == code
    assert names in refusal.value.message
    assert (stored(parcel).revision, dump(stored(parcel).draft)) == (1, before)
    assert not DraftEdit.objects.exists()


def test_a_draft_cannot_grow_beyond_its_limit(admin, parcel):
    with pytest.raises(TooLarge):
        edits.apply(admin, parcel, configure("look", "x" * (4 * 1024 * 1024)), 1)


def test_the_name_of_the_orchestration_follows_the_draft_and_its_slug_stays(admin, parcel):
    edits.apply(admin, parcel, {"op": "set_meta", "field": "name", "value": "Parcels \u2709"}, 1)
    edits.apply(admin, parcel, {"op": "set_meta", "field": "description"}, 2)
    found = stored(parcel)
    assert (found.name, found.description, found.slug) == ("Parcels \u2709", "", "parcel")


def test_step_and_edge_rows_follow(admin, parcel):
    edits.apply(admin, parcel, configure("look", "Find", "name"), 1)
    edits.apply(admin, parcel, {"op": "rename_key", "key": "tell", "to": "say"}, 2)
    edits.apply(admin, parcel, {"op": "add_step", "type": "delay", "after": "say"}, 3)
    rows = {(row.key, row.type, row.name) for row in Step.objects.filter(orchestration=parcel)}
    assert rows == {
        ("look", "transform", "Find"),
        ("route", "condition", ""),
        ("say", "transform", "Tell"),
        ("delay", "delay", ""),
    }
    edges = {(row.source, row.port, row.target) for row in Edge.objects.filter(orchestration=parcel)}
    assert edges == {("look", "success", "route"), ("route", "lost", "say"), ("say", "success", "delay")}
    edits.apply(admin, parcel, {"op": "remove", "steps": ["say", "delay", "route"]}, 4)
    assert (Step.objects.count(), Edge.objects.count()) == (1, 0)


def test_undo_and_redo_go_back_and_forth_over_reloads(admin, parcel):
    states = [dump(parcel.draft)]
    for number, edit in enumerate(
        [configure("look", 1), {"op": "add_step", "type": "delay"}, {"op": "remove", "steps": ["tell"]}], 1
    ):
        edits.apply(admin, parcel, edit, number)
        states.append(dump(parcel.draft))
    for expected in reversed(states[:-1]):
        edits.undo(admin, again(parcel))
        assert dump(stored(parcel).draft) == expected
    with pytest.raises(Conflict, match="nothing of yours to undo"):
        edits.undo(admin, again(parcel))
    for expected in states[1:]:
        edits.redo(admin, again(parcel))
        assert dump(stored(parcel).draft) == expected
    with pytest.raises(Conflict, match="nothing of yours to redo"):
        edits.redo(admin, again(parcel))
    edits.undo(admin, again(parcel))
    assert dump(stored(parcel).draft) == states[-2]


def test_a_new_edit_ends_what_could_be_redone(admin, parcel):
    edits.apply(admin, parcel, configure("look", 1), 1)
    edits.undo(admin, parcel)
    edits.apply(admin, parcel, configure("tell", 1), parcel.revision)
    with pytest.raises(Conflict, match="nothing of yours to redo"):
        edits.redo(admin, parcel)


def test_everybody_undoes_their_own(admin, omar, parcel):
    edits.apply(admin, parcel, configure("look", "Ada's"), 1)
    edits.apply(omar, parcel, configure("tell", "Omar's"), 2)
    applied = edits.undo(admin, parcel)
    assert applied.says == "undo: change output of Look it up"
    assert step(parcel, "look")["config"]["output"] == {"place": "{{ input.id }}"}
    assert step(parcel, "tell")["config"]["output"] == "Omar's"


def test_what_somebody_changed_since_is_not_undone_and_the_one_before_is(admin, omar, parcel):
    edits.apply(admin, parcel, configure("tell", "first"), 1)
    edits.apply(admin, parcel, configure("look", "second"), 2)
    edits.apply(omar, parcel, configure("look", "Omar's"), 3)
    with pytest.raises(Conflict, match="cannot be undone") as refusal:
        edits.undo(admin, parcel)
    assert refusal.value.code == "stale_revision"
    edits.undo(admin, parcel)
    assert step(stored(parcel), "tell")["config"]["output"] == "{{ steps.look.output }}"
    assert step(stored(parcel), "look")["config"]["output"] == "Omar's"


def test_undoing_an_added_step_that_somebody_connected_is_refused(admin, omar, parcel):
    edits.apply(admin, parcel, {"op": "add_step", "type": "delay"}, 1)
    edits.apply(omar, parcel, {"op": "connect", "source": "tell", "target": "delay"}, 2)
    with pytest.raises(Conflict, match="cannot be undone"):
        edits.undo(admin, parcel)
    assert stored(parcel).revision == 3


def test_a_deleted_orchestration_is_not_found(admin, parcel):
    Orchestration.objects.filter(pk=parcel.pk).delete()
    with pytest.raises(NotFound):
        edits.apply(admin, parcel, configure("look", 1), 1)


def test_old_edits_are_forgotten(admin, parcel, monkeypatch):
    monkeypatch.setattr("builder.history.KEPT", 3)
    Orchestration.objects.filter(pk=parcel.pk).update(revision=95)
    for revision in range(95, 100):
        edits.apply(admin, parcel, configure("look", revision), revision)
    assert sorted(DraftEdit.objects.values_list("revision", flat=True)) == [98, 99, 100]


@pytest.mark.django_db(transaction=True)
def test_many_who_edit_at_once_lose_nothing(django_user_model):
    people = [django_user_model.objects.create(username=f"u{n}", role="admin") for n in range(4)]
    steps = [{"key": f"s{n}", "type": "transform", "config": {"output": 0}} for n in range(4)]
    orchestration = verbs.import_document(people[0], {"name": "Race", "steps": steps})
    errors = []
    ready = threading.Barrier(4)

    def work(number):
        try:
            ready.wait()
            mine = again(orchestration)
            for value in range(1, 7):
                edits.apply(
                    people[number], mine, configure(f"s{number}", value), 1 if value == 1 else mine.revision
                )
        except Exception as error:  # the main thread reports it
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    found = stored(orchestration)
    assert found.revision == 25
    assert [one["config"]["output"] for one in found.draft["steps"]] == [6, 6, 6, 6]
    revisions = list(DraftEdit.objects.order_by("revision").values_list("revision", flat=True))
    assert revisions == list(range(2, 26))


@pytest.mark.django_db(transaction=True)
def test_of_two_who_change_the_same_at_once_one_is_refused(django_user_model):
    people = [django_user_model.objects.create(username=f"u{n}", role="admin") for n in range(2)]
    steps = [{"key": "a", "type": "transform", "config": {"output": 0}}]
    orchestration = verbs.import_document(people[0], {"name": "Race", "steps": steps})
    outcomes = []
    ready = threading.Barrier(2)

    def work(number):
        try:
            ready.wait()
            edits.apply(people[number], again(orchestration), configure("a", f"by {number}"), 1)
            outcomes.append("stored")
        except Conflict as error:
            outcomes.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["stale_revision", "stored"]
    assert stored(orchestration).revision == 2


def test_an_edit_of_five_hundred_steps_takes_a_blink(admin):
    steps = [
        {"key": f"s{n}", "type": "transform", "config": {"output": {"n": n, "text": "x" * 100}}}
        for n in range(500)
    ]
    edges = [{"source": f"s{n}", "target": f"s{n + 1}"} for n in range(499)]
    orchestration = verbs.import_document(admin, {"name": "Big", "steps": steps, "edges": edges})
    taken = []
    for number in range(5):
        began = time.process_time()
        edits.apply(admin, orchestration, configure("s250", number), orchestration.revision)
        taken.append(time.process_time() - began)
    assert min(taken) < 0.1  # 0.02 s on a quiet machine


def test_a_refusal_is_of_the_products_own_family():
    assert issubclass(GraphError, Invalid)
