from __future__ import annotations

import io
import json
import sys

import pytest
from django.core.management import CommandError, call_command

from builder.models import Orchestration


def run(*arguments):
    out = io.StringIO()
    call_command("import_orchestration", *arguments, stdout=out)
    return out.getvalue().strip()


@pytest.fixture
def file(tmp_path, chain):
    """A document on disk."""
    path = tmp_path / "parcel.json"
    path.write_text(json.dumps(chain))
    return path


def test_a_file_becomes_an_orchestration_of_the_superadmin(superadmin, file):
    assert run(str(file)) == "parcel"
    made = Orchestration.objects.get()
    assert (made.created_by, made.published_number) == (superadmin, 0)


def test_a_yaml_file_is_published_for_its_owner(admin, tmp_path):
    path = tmp_path / "wait.yml"
    path.write_text("name: Wait\nsteps: [{key: a, type: delay, config: {seconds: 1}}]\n")
    assert run(str(path), "--publish", "--owner", "ada") == "wait"
    made = Orchestration.objects.get()
    assert (made.created_by, made.published_number) == (admin, 1)


def test_a_document_is_read_from_stdin(superadmin, file, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    assert run("-") == "parcel"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", "{", "not JSON"),
        ("a.txt", "{}", "application/json or application/yaml"),
        ("a.yaml", "name: x", "no step yet"),
        ("a.json", None, "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_imported_is_said_in_one_sentence(superadmin, tmp_path, name, text, says):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(CommandError, match=says):
        run(str(path), "--publish")
    assert not Orchestration.objects.exists()


def test_an_owner_must_exist(db, file):
    with pytest.raises(CommandError, match="no user nobody"):
        run(str(file), "--owner", "nobody")
    with pytest.raises(CommandError, match="no SuperAdmin yet"):
        run(str(file))
