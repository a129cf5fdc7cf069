"""A real mongod for the test run: a replica set of one, in a temporary folder, on a free port."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

START_S = 60


def binary() -> str:
    """The mongod of the wheel, else the one on PATH; raises FileNotFoundError that says what to install."""
    wheel = Path(sysconfig.get_path("purelib")) / "fiftyone" / "db" / "bin" / "mongod"
    found = str(wheel) if wheel.exists() else shutil.which("mongod")
    if not found:
        raise FileNotFoundError("No mongod: run `make env`, which installs requirements-mongod.txt.")
    return found


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running() -> Iterator[str]:
    """Start mongod; yields its address ``mongodb://127.0.0.1:port/{name}?replicaSet=rs0``, stops it after."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="orchestrator-mongod-") as folder:
        server = subprocess.Popen(
            [binary(), "--dbpath", folder, "--port", str(port), "--bind_ip", "127.0.0.1", "--replSet", "rs0",
             "--wiredTigerCacheSizeGB", "0.5", "--setParameter", "diagnosticDataCollectionEnabled=false",
             "--logpath", f"{folder}/log", "--nounixsocket"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _become_primary(port, server, Path(folder) / "log")
            yield f"mongodb://127.0.0.1:{port}/{{name}}?replicaSet=rs0"
        finally:
            server.kill()  # the data is thrown away, so there is nothing to flush
            server.wait()


def _become_primary(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until mongod answers, start its replica set, wait until it may be written to."""
    give_up = time.monotonic() + START_S
    initiated = False
    client: MongoClient[Any] = MongoClient(
        f"mongodb://127.0.0.1:{port}/?directConnection=true", serverSelectionTimeoutMS=500
    )
    with client:
        while time.monotonic() < give_up:
            if server.poll() is not None:
                raise RuntimeError(f"mongod ended with {server.returncode}:\n{log.read_text()[-2000:]}")
            try:
                if not initiated:
                    members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
                    client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
                    initiated = True
                if client.admin.command("hello").get("isWritablePrimary"):
                    return
            except PyMongoError:
                continue  # not listening yet; the client itself waits 500 ms
            time.sleep(0.02)
    raise TimeoutError(f"mongod did not become primary within {START_S} s:\n{log.read_text()[-2000:]}")
