"""The settings: read from the environment or from files, each named in the documentation."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def load(folder, show="", **environment):
    """A process that reads the settings, and prints one of them."""
    code = f"from orchestrator import settings as s; print({show or '0'})"
    given = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), **environment}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=given, capture_output=True, text=True, check=False
    )


def test_a_secret_may_come_from_a_file_and_stays_out_of_the_environment(tmp_path):
    file = tmp_path / "secret"
    file.write_text("$ecret with a dollar\n")
    show = "[s.SECRET_KEY, s.DATABASES['default']['PASSWORD'], 'SECRET_KEY' in s.os.environ]"
    url = "mongodb://orchestrator@mongo/x?replicaSet=rs0"
    said = load(tmp_path, show, SECRET_KEY_FILE=str(file), DATABASE_PASSWORD_FILE=str(file), DATABASE_URL=url)
    assert said.stdout.strip() == "['$ecret with a dollar', '$ecret with a dollar', False]", said.stderr


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"SECRET_KEY_FILE": "/not/there"}, "The setting SECRET_KEY_FILE cannot be used: it names '/not/there', which"
         " cannot be read: No such file or directory."),
        ({"SECRET_KEY_FILE": "/etc/hostname", "SECRET_KEY": "x"}, "The setting SECRET_KEY cannot be used: it is also given"
         " by SECRET_KEY_FILE; set one of the two."),
        ({"RUN_THREADS": "many"}, "The setting RUN_THREADS cannot be used: it must be a valid int."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_stops_the_start_with_one_sentence(tmp_path, given, sentence):
    said = load(tmp_path, **given)
    assert (said.returncode, said.stderr.strip()) == (2, sentence)


def test_every_setting_is_in_the_documentation_and_nothing_else():
    tree = ast.parse((ROOT / "orchestrator/settings.py").read_text())
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    read = {
        call.args[0].value
        for call in calls
        if call.func.id in ("read", "choice") and isinstance(call.args[0], ast.Constant)
    }
    section = (ROOT / "docs/operations.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `([A-Z_]+)` \|", section, re.MULTILINE)
    assert sorted(told) == sorted(read)


def test_production_passes_djangos_own_checks_for_deployment(tmp_path):
    given = {
        "PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "SECRET_KEY": os.urandom(32).hex(),
        "PUBLIC_URL": "https://flows.example.org", "ALLOWED_HOSTS": "flows.example.org",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env=given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("url", "secure"), [("https://flows.example.org", True), ("http://127.0.0.1:8000", False)]
)
def test_https_in_the_public_address_switches_on_what_belongs_to_it(tmp_path, url, secure):
    show = "[s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS > 0]"
    assert load(tmp_path, show, PUBLIC_URL=url).stdout.strip() == str([secure] * 4)
