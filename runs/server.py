"""What a server process does beside answering requests: it executes runs, and keeps those of others going."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from uuid import UUID

from django.conf import settings
from django.core import mail
from django.db import DatabaseError, close_old_connections

from orchestrator.errors import ProductError
from runs import gating, live, logs, recovery, workers
from runs.dispatch import Runtime, owner_of
from runs.executors.threads import ThreadExecutor
from runs.gatekeeper import Gatekeeper
from runs.mailer import mailer
from runs.pruner import pruner
from runs.recovery import Sweep
from runs.timers import Timers

log = logging.getLogger(__name__)
TICK_S = 0.5
STOP_S = 3.0  # for running steps to notice that this process ends


class RunServer:
    """A worker with its threads: steps, timers, logs, and one that looks after all runs.

    ``only`` keeps it to one run: a command that waits for a run executes that one, and leaves the rest.
    """

    def __init__(self, threads: int | None = None, only: UUID | None = None) -> None:
        self.row = workers.register()
        self.runtime = Runtime(self.row.name, self.row)
        self.executor = ThreadExecutor(
            self.runtime.execute, self.runtime.overdue, threads or settings.RUN_THREADS, owner_of
        )
        self.sweep = Sweep(self.runtime, only)
        self.timers = Timers(self.runtime, only)
        self.gatekeeper = Gatekeeper(self.runtime, only)
        self.chores = [mailer(), pruner()] if only is None else []
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="runs-keeper", daemon=True)
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin; what other processes have left undone is taken up at once."""
        logs.start()
        self.executor.start()
        self.runtime.on_timer = self.timers.wake
        self.runtime.on_bounded = self.gatekeeper.look
        gating.refresh()
        self.runtime.attach(self.executor)
        self._heart.start()
        self._keeper.start()
        self.timers.start()
        self.gatekeeper.start()
        for chore in self.chores:
            chore.start()

    def stop(self) -> None:
        """End cleanly: running steps are interrupted, and any worker may start them again at once."""
        if self._ended.is_set():
            return
        self._ended.set()
        self.runtime.stopping = True
        self.timers.stop()
        self.gatekeeper.stop()
        for chore in self.chores:
            chore.stop()
        self._keeper.join(5)
        self.executor.stop(STOP_S)
        self._give_back()
        self.runtime.detach()
        logs.stop()
        workers.retire(self.row)
        close_old_connections()

    def _give_back(self) -> None:
        """Say of what is still journaled as running here that it will not end here."""
        for run_id in recovery.runs_of(self.row.name):
            for assignment in recovery.started_by(run_id, self.row.name):
                try:
                    self.runtime.act(run_id, recovery.interrupt(assignment, self.row.name))
                except ProductError as error:
                    log.info("Run %s went on elsewhere: %s", run_id, error.message)

    def _keep(self) -> None:
        look = self.sweep.first
        watch = live.Poll()
        while not self._ended.is_set():
            try:
                look()
                look = self.sweep.again
                self.runtime.look_up()
                watch.look()
            except Exception:  # whatever it is (the database may be away), the next look may succeed
                log.exception("Looking after runs failed; trying again")
            finally:
                close_old_connections()
            self._ended.wait(TICK_S)

    def _beat(self) -> None:
        """The heartbeat has a thread of its own: a long look must not make this process seem gone."""
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                workers.beat(self.row)
            except Exception:
                log.exception("The heartbeat failed; trying again")
            finally:
                close_old_connections()
            self._ended.wait(max(0.1, workers.BEAT_S - (time.monotonic() - began)))


_begun = threading.Event()
_lock = threading.Lock()


def serve_runs() -> None:
    """Serve runs in this process from now on, once; called where the ASGI application is made.

    Not under Django's test environment: tests start a ``RunServer`` of their own where they need one.
    """
    with _lock:
        if _begun.is_set() or hasattr(mail, "outbox"):
            return
        _begun.set()
    threading.Thread(target=_begin, name="runs-start", daemon=True).start()


def _begin() -> None:
    """Start as soon as the database can be used; the web server answers meanwhile, and health says so."""
    while True:
        try:
            server = RunServer()
            break
        except DatabaseError as error:
            log.warning("Runs are not served yet: %s", error)
            time.sleep(1)
    server.start()
    atexit.register(server.stop)
    _resume_indexing()


def _resume_indexing() -> None:
    from knowledge.ingest import resume_pending

    resume_pending()
