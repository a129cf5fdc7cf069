"""The product as compose.yaml runs it, without containers: the same files, settings, secrets and commands.

What an image would hold is copied as .dockerignore says. MongoDB is a replica set with accounts and a key
file, Chroma and Redis are servers of their own.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests import mongod
from tests.acceptance.runs.conftest import ROOT, Outside, Server, free_port, until

PASSWORD = "correct horse battery staple"
HOST = "flows.example.org"


class Web(Server):
    """One server process, reached as its TLS proxy would reach it."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.port = free_port()
        self.log = stack.folder / f"{name}.log"
        self.process = stack.begin(
            self.log, *stack.python("web", "--host", "127.0.0.1", "--port", str(self.port))
        )
        self.token = ""

    def _headers(self) -> dict[str, str]:
        return {
            **super()._headers(),
            "Host": HOST,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "192.0.2.7",
        }


class Stack:
    """The services of compose.yaml as processes on this machine."""

    def __init__(self, folder: Path, outside: Outside) -> None:
        self.folder = folder
        self.began = time.monotonic()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.ports = {name: free_port() for name in ("mongo", "redis", "chroma")}
        self.app = _image(folder / "app")
        subprocess.run(
            [ROOT / "docker/secrets.sh", folder / "secrets"], check=True, stdout=subprocess.DEVNULL
        )
        self.env = self._environment(
            {"HTTP_ALLOW": outside.address, "PUBLIC_URL": f"https://{HOST}", "ALLOWED_HOSTS": HOST}
        )

    def say(self, line: str) -> None:
        """For the transcript: ``pytest -s``."""
        print(f"{time.monotonic() - self.began:6.1f} s  {line}", flush=True)

    def secret(self, name: str) -> str:
        """The text of a secret."""
        return (self.folder / "secrets" / name).read_text().strip()

    def _environment(self, given: dict[str, str]) -> dict[str, str]:
        """compose.yaml's, with the image's own; hosts and folders are this machine's."""
        compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
        env = {"PATH": os.environ["PATH"], "DATA_DIR": str(self.folder / "data"), "STATIC_ROOT": str(self.folder / "static"),
               "RUN_THREADS": "4", "TOKENIZERS_PARALLELISM": "false"}  # fmt: skip
        for name, value in compose["x-product"]["environment"].items():
            text = re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda m: given.get(m[1], m[2] or ""), str(value))
            for service, own in (("mongo", 27017), ("redis", 6379), ("chroma", 8000)):
                text = text.replace(f"{service}:{own}", f"127.0.0.1:{self.ports[service]}")
            env[name] = text.replace("/run/secrets", str(self.folder / "secrets"))
        return env

    def python(self, *arguments: str) -> list[str]:
        """The image's entry point with a command."""
        return [sys.executable, "manage.py", *arguments]

    def begin(self, log: Path, *command: str) -> subprocess.Popen[bytes]:
        """Start a process that ends with the stack."""
        with log.open("ab") as out:
            started = subprocess.Popen(command, cwd=self.app, env=self.env, stdout=out, stderr=out)
        self.processes.append(started)
        return started

    def manage(self, *arguments: str, **options: Any) -> str:
        """Run a command to its end, in this process (another would take seconds); returns what it said."""
        said = io.StringIO()
        given = {"DATABASE_URL": self.env["DATABASE_URL"], "DATABASE_PASSWORD": self.secret("mongo_password"),
                 "STATIC_ROOT": self.env["STATIC_ROOT"]}  # fmt: skip
        with override_settings(**given):
            call_command(*arguments, stdout=said, **options)
        return said.getvalue().strip()

    def make_superadmin(self) -> None:
        """As ``createsuperuser`` does."""
        url, password = self.env["DATABASE_URL"], self.secret("mongo_password")
        database = {
            **settings.DATABASES["default"],
            "HOST": url,
            "NAME": "orchestrator",
            "PASSWORD": password,
        }
        connections.databases["production"] = database
        with patch.dict(os.environ, DJANGO_SUPERUSER_PASSWORD=PASSWORD):
            call_command(
                "createsuperuser",
                interactive=False,
                username="sue",
                email="sue@example.org",
                database="production",
                stdout=io.StringIO(),
            )
        connections["production"].close_pool()
        del connections.databases["production"]

    def start_services(self) -> None:
        """Redis and Chroma, and a MongoDB that nobody has initiated."""
        self.begin(self.folder / "redis.log", "redis-server", "--port", str(self.ports["redis"]), "--save", "",
                   "--bind", "127.0.0.1", "--dir", str(self.folder))  # fmt: skip
        chroma = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(self.folder / "chroma")]
        self.begin(
            self.folder / "chroma.log", *chroma, "--host", "127.0.0.1", "--port", str(self.ports["chroma"])
        )
        self._mongod_with_an_account()
        key = self.folder / "keyfile"
        shutil.copy(self.folder / "secrets" / "mongo_keyfile", key)
        key.chmod(0o400)
        self._mongod("--replSet", "rs0", "--keyFile", str(key))

    def _mongod(self, *more: str) -> subprocess.Popen[bytes]:
        folder = self.folder / "mongo"
        folder.mkdir(exist_ok=True)
        return self.begin(
            self.folder / "mongod.log", mongod.binary(), "--dbpath", str(folder), "--port", str(self.ports["mongo"]),
            "--bind_ip", "127.0.0.1", "--wiredTigerCacheSizeGB", "0.25", "--nounixsocket",
            "--setParameter", "diagnosticDataCollectionEnabled=false", *more,
        )  # fmt: skip

    def _mongod_with_an_account(self) -> None:
        """What the image of MongoDB does at its first start: make the account, then start again."""
        first = self._mongod()
        account: dict[str, Any] = {"pwd": self.secret("mongo_password"), "roles": ["root"]}
        client: MongoClient[Any] = MongoClient("127.0.0.1", self.ports["mongo"], serverSelectionTimeoutMS=500)

        def made() -> bool:
            try:
                client.admin.command("createUser", "orchestrator", **account)
            except PyMongoError:
                return False
            return True

        with client:
            until(made)
        first.terminate()
        first.wait(20)

    def serve(self, name: str) -> Web:
        """One more server process."""
        return Web(self, name)

    def stop(self) -> None:
        """End everything."""
        for process in reversed(self.processes):
            process.kill()
        for process in self.processes:
            process.wait(20)


def _image(app: Path) -> Path:
    """The files that .dockerignore lets into the image."""
    app.mkdir()
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            for found in ROOT.glob(line[1:].rstrip("/")):
                if found.is_dir():
                    shutil.copytree(found, app / found.name, ignore=shutil.ignore_patterns("secrets"))
                else:
                    shutil.copy(found, app)
    return app


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All services, two server processes on an empty database, and the first SuperAdmin."""
    if shutil.which("redis-server") is None:
        missing = "This test needs the system package 'redis-server'."
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    outside = Outside()
    made = Stack(tmp_path_factory.mktemp("production"), outside)
    made.outside = outside
    try:
        yield made
    finally:
        made.stop()
        outside.stop()


def frames(
    socket: Any, enough: Callable[[dict[str, Any]], bool], timeout_s: float = 40
) -> list[dict[str, Any]]:
    """Read a socket up to the first frame that is ``enough``; returns all of them."""
    found: list[dict[str, Any]] = []
    while not found or not enough(found[-1]):
        found.append(json.loads(socket.recv(timeout=timeout_s)))
    return found
