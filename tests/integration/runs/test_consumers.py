"""The sockets: who gets in, what they are told, from where, and that they can answer."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.layers import channel_layers
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from orchestrator import people
from orchestrator.models import User
from runs import consumers, live, logs, verbs
from runs.consumers import socket_urls, who_is_there
from runs.journal import news
from runs.models import Approval
from tests.integration.runs import kinds
from tests.integration.runs.conftest import chain, step

APP = who_is_there(URLRouter(socket_urls))
HOST = b"testserver"
ORIGIN = b"http://testserver"
aside = database_sync_to_async


@pytest.fixture(autouse=True)
def quiet_layer():
    """Each test has an event loop of its own, and so a channel layer of its own."""
    channel_layers.backends.clear()
    yield
    assert not live._wire.watched, "a socket did not leave its groups"


def cookie_of(user):
    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}".encode()


def browser(user=None, origin=ORIGIN, host=HOST):
    """The headers of a signed-in browser."""
    headers = [(b"host", host)] + ([(b"origin", origin)] if origin else [])
    return {"headers": headers + ([(b"cookie", cookie_of(user))] if user else [])}


def bearer(user, kind=AccessToken):
    return {"headers": [(b"host", HOST)], "subprotocols": ["bearer", str(kind.for_user(user))]}


@asynccontextmanager
async def socket(path, who):
    there = WebsocketCommunicator(APP, path, **who)
    accepted, there.agreed = await there.connect(5)
    assert accepted
    try:
        yield there
    finally:
        await there.disconnect()


async def closed(there):
    """The code it is closed with."""
    message = await there.receive_output(5)
    assert message["type"] == "websocket.close", message
    return message["code"]


async def frames(there, until):
    """What it says until ``until`` holds for a frame, without pings."""
    found = []
    while not found or not until(found[-1]):
        found.append(await there.receive_json_from(5))
    return found


def is_end(frame):
    return frame["type"] == "end"


def seqs(found):
    return [event["seq"] for frame in found if frame["type"] == "events" for event in frame["events"]]


def refused(path, who):
    async def ask():
        async with socket(path, who) as there:
            return await closed(there)

    return async_to_sync(ask)()


@pytest.fixture
def done(lab):
    """A run that has ended."""
    return lab.run(chain(step("a", value="one"), step("b")))


def address(run, query=""):
    return f"/ws/runs/{run.pk}/{query}"


# Who gets in


def test_who_shows_nothing_is_asked_who_they_are(done):
    assert refused(address(done), browser()) == 4401


def test_a_session_from_another_sites_page_does_not_count(done, superadmin):
    for origin in (
        b"http://evil.example",
        b"http://testserver.evil.example",
        b"null",
        b"",
        b"http://testserver:81",
    ):
        assert refused(address(done), browser(superadmin, origin=origin)) == 4401


def test_a_host_that_is_not_ours_does_not_count_even_if_the_origin_agrees(done, superadmin):
    assert (
        refused(address(done), browser(superadmin, origin=b"http://evil.example", host=b"evil.example"))
        == 4401
    )


@pytest.mark.parametrize("kind", ["forged", "expired", "refresh", "empty", "missing"])
def test_a_token_that_is_not_valid_does_not_count(done, superadmin, kind):
    token = AccessToken.for_user(superadmin)
    if kind == "expired":
        token.set_exp(lifetime=-timedelta(seconds=1))
    said = {
        "forged": str(token)[:-3] + "abc",
        "expired": str(token),
        "refresh": str(RefreshToken.for_user(superadmin)),
        "empty": "",
    }
    offered = ["bearer"] if kind == "missing" else ["bearer", said[kind]]
    assert refused(address(done), {"headers": [(b"host", HOST)], "subprotocols": offered}) == 4401


def test_a_person_who_was_deactivated_does_not_get_in(done, superadmin):
    who = bearer(superadmin)
    superadmin.is_active = False
    superadmin.save()
    assert refused(address(done), who) == 4401


def test_a_run_of_others_is_not_yours(done, user):
    assert refused(address(done), bearer(user)) == 4403


def test_a_run_that_is_not_there_is_not_found(done, superadmin):
    assert refused(f"/ws/runs/{uuid4()}/", bearer(superadmin)) == 4404


def test_the_inbox_asks_who_you_are_too(lab):
    assert refused("/ws/inbox/", browser()) == 4401


@pytest.mark.parametrize("way", [browser, bearer])
def test_a_session_and_a_token_both_get_in(done, superadmin, way):
    who = way(superadmin)

    async def look():
        async with socket(address(done), who) as there:
            assert there.agreed == ("bearer" if way is bearer else None)
            return await frames(there, is_end)

    assert seqs(async_to_sync(look)())


def test_the_public_address_is_an_allowed_origin(done, superadmin, settings):
    settings.PUBLIC_URL = "https://flows.example"
    who = browser(superadmin, origin=b"https://flows.example")

    async def look():
        async with socket(address(done), who) as there:
            return await frames(there, is_end)

    assert async_to_sync(look)()[-1]["status"] == "COMPLETED"


# What a run says


@pytest.mark.parametrize("since", [0, 1, 2, 3, 99])
def test_it_sends_the_journal_after_since_and_says_the_end(done, superadmin, since):
    async def look():
        async with socket(address(done, f"?since={since}"), bearer(superadmin)) as there:
            return await frames(there, is_end)

    found = async_to_sync(look)()
    assert seqs(found) == [event["seq"] for event in verbs.events(done, since=since)]
    assert found[-1] == {"type": "end", "status": "COMPLETED"}
    if since == 0:
        assert found[0]["events"] == verbs.events(done)


def test_a_since_that_is_no_number_is_the_beginning(done, superadmin):
    async def look():
        async with socket(address(done, "?since=x"), bearer(superadmin)) as there:
            return await frames(there, is_end)

    assert seqs(async_to_sync(look)())[0] == 1


def test_it_follows_a_run_as_it_happens_without_gap_or_repetition(lab, superadmin):
    run = lab.start(chain(*(step(f"s{number}") for number in range(6))))

    async def look():
        async with socket(address(run), bearer(superadmin)) as there:
            found = await frames(there, lambda frame: frame["type"] == "events")
            await aside(lab.drain)()
            return found + await frames(there, is_end)

    found = async_to_sync(look)()
    assert seqs(found) == [event["seq"] for event in verbs.events(run)]
    assert len([frame for frame in found if frame["type"] == "events"]) < lab.fresh(run).seq


def test_after_the_end_the_socket_stays_and_tells_of_a_rollback(lab, superadmin):
    run = lab.run(chain(step("a"), step("b")))

    async def look():
        async with socket(address(run), bearer(superadmin)) as there:
            first = await frames(there, is_end)
            await aside(verbs.rollback)(superadmin, run, to="b")
            await aside(lab.drain)()
            return first + await frames(there, is_end)

    found = async_to_sync(look)()
    assert [frame["status"] for frame in found if frame["type"] == "end"] == ["COMPLETED", "COMPLETED"]
    assert seqs(found) == [event["seq"] for event in verbs.events(run)]


def test_what_another_process_writes_is_noticed_by_looking(lab, superadmin, monkeypatch):
    run = lab.start(chain(step("a")))
    poll = live.Poll()

    async def look():
        async with socket(address(run), bearer(superadmin)) as there:
            await frames(there, lambda frame: frame["type"] == "events")
            with monkeypatch.context() as elsewhere:
                elsewhere.setattr(news, "tell", lambda committed: None)
                await aside(lab.drain)()
            assert await there.receive_nothing(0.1)
            await aside(poll.look)()
            return await frames(there, is_end)

    assert async_to_sync(look)()[-1]["status"] == "COMPLETED"


def test_a_large_journal_comes_in_several_frames(done, superadmin, monkeypatch):
    monkeypatch.setattr(consumers, "EVENTS_PER_FRAME", 2)

    async def look():
        async with socket(address(done), bearer(superadmin)) as there:
            return await frames(there, is_end)

    found = async_to_sync(look)()
    assert [len(frame.get("events", [])) for frame in found] == [2, 2, 2, 0]
    assert seqs(found) == [1, 1, 2, 2, 3, 3]


def test_it_pings_and_closes_for_who_may_no_longer_look(lab, superadmin, user, monkeypatch):
    monkeypatch.setattr(consumers, "PING_S", 0.05)
    run = lab.start(chain(step("a")), user=user)

    def deactivate():
        user.is_active = False
        user.save()

    async def look():
        async with socket(address(run), bearer(user)) as there:
            await frames(there, lambda frame: frame["type"] == "ping")
            await aside(deactivate)()
            while (message := await there.receive_output(5))["type"] != "websocket.close":
                pass
            return message["code"]

    assert async_to_sync(look)() == 4401


def test_text_streams_in_order_and_a_late_comer_gets_the_text_so_far(lab, superadmin):
    run = lab.start(chain(step("write", "streams", words=["Dear ", "Mary, ", "thanks."])))

    async def look():
        async with socket(address(run), bearer(superadmin)) as first:
            working = asyncio.ensure_future(asyncio.to_thread(lab.runtime.executor.step))
            found = await frames(first, lambda frame: text(frame).endswith("thanks."))
            async with socket(address(run), bearer(superadmin)) as second:
                late = await frames(second, lambda frame: frame["type"] == "token")
            kinds.Streams.gate.set()
            await working
            return found + await frames(first, is_end), late

    def text(frame):
        return frame.get("text", "")

    found, late = async_to_sync(look)()
    tokens = [frame for frame in found if frame["type"] == "token"]
    assert "".join(frame["text"] for frame in tokens) == "Dear Mary, thanks."
    assert [frame["offset"] for frame in tokens] == [
        sum(len(one["text"]) for one in tokens[:number]) for number in range(len(tokens))
    ]
    assert {(frame["step"], frame["epoch"], frame["attempt"]) for frame in tokens} == {("write", 1, 1)}
    assert late[-1]["text"] == "Dear Mary, thanks."
    assert late[-1]["offset"] == 0
    assert live.text_so_far(run.pk, "write") is None


def test_log_lines_come_live_and_those_missed_are_sent_after_the_one_seen(lab, superadmin):
    run = lab.start(chain(step("write", "streams", words=["a", "b", "c"])))
    kinds.Streams.gate.set()

    async def look():
        async with socket(address(run), bearer(superadmin)) as there:
            await frames(there, lambda frame: frame["type"] == "events")
            await aside(lab.drain)()
            found = await frames(there, is_end)
        lines = [line for frame in found if frame["type"] == "log" for line in frame["lines"]]
        async with socket(address(run, f"?since=99&log={lines[0]['id']}"), bearer(superadmin)) as there:
            again = await frames(there, lambda frame: frame["type"] == "log")
        return lines, again[-1]["lines"]

    lines, again = async_to_sync(look)()
    assert [line["message"] for line in lines] == ["wrote 'a'", "wrote 'b'", "wrote 'c'"]
    assert again == lines[1:]
    assert [logs.line(row) for row in verbs.logs(run)] == lines


# Answering


def test_a_question_can_be_answered_through_the_socket(lab, user):
    run = lab.run(chain(step("ask", "asks", assignees=["uma"], on="approved"), step("b")))
    approval = Approval.objects.get()

    async def look():
        async with socket(address(run), bearer(user)) as there:
            await frames(there, lambda frame: frame["type"] == "events")
            decide = {"type": "decide", "approval": str(approval.pk), "decision": "approve", "comment": "ok"}
            await there.send_json_to(decide)
            found = await frames(there, lambda frame: frame["type"] == "decided")
            await there.send_json_to(decide)
            return found[-1], (await frames(there, lambda frame: frame["type"] == "error"))[-1]

    decided, again = async_to_sync(look)()
    assert decided["approval"] == str(approval.pk)
    assert (decided["status"], decided["decision"], decided["by"]) == ("approved", "approve", "uma")
    assert again["code"] == "already_decided"
    assert again["details"]["by"] == "uma"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("no json", "invalid"),
        ("[]", "unknown_frame"),
        ('{"type": "hello"}', "unknown_frame"),
        ('{"type": "decide"}', "not_found"),
        ('{"type": "decide", "approval": "x", "decision": "approve"}', "not_found"),
        ('{"type": "decide", "approval": {"$ne": 1}, "decision": "approve"}', "not_found"),
        ('{"type": "decide", "approval": "MINE", "decision": ["approve"]}', "invalid"),
        ('{"type": "decide", "approval": "MINE", "decision": "maybe"}', "invalid"),
        ('{"type": "decide", "approval": "MINE", "decision": "approve", "comment": 5}', "invalid"),
        (
            '{"type": "decide", "approval": "MINE", "decision": "approve", "content_hash": "x"}',
            "content_changed",
        ),
        ('{"type": "decide", "approval": "MINE", "decision": "approve", "content_hash": 5}', "invalid"),
        ('{"type": "decide", "approval": "OTHERS", "decision": "approve"}', "not_found"),
    ],
)
def test_a_frame_that_makes_no_sense_is_answered_and_the_socket_stays(lab, user, sent, code):
    run = lab.run(chain(step("ask", "asks", assignees=["uma"])))
    other = lab.run(chain(step("ask", "asks", assignees=["uma"])))
    for name, of in (("MINE", run), ("OTHERS", other)):
        sent = sent.replace(name, str(Approval.objects.get(instance=of).pk))

    async def look():
        async with socket(address(run), bearer(user)) as there:
            await there.send_to(text_data=sent)
            found = await frames(there, lambda frame: frame["type"] == "error")
            await there.send_json_to({"type": "nonsense"})
            await frames(there, lambda frame: frame["type"] == "error")
            return found[-1]

    assert async_to_sync(look)()["code"] == code


def test_who_sees_a_run_and_is_not_asked_may_not_answer(lab, superadmin):
    run = lab.run(chain(step("ask", "asks", assignees=["uma"])))

    async def look():
        async with socket(address(run), bearer(superadmin)) as there:
            approval = await Approval.objects.aget()
            await there.send_json_to({"type": "decide", "approval": str(approval.pk), "decision": "approve"})
            return (await frames(there, lambda frame: frame["type"] == "error"))[-1]

    assert async_to_sync(look)()["code"] == "forbidden"


def test_the_inbox_says_what_waits_and_when_that_changes(lab, user, admin):
    def ask():
        return lab.run(chain(step("ask", "asks", assignees=["uma"], message="Go?", on="approved"), step("b")))

    async def look():
        async with socket("/ws/inbox/", bearer(user)) as mine, socket("/ws/inbox/", bearer(admin)) as other:
            counts = [(await mine.receive_json_from(5))["count"], (await other.receive_json_from(5))["count"]]
            run = await aside(ask)()
            told = await mine.receive_json_from(5)
            (waiting,) = told["approvals"]
            await mine.send_json_to({"type": "decide", "approval": waiting["id"], "decision": "reject"})
            rest = [await mine.receive_json_from(5) for _ in range(2)]
            assert await other.receive_nothing(0.1)
            return counts, waiting, run, rest

    counts, waiting, run, rest = async_to_sync(look)()
    assert counts == [0, 0]
    assert (waiting["message"], waiting["run"], waiting["step"]) == ("Go?", str(run.pk), "ask")
    assert len(waiting["content_hash"]) == 64
    assert {frame["type"] for frame in rest} == {"decided", "inbox"}
    assert next(frame for frame in rest if frame["type"] == "inbox")["count"] == 0


def test_the_inbox_tells_everybody_of_a_role_and_above(lab, admin, superadmin):
    async def look():
        async with (
            socket("/ws/inbox/", bearer(admin)) as one,
            socket("/ws/inbox/", bearer(superadmin)) as two,
        ):
            for there in (one, two):
                await there.receive_json_from(5)
            await aside(lab.run)(chain(step("ask", "asks", role="admin")))
            return [(await there.receive_json_from(5))["count"] for there in (one, two)]

    assert async_to_sync(look)() == [1, 1]


@pytest.mark.django_db(transaction=True)
def test_a_socket_closes_at_once_when_its_person_is_given_another_role(user):
    async def watch():
        async with socket("/ws/inbox/", bearer(user)) as there:
            await there.receive_json_from(5)
            await aside(promote)()
            while (message := await there.receive_output(5))["type"] != "websocket.close":
                continue
            assert message["code"] == 4401

    def promote():
        people.change_person(User.objects.get(pk=user.pk), role="admin")

    async_to_sync(watch)()
