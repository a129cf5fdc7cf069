"""HTTP_ALLOW is read at the start; what cannot be read stops it with a sentence."""

from __future__ import annotations

import pytest

from orchestrator.settings import _places
from steps.outbound import allowed

GOOD = [
    "erp.local",
    "erp.local:8080",
    "10.1.2.3",
    "10.1.2.3:80",
    "10.0.0.0/8",
    "fd00::/8",
    "::1",
    "[::1]",
    "[::1]:80",
]


@pytest.mark.parametrize("entry", GOOD)
def test_an_entry_that_can_be_read_is_kept_and_understood(entry):
    assert _places([entry]) == [entry]
    assert allowed(entry)


@pytest.mark.parametrize(
    "entry", ["10.0.0.0/99", "erp local", "erp:port", "http://erp.local", "a:1:2:z", "erp.local/path"]
)
def test_an_entry_that_cannot_be_read_stops_the_start(entry, capsys):
    with pytest.raises(SystemExit):
        _places(["erp.local", entry])
    assert "The setting HTTP_ALLOW cannot be used" in capsys.readouterr().err
