"""What the Dockerfile and compose.yaml promise. `make check` lints them; here is what no linter knows."""

from __future__ import annotations

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]


def stages():
    """The instructions of each stage, a list of (name, rest)."""
    text = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    starts = [number for number, (name, _) in enumerate(lines) if name == "FROM"] + [len(lines)]
    return [lines[one:other] for one, other in pairwise(starts)]


def test_the_image_is_made_in_stages_and_runs_as_nobody_in_particular():
    *_, last = stages()
    assert len(stages()) > 1
    names = [name for name, _ in last]
    (user,) = [rest for name, rest in last if name == "USER"]
    assert user == "10001:10001", "by number, so that an orchestrator can see that it is not root"
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "HEALTHCHECK" in names


def test_the_last_stage_has_neither_compiler_nor_installer():
    *_, last = stages()
    assert all("slim" in rest for name, rest in last if name == "FROM")
    runs = " ".join(rest for name, rest in last if name == "RUN")
    assert not re.search(r"apt|gcc|build-essential|\bpip\b|\buv\b", runs)


def test_everything_is_installed_by_hash_and_no_secret_is_built_in():
    installs = [part for stage in stages() for name, rest in stage if name == "RUN"
                for part in re.split(r"&&|;", rest) if "pip install" in part]  # fmt: skip
    assert len(installs) == 4
    assert all("--require-hashes" in part for part in installs)
    assert "docker/secrets/" in (ROOT / ".dockerignore").read_text()
    assert not re.search(r"^(ENV|ARG).*(SECRET|PASSWORD|API_KEY)", DOCKERFILE, re.MULTILINE)


def test_what_the_image_lacks_is_not_in_what_is_copied_into_it():
    allowed = {
        line[1:].rstrip("/")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert {
        "agents",
        "builder",
        "knowledge",
        "orchestrator",
        "runs",
        "steps",
        "static",
        "templates",
        "manage.py",
    } <= allowed
    assert not allowed & {"tests", "docs", ".git", ".env", "var"}


def test_every_service_has_a_pinned_image_and_only_the_proxy_is_reached_from_outside():
    for name, service in SERVICES.items():
        image = service["image"]
        assert ":" in image, image
        assert not image.endswith(":latest"), image
        assert ("ports" in service) == (name == "proxy")
        assert service["networks"] == (["outside"] if name == "proxy" else service["networks"])
    assert all(SERVICES[name]["networks"] == ["inside"] for name in ("mongo", "redis", "chroma", "database"))
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_chromas_server_is_as_old_as_its_client():
    client = re.search(r"^chromadb==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[1]
    assert SERVICES["chroma"]["image"] == f"chromadb/chroma:{client}"


def test_secrets_come_from_files_and_what_is_kept_lies_in_named_volumes():
    settings = SERVICES["web"]["environment"]
    for name in ("SECRET_KEY", "DATABASE_PASSWORD"):
        assert name not in settings
        assert settings[f"{name}_FILE"].startswith("/run/secrets/")
    for service in SERVICES.values():
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or source == "./docker/Caddyfile"
    assert "--replSet" in SERVICES["mongo"]["entrypoint"][-1]


def test_compose_names_only_settings_that_exist():
    read = (ROOT / "orchestrator/settings.py").read_text()
    for name in SERVICES["web"]["environment"]:
        assert f'"{name.removesuffix("_FILE")}"' in read, name


@pytest.fixture
def secrets(tmp_path):
    def make():
        return subprocess.run(
            [ROOT / "docker/secrets.sh", tmp_path / "s"], check=True, capture_output=True, text=True
        ).stdout

    return make


def test_secrets_are_made_once_and_kept_from_others(secrets, tmp_path):
    secrets()
    made = {file.name: file.read_text() for file in (tmp_path / "s").iterdir()}
    assert sorted(made) == ["mongo_keyfile", "mongo_password", "secret_key"]
    assert len(made["secret_key"]) >= 50
    assert re.fullmatch(r"[\w-]{40,}", made["mongo_password"])
    assert 6 <= len(made["mongo_keyfile"]) <= 1024, "MongoDB's limits"
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700
    assert secrets().count("it stays") == 3
    assert {file.name: file.read_text() for file in (tmp_path / "s").iterdir()} == made
