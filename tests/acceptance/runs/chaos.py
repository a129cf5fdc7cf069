"""Servers on one database, killed at random under runs with approvals, maps, calls and rollbacks; and the account.

Clients do as clients should: a call whose server died is made again at another one, with the same
``Idempotency-Key``. What was answered must be in the journals, and nothing twice.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from random import Random
from typing import Any
from urllib.error import HTTPError, URLError
from uuid import uuid4

from tests.acceptance.runs.conftest import Place, Server, until

SERVERS = 3
AWAY = (URLError, HTTPException, OSError)  # no server there, or it died while it answered
LATER = (429, 502, 503)
ANSWERED = 409  # by the same call, whose server died before it could say so; or the run was rolled back
TOLD = ("step_completed", "item_completed", "step_interrupted", "item_interrupted", "step_compensated")
SETTLE_S = 240  # after the last kill; on a busy machine
ITEMS = 6
UNDONE = 5  # every so many-th run is rolled back when it has completed


def document(outside: str) -> dict[str, Any]:
    """A chain of a call, a map, a question, three calls side by side, a nap, and a join of all."""

    def call(key: str, **more: Any) -> dict[str, Any]:
        url = f"http://{outside}/now/{key}"
        return {"key": key, "type": "http", "config": {"method": "POST", "url": url, "json": {}}, **more}

    undo = {"type": "http", "config": {"method": "POST", "url": f"http://{outside}/undo", "json": {}}}
    item = {"method": "POST", "url": f"http://{outside}/slow/{{{{ item }}}}", "json": {}}
    steps = [
        call("pay", compensate=undo),
        {"key": "each", "type": "map",
         "config": {"items": "{{ input.items }}", "concurrency": 3, "step": {"type": "http", "config": item}}},
        {"key": "ask", "type": "approval", "config": {"message": "Go on?", "role": "superadmin"}},
        *[call(key) for key in ("one", "two", "three")],
        {"key": "nap", "type": "delay", "config": {"seconds": 0.3}},
        {"key": "join", "type": "transform", "join": "all",
         "config": {"output": ["{{ run.id }}", "{{ steps.each.output.results | length }}"]}},
    ]  # fmt: skip
    edges = [{"source": "pay", "target": "each"}, {"source": "each", "target": "ask"}]
    for key in ("one", "two", "three", "nap"):
        edges.append({"source": "ask", "target": key, "port": "approved"})
        edges.append({"source": key, "target": "join"})
    return {"schema": 1, "name": "Chaos", "input": {"type": "object"}, "steps": steps, "edges": edges}


class Fleet:
    """The servers, and a client of any of them."""

    def __init__(self, place: Place, random: Random) -> None:
        self.place, self.random = place, random
        self.servers = [place.serve() for _ in range(SERVERS)]
        self.kills = self.repeated = 0
        self.token = self.servers[0].ready().sign_in().token

    @contextmanager
    def dying(self, seconds: float, every_s: float) -> Iterator[None]:
        """Servers die for so long, whatever the clients do meanwhile."""
        began, over = time.monotonic(), threading.Event()

        def kill() -> None:
            while not over.wait(every_s * self.random.uniform(0.5, 1.5)):
                if time.monotonic() > began + seconds:
                    return
                self._kill_one()

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            yield
            killer.join(seconds + SETTLE_S)
        finally:
            over.set()
            killer.join(SETTLE_S)

    def _kill_one(self) -> None:
        """kill -9, whatever it is doing; another one takes its place."""
        victim = self.random.choice(self.servers)
        victim.kill()
        self.place.servers.remove(victim)
        self.servers[self.servers.index(victim)] = self.place.serve()
        self.kills += 1

    def get(self, path: str) -> Any:
        return self._any(lambda server: server.get(path))

    def post(self, path: str, body: Any) -> Any:
        key = str(uuid4())
        return self._any(lambda server: server.post(path, body, key=key))

    def _any(self, call: Any) -> Any:
        return until(lambda: self._try(call), SETTLE_S)[0]

    def _try(self, call: Any) -> tuple[Any] | None:
        server: Server = self.random.choice(self.servers)
        server.token = self.token
        try:
            return (call(server),)
        except HTTPError as error:
            if error.code not in LATER and "in_progress" not in "".join(error.__notes__):
                raise
        except AWAY:
            self.repeated += 1
        return None


class Chaos:
    """Runs that are started, answered and taken back while servers die; then the account."""

    def __init__(self, fleet: Fleet, flow: str, random: Random) -> None:
        self.fleet, self.flow, self.random = fleet, flow, random
        self.runs: list[str] = []
        self.decided: dict[str, str] = {}  # approval -> run; the server has said so
        self.taken_back: list[str] = []
        self.counts: Counter[str] = Counter()

    def live(self, seconds: float, runs: int, kill_every_s: float) -> None:
        """Start ``runs`` runs within ``seconds``, and kill all the while."""
        began = time.monotonic()
        with self.fleet.dying(seconds, kill_every_s):
            while (now := time.monotonic()) < began + seconds or len(self.runs) < runs:
                if len(self.runs) < min(runs, 1 + runs * (now - began) / seconds):
                    self.start()
                self.answer(2)
        until(self.has_ended, SETTLE_S)

    def start(self) -> None:
        body = {"input": {"items": list(range(ITEMS))}}
        made = self.fleet.post(f"/api/v1/orchestrations/{self.flow}/runs/", body)
        assert made["id"] not in self.runs, "the same key gives the same run, another one another"
        self.runs.append(made["id"])

    def answer(self, most: int) -> None:
        """A person answers some open questions."""
        for row in self.fleet.get("/api/v1/approvals/?status=pending")["results"][:most]:
            try:
                self.fleet.post(f"/api/v1/approvals/{row['id']}/decide/", {"decision": "approve"})
                self.decided[row["id"]] = row["run"]
            except HTTPError as error:
                if error.code != ANSWERED:
                    raise

    def has_ended(self) -> bool:
        """Answer what is asked; take some runs back once; whether all have completed."""
        self.answer(50)
        rows = self.fleet.get("/api/v1/runs/?page_size=100")["results"]
        status = {row["id"]: row["status"] for row in rows}
        assert set(status) == set(self.runs), "a run that was answered is there, and no other one"
        assert set(status.values()) <= {"PENDING", "RUNNING", "WAITING", "ROLLING_BACK", "COMPLETED"}, status
        ended = [run for run in self.runs if status[run] == "COMPLETED"]
        back = [run for run in self.runs[::UNDONE] if run in ended and run not in self.taken_back]
        for run in back:
            self.taken_back.append(run)
            self.fleet.post(f"/api/v1/runs/{run}/rollback/", {"to": "pay", "reason": "Once more."})
        return len(ended) == len(self.runs) and not back

    def account(self) -> dict[str, int]:
        """Hold the journals to what must be; returns what was counted."""
        decided: set[str] = set()
        for run in self.runs:
            events = self.fleet.get(f"/api/v1/runs/{run}/events/")
            self._nothing_lost(run, events)
            self._nothing_twice(events)
            decided |= {e["data"]["approval"] for e in events if e["kind"] == "approval_decided"}
        assert decided >= set(self.decided), "an answer that was taken is in the journal"
        return {
            "kills": self.fleet.kills,
            "calls made again": self.fleet.repeated,
            "runs": len(self.runs),
            "rolled back": len(self.taken_back),
            "decided": len(decided),
            **self.counts,
        }

    def calls(self) -> dict[str, set[str]]:
        """The keys of the calls that must have been made outside, by the first part of their address."""
        made = [(run, epoch) for run in self.runs for epoch in range(1, 3 if run in self.taken_back else 2)]
        return {
            "now": {
                f"{run}:{key}:{epoch}:0" for run, epoch in made for key in ("pay", "one", "two", "three")
            },
            "slow": {f"{run}:each[{item}]:{epoch}:0" for run, epoch in made for item in range(ITEMS)},
            "undo": {f"{run}:pay:1:0:undo" for run in self.taken_back},
        }

    def _nothing_lost(self, run: str, events: list[dict[str, Any]]) -> None:
        seqs = sorted({event["seq"] for event in events})
        assert seqs == list(range(1, len(seqs) + 1)), "gapless"
        shown = self.fleet.get(f"/api/v1/runs/{run}/")
        assert shown["output"] == {"join": [run, ITEMS]}
        epoch = 2 if run in self.taken_back else 1
        rows = {step["key"]: (step["status"], step["epoch"]) for step in shown["steps"]}
        assert set(rows.values()) == {("COMPLETED", epoch)}, "the rows say what the journal says"
        ends = {(e["step"], e["epoch"]) for e in events if e["kind"] == "step_completed"}
        assert ends == {(key, one) for key in rows for one in range(1, epoch + 1)}
        undone = [(e["step"], e["epoch"]) for e in events if e["kind"] == "step_compensated"]
        assert undone == [("pay", 1)] * (epoch - 1), "what a rollback owes is undone, and nothing else is"
        self.counts.update(entries=len(seqs), events=len(events))

    def _nothing_twice(self, events: list[dict[str, Any]]) -> None:
        once: Counter[str] = Counter()
        for event in events:
            at = event.get("step"), event.get("epoch")
            if event["kind"] in TOLD:
                self.counts[event["kind"]] += 1
            if event["kind"] in ("step_completed", "step_compensated", "approval_decided"):
                once[json.dumps([event["kind"], *at])] += 1
            elif event["kind"] == "item_completed":
                once.update(json.dumps(["item", *at, each["index"]]) for each in event["data"]["items"])
        doubled = [what for what, times in once.items() if times > 1]
        assert not doubled, f"completed twice: {doubled}"
        self.counts["completed once"] += len(once)
