"""The strict policy for content comes with every page, error and answer of REST: our own files, nothing inline."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db


def directives(answer):
    """``default-src 'self'; object-src 'none'`` -> what each directive allows."""
    parts = (part.split() for part in answer["Content-Security-Policy"].split(";"))
    return {name: set(allowed) for name, *allowed in parts}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/login/", 200),
        ("/", 200),
        ("/admin/", 200),
        ("/api/v1/runs/", 200),
        ("/api/v1/docs/", 200),
        ("/runs/3fa85f64-5717-4562-b3fc-2c963f66afa6/", 404),
        ("/nowhere/", 404),
        ("/api/v1/runs/3fa85f64-5717-4562-b3fc-2c963f66afa6/", 404),
    ],
)
def test_a_page_loads_our_own_files_only_and_runs_nothing_inline(client, superadmin, address, status):
    if address != "/login/":
        client.force_login(superadmin)
    answer = client.get(address)
    assert answer.status_code == status
    allowed = directives(answer)
    assert allowed["default-src"] == {"'self'"}
    assert "script-src" not in allowed, "scripts: what default-src says"
    assert "style-src" not in allowed
    assert allowed["object-src"] == allowed["base-uri"] == allowed["frame-ancestors"] == {"'none'"}
    assert allowed["form-action"] == {"'self'"}
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*"} & set().union(*allowed.values())
