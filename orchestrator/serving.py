"""Answering requests until a signal says stop, and then ending for sure."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading

from daphne.cli import CommandLineInterface
from twisted.internet import reactor  # the one that daphne has installed

GRACE_S = 3.0  # for requests under way; with the steps' time to stop, less than the 10 s that containers get

_ending = threading.Lock()


def serve(host: str, port: int) -> None:
    """Become daphne; on SIGTERM or SIGINT exit handlers run, and the process ends whatever is under way.

    daphne waits for requests whose threads cannot be stopped, and one that comes back when the event loop is
    gone waits for that loop for ever (asgiref's AsyncToSync). Python's own exit would join its thread before
    it calls any exit handler: the process would hang, and the steps that it runs would not be given back.
    """
    reactor.addSystemEventTrigger("before", "shutdown", _end_soon)  # type: ignore[arg-type]
    CommandLineInterface().run(["-b", host, "-p", str(port), "-v", "0", "orchestrator.asgi:application"])
    _end()


def _end_soon() -> None:
    timer = threading.Timer(GRACE_S, _end)
    timer.daemon = True
    timer.start()


def _end() -> None:
    _ending.acquire()  # for good: who comes second waits here for the end
    atexit._run_exitfuncs()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)
