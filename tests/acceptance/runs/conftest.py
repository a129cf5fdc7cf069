"""Real processes: servers that can be killed, commands, and a service outside that they call."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "correct horse battery staple"


def until(condition: Callable[[], Any], timeout_s: float = 40) -> Any:
    """Wait for a condition; returns what it gave."""
    give_up = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < give_up, "It did not happen in time."
        time.sleep(0.02)
    return found


class Outside:
    """A service on the loopback interface: ``/now`` answers at once, ``/slow`` soon, ``/hold`` when let go."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.keys: dict[str, list[str]] = {}
        self.gate = threading.Event()
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outside.calls[self.path] += 1
                outside.keys.setdefault(self.path, []).append(self.headers.get("Idempotency-Key", ""))
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.path.startswith("/hold"):
                    outside.gate.wait(60)
                elif self.path.startswith("/slow"):
                    time.sleep(0.1)
                body = json.dumps({"path": self.path}).encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the caller was killed meanwhile

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        self.calls.clear()
        self.keys.clear()
        self.gate.clear()

    def stop(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


class Server:
    """A server process, as production starts it."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "web", "--host", "127.0.0.1", "--port", str(self.port)],
                cwd=ROOT, env={**env, "PORT": str(self.port)}, stdout=out, stderr=out,
            )  # fmt: skip
        self.token = ""

    def ready(self) -> Server:
        until(self._answers, 60)
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return self.get("/health/ready")["status"] == "ready"
        except (URLError, ConnectionError, HTTPError):
            return False

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """As an operator would."""
        self.process.terminate()
        self.process.wait(20)

    def get(self, path: str) -> Any:
        return self._call(Request(self._url(path), headers=self._headers()))

    def post(self, path: str, body: Any, key: str = "") -> Any:
        headers = {"Content-Type": "application/json", **self._headers()}
        headers |= {"Idempotency-Key": key} if key else {}
        return self._call(Request(self._url(path), json.dumps(body).encode(), headers, method="POST"))

    def publish(self, document: dict[str, Any]) -> Any:
        """Import and publish; in a process that is there already, which a command would first have to be."""
        return self.post("/api/v1/orchestrations/import/?publish=1", document)

    def sign_in(self) -> Server:
        said = self.post("/api/v1/auth/token/", {"username": "sue", "password": PASSWORD})
        self.token = said["access"]
        return self

    def run(self, run_id: str) -> Any:
        return self.get(f"/api/v1/runs/{run_id}/")

    def runs_of(self, slug: str) -> Any:
        return self.get(f"/api/v1/runs/?orchestration={slug}")["results"]

    def kinds(self, run_id: str, step: str | None = None) -> list[str]:
        events = self.get(f"/api/v1/runs/{run_id}/events/")
        return [event["kind"] for event in events if step is None or event.get("step") == step]

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def _call(self, request: Request) -> Any:
        try:
            with urlopen(request, timeout=10) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            error.add_note(error.read().decode(errors="replace")[:2000])
            raise


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Place:
    """A database and a data folder of their own, and the processes that use them."""

    def __init__(self, folder: Path, database: str, outside: Outside) -> None:
        self.folder = folder
        self.servers: list[Server] = []
        self.env = {
            **os.environ, "DATA_DIR": str(folder), "DATABASE_URL": database, "HTTP_ALLOW": outside.address,
            "ALLOWED_HOSTS": "127.0.0.1", "RUN_THREADS": "4",
        }  # fmt: skip
        self.env.pop("PUBLIC_URL", None)
        self.manage("migrate", "--verbosity", "0")
        self.manage(
            "createsuperuser", "--noinput", "--username", "sue", "--email", "sue@example.org",
            DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        )  # fmt: skip

    def manage(self, *args: str, **env: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *args], cwd=ROOT, env={**self.env, **env}, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip()

    def serve(self) -> Server:
        """A server that does not answer yet."""
        server = Server(self.env, self.folder / "server.log")
        self.servers.append(server)
        return server

    def stop(self) -> None:
        for server in self.servers:
            if server.process.poll() is None:
                server.kill()
        self.servers.clear()


@pytest.fixture(scope="module")
def service() -> Iterator[Outside]:
    """The service that http steps call, for a whole module: its address is in the servers' settings."""
    made = Outside()
    yield made
    made.stop()


@pytest.fixture
def outside(service: Outside) -> Iterator[Outside]:
    """That service, knowing of no call, and holding what it is asked to hold."""
    service.reset()
    yield service
    service.gate.set()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, service: Outside) -> Place:
    """A migrated database with a SuperAdmin ``sue``, for a whole module: making one takes seconds."""
    database = os.environ["TEST_DATABASES"].format(name=f"own_{uuid4().hex[:12]}")
    return Place(tmp_path_factory.mktemp("place"), database, service)


@pytest.fixture
def place(home: Place) -> Iterator[Place]:
    """That database without servers."""
    yield home
    home.stop()
