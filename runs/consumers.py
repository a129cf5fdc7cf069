"""The two sockets: a run as it happens, and what waits for me.

A socket is told "the run moved" and reads the journal from the seq it has sent; between two frames it
lets at least FRAME_S pass, so whatever came meanwhile goes out as one larger frame, and a slow client
gets fewer of them instead of a queue. Refusals are said by close code, after accepting: a browser is not
shown the code of a handshake that was refused.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import orjson
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import path

from orchestrator import access
from orchestrator.errors import Invalid, ProductError
from orchestrator.models import User
from runs import live, logs, policies, verbs
from runs.engine.states import ENDED
from runs.models import Approval, OrchestrationInstance
from runs.sockets import who_is_there

__all__ = ["InboxConsumer", "RunConsumer", "socket_urls", "who_is_there"]
WHO_ARE_YOU, NOT_YOURS, NOT_THERE = 4401, 4403, 4404
PING_S = 20.0
FRAME_S = 0.04
EVENTS_PER_FRAME = 1000
Message = dict[str, Any]


class Socket(AsyncWebsocketConsumer, ABC):  # type: ignore[misc]
    """What both have in common: admission, JSON frames, one reader of news, pings, decisions."""

    async def connect(self) -> None:
        """Accept; close with a code whom we do not know or do not let in."""
        self.groups_joined: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.moved = asyncio.Event()
        self.user: User = self.scope["user"]
        await self.accept(self.scope.get("subprotocol"))
        code = await database_sync_to_async(self.refusal)()
        if code:
            await self.close(code)
            return
        for group in [live.person_group(self.user.pk), *await database_sync_to_async(self.watches)()]:
            live.watch(group)
            self.groups_joined.append(group)
            await self.channel_layer.group_add(group, self.channel_name)
        self.moved.set()
        for work in (self.follow(), self.stay()):
            task = asyncio.ensure_future(work)
            task.add_done_callback(self._end)
            self.tasks.append(task)

    async def disconnect(self, code: int) -> None:
        """Leave the groups and end what runs for this socket."""
        for task in self.tasks:
            task.cancel()
        for group in self.groups_joined:
            live.unwatch(group)
            await self.channel_layer.group_discard(group, self.channel_name)

    def refusal(self) -> int:
        """The close code for who may not be here, 0 for who may. Synchronous, in a thread."""
        return 0 if self.user.is_authenticated and self.user.is_active else WHO_ARE_YOU

    @abstractmethod
    def watches(self) -> list[str]:
        """The groups to join."""

    @abstractmethod
    async def look(self) -> None:
        """Send what is new."""

    async def follow(self) -> None:
        """Whenever something moved, look; never more often than every FRAME_S."""
        while True:
            await self.moved.wait()
            self.moved.clear()
            await self.look()
            await asyncio.sleep(FRAME_S)

    async def stay(self) -> None:
        """Ping, and close when the person may not be here any more."""
        while True:
            await asyncio.sleep(PING_S)
            code = await database_sync_to_async(self._still)()
            if code:
                await self.close(code)
                return
            await self.frame({"type": "ping"})

    async def person_signed_out(self, message: Message) -> None:
        """This person's sign-ins have ended; who is still there signs in again and comes back."""
        await self.close(WHO_ARE_YOU)

    def _still(self) -> int:
        now = User.objects.filter(pk=self.user.pk).first()
        if now is None or now.sign_in_revision != self.user.sign_in_revision:
            return WHO_ARE_YOU
        self.user = now
        return self.refusal()

    def _end(self, task: asyncio.Task[None]) -> None:
        """A reader that failed ends its socket: the client comes back and asks from where it was."""
        if not task.cancelled() and (error := task.exception()):
            self.tasks.append(asyncio.ensure_future(self.close(1011)))
            raise error

    async def frame(self, message: Message) -> None:
        """Send one frame."""
        await self.send(text_data=orjson.dumps(message).decode())

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Frames from the client: ``decide``; anything else is answered with an error."""
        try:
            message = orjson.loads(text_data if text_data is not None else bytes_data or b"")
            if not isinstance(message, dict) or message.get("type") != "decide":
                raise Invalid("The only frame that is understood here is decide.", code="unknown_frame")
            answer = await database_sync_to_async(self._decide)(message)
        except orjson.JSONDecodeError:
            answer = {"type": "error", "code": "invalid", "message": "A frame must be a JSON object."}
        except ProductError as error:
            answer = {"type": "error", "code": error.code, "message": error.message, "details": error.details}
            answer["approval"] = message.get("approval") if isinstance(message, dict) else None
        await self.frame(answer)

    def _decide(self, message: Message) -> Message:
        comment, read = message.get("comment", ""), message.get("content_hash", "")
        for name, given in (("comment", comment), ("content_hash", read)):
            if not isinstance(given, str):
                raise Invalid(f"{name} must be text.", field=name)
        approval = access.get(self.user, access.VIEW, Approval, pk=message.get("approval"), **self.within())
        decided = verbs.decide_approval(
            self.user, approval, message.get("decision", ""), comment, message.get("data"), read
        )
        return {
            "type": "decided", "approval": str(decided.pk), "status": decided.status,
            "decision": message["decision"], "by": self.user.username, "votes": decided.votes,
        }  # fmt: skip

    def within(self) -> dict[str, Any]:
        """Which approvals may be decided through this socket, as a lookup."""
        return {}


class RunConsumer(Socket):
    """``/ws/runs/{id}/?since=SEQ[&log=ID]``: the journal after SEQ, then as it grows."""

    async def connect(self) -> None:
        """Read the cursor, then as every socket."""
        query = parse_qs(self.scope.get("query_string", b"").decode("latin1"))
        since = query.get("since", ["0"])[0]
        self.run_id: UUID = self.scope["url_route"]["kwargs"]["run_id"]
        self.sent = int(since) if since.isascii() and since.isdigit() else 0
        self.log_after = query.get("log", [""])[0]
        self.said_end: str | None = None
        self.texts: dict[tuple[str, int, int], int] = {}  # characters sent of each attempt's text
        await super().connect()

    def refusal(self) -> int:
        """Who are you, is it there, is it yours."""
        if code := super().refusal():
            return code
        if not OrchestrationInstance.objects.filter(pk=self.run_id).exists():
            return NOT_THERE
        mine = access.visible(self.user, OrchestrationInstance).filter(pk=self.run_id).exists()
        return 0 if mine else NOT_YOURS

    def watches(self) -> list[str]:
        """The run's group."""
        return [live.run_group(self.run_id)]

    def within(self) -> dict[str, Any]:
        """This run's approvals."""
        return {"instance_id": self.run_id}

    async def follow(self) -> None:
        """First the log lines and texts that came before this socket, then the journal as it grows."""
        if self.log_after:
            lines = await database_sync_to_async(self._lines)()
            if lines:
                await self.frame({"type": "log", "lines": lines})
        for text in live.texts_of(self.run_id):
            await self.run_text(text)
        await super().follow()

    async def look(self) -> None:
        """Send the entries after the cursor, in as many frames as they need; say the end where it is one."""
        while True:
            events, status = await database_sync_to_async(self._news)()
            if not events:
                break
            self.sent, self.said_end = events[-1]["seq"], None
            await self.frame({"type": "events", "events": events})
        ended = status if status in ENDED else None
        if ended and ended != self.said_end:
            await self.frame({"type": "end", "status": ended})
        self.said_end = ended

    def _news(self) -> tuple[list[Message], str]:
        """Status first: an end that comes between the two reads is told next time, after its events."""
        run = OrchestrationInstance.objects.only("status").get(pk=self.run_id)
        return verbs.events(run, self.sent, EVENTS_PER_FRAME), run.status

    def _lines(self) -> list[Message]:
        run = OrchestrationInstance(pk=self.run_id)
        return [logs.line(row) for row in verbs.logs(run, since=self.log_after)]

    async def run_moved(self, message: Message) -> None:
        """The journal has grown."""
        if message["seq"] >= self.sent:  # equal: its status may have been written after we looked
            self.moved.set()

    async def run_log(self, message: Message) -> None:
        """Steps wrote to their logs."""
        await self.frame({"type": "log", "lines": message["lines"]})

    async def run_text(self, message: Message) -> None:
        """A step streams. What was sent is not sent again; a gap is filled from the text so far."""
        key = (message["step"], message["epoch"], message["attempt"])
        sent, offset, text = self.texts.get(key, 0), message["offset"], message["text"]
        if offset > sent:
            whole = live.text_so_far(self.run_id, message["step"])
            if whole is None or (whole["epoch"], whole["attempt"]) != key[1:]:
                return
            offset, text = 0, whole["text"]
        fresh = text[sent - offset :]
        if fresh:
            self.texts[key] = sent + len(fresh)
            where = dict(zip(("step", "epoch", "attempt"), key, strict=True))
            await self.frame({"type": "token", **where, "offset": sent, "text": fresh})


class InboxConsumer(Socket):
    """``/ws/inbox/``: ``{"type": "inbox", "count": n, "approvals": [...]}`` at first and at every change."""

    def watches(self) -> list[str]:
        """Everything by which this person is addressed."""
        return [live.inbox_group(who) for who in policies.listens_as(self.user)]

    async def look(self) -> None:
        """Send what waits now."""
        approvals = await database_sync_to_async(self._waiting)()
        await self.frame({"type": "inbox", "count": len(approvals), "approvals": approvals})

    def _waiting(self) -> list[Message]:
        rows = verbs.waiting_for(self.user).select_related("instance__orchestration")
        return [
            {
                "id": str(row.pk), "run": str(row.instance_id), "run_number": row.instance.number,
                "orchestration": row.instance.orchestration.slug, "step": row.step, "kind": row.kind,
                "message": row.message, "content_hash": row.content_hash,
                "requested_at": row.requested_at.isoformat(timespec="milliseconds"),
                "expires_at": row.expires_at.isoformat(timespec="milliseconds") if row.expires_at else None,
            }
            for row in rows
        ]  # fmt: skip

    async def inbox_moved(self, message: Message) -> None:
        """Something was asked or answered."""
        self.moved.set()


socket_urls = [
    path("ws/runs/<uuid:run_id>/", RunConsumer.as_asgi()),
    path("ws/inbox/", InboxConsumer.as_asgi()),
]
