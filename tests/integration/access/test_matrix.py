"""The matrix of docs/access.md, and that every door answers what it says: cell by cell."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from rest_framework_simplejwt.tokens import AccessToken

from orchestrator.tokens import CLAIM
from tests.integration.access.conftest import knock, taken_back
from tests.integration.access.doors import DOORS
from tests.integration.access.matrix import HIDDEN, NOUNS, REFUSED, YES, table
from tests.integration.access.world import ROLES, build
from tests.integration.runs.test_consumers import socket

pytestmark = pytest.mark.django_db
DOCS = settings.BASE_DIR / "docs" / "access.md"
MARK = "<!-- from here on written by `pytest tests/integration/access --write-docs` -->"
TRIED = [door for door in DOORS if door.noun]
FIRST = {(one.noun, one.action, "-" in one.name): one for one in reversed(TRIED)}.values()
CODES = {404: HIDDEN, 403: REFUSED}


def told(world):
    """The generated half of docs/access.md."""
    lines = [MARK]
    for key, noun in NOUNS.items():
        lines += ["", f"## {noun.title}", "", *table(noun, world)]
        doors = {}
        for door in DOORS:
            if door.noun == key:
                doors.setdefault(door.action, []).append(f"`{door.method.upper()} {door.name}`")
        lines += ["", *(f"- {action}: {', '.join(names)}" for action, names in doors.items())]
    return "\n".join(lines) + "\n"


def test_the_docs_say_what_the_policies_say(request):
    said = told(build())
    prose, mark, _ = DOCS.read_text().partition(MARK)
    if request.config.getoption("--write-docs"):
        DOCS.write_text(prose + said)
    assert mark
    assert DOCS.read_text() == prose + said, "docs/access.md is stale; write it with --write-docs"


def cells(world, door, role):
    """The relations to try: all of them at one page and one REST address of each action.

    At the others one relation for each answer; SuperAdmins, to whom all relations are the same, only at the
    first.
    """
    noun = NOUNS[door.noun]
    expected = {one: noun.actions[door.action](world[role, one]) for one in noun.relations}
    if door in FIRST and role != "superadmin":
        return expected
    each = {answer: relation for relation, answer in expected.items()}
    return {relation: answer for answer, relation in each.items() if door in FIRST or role != "superadmin"}


@pytest.mark.parametrize("door", TRIED, ids=lambda door: f"{door.method}-{door.noun}-{door.name}")
def test_a_door_answers_what_the_policy_says(world, clients, door):
    for role in ROLES:
        for relation, expected in cells(world, door, role).items():
            place = world[role, relation]
            with taken_back():
                answer = knock(clients[role, relation], door, place)
            assert not str(answer.headers.get("Location", "")).startswith("/login/")
            got = CODES.get(answer.status_code, YES)
            if door.found and door.found in answer.text:
                got = YES
            if door.listed:
                got = (
                    YES if answer.status_code == 200 and shown(door, place, answer) else expected_gone(answer)
                )
            wanted = REFUSED if door.closed and expected == HIDDEN else expected
            assert (role, relation, got) == (role, relation, wanted), answer.content[:300]
            assert answer.status_code < 500


def shown(door, place, answer):
    """Whether a list shows the object."""
    values = place.kwargs[door.noun]
    page = not door.name.endswith("-list") and "slug" in values
    return str(values["slug" if page else "pk"]) in answer.text


def expected_gone(answer):
    """How a list says that the object is not for this person: it is not in it, or there is no list."""
    return REFUSED if answer.status_code == 403 else HIDDEN


def bearer(person):
    token = AccessToken.for_user(person)
    token[CLAIM] = person.sign_in_revision
    return {"headers": [(b"host", b"testserver")], "subprotocols": ["bearer", str(token)]}


def test_the_run_socket_lets_in_who_may_view_the_run(world):
    for role in ROLES:
        for relation in NOUNS["run"].relations:
            place = world[role, relation]
            expected = NOUNS["run"].actions["view"](place)

            async def look(place=place):
                async with socket(f"/ws/runs/{place.objects['run'].pk}/", bearer(place.person)) as there:
                    first = await there.receive_output(5)
                    return YES if "text" in first else {4403: HIDDEN}[first["code"]]

            assert (role, relation, async_to_sync(look)()) == (role, relation, expected)


def test_the_inbox_socket_lets_answer_who_may(world):
    for role in ROLES:
        for relation in NOUNS["approval"].relations:
            place = world[role, relation]
            expected = NOUNS["approval"].actions["answer"](place)
            sent = {"type": "decide", "approval": str(place.objects["approval"].pk), "decision": "approve"}

            async def answer(place=place, sent=sent):
                async with socket("/ws/inbox/", bearer(place.person)) as there:
                    await there.send_json_to(sent)
                    while (frame := await there.receive_json_from(5))["type"] == "inbox":
                        pass
                    return {"reached": YES, "forbidden": REFUSED, "not_found": HIDDEN}[frame["code"]]

            assert (role, relation, async_to_sync(answer)()) == (role, relation, expected)
