"""Whether the one who indexes a document still lives."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from knowledge import claims

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_this_process_is_not_gone_however_long_it_was_silent():
    assert not claims.gone(claims.me(), NOW - timedelta(days=1), NOW)


def test_a_process_that_ended_is_gone_at_once():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        worker = claims._me(process.pid)
        assert not claims.gone(worker, NOW, NOW)
        process.communicate(b"\n")
    assert claims.gone(worker, NOW, NOW)


def test_a_later_process_with_the_same_number_is_another_one():
    host, pid, _ = claims.me().split("/")
    assert claims.gone(f"{host}/{pid}/1", NOW, NOW)
    assert int(pid) == os.getpid()


def test_a_worker_elsewhere_is_gone_when_it_was_silent():
    assert not claims.gone("elsewhere/1/1", NOW - timedelta(seconds=30), NOW)
    assert claims.gone("elsewhere/1/1", NOW - timedelta(minutes=3), NOW)
    assert claims.gone("elsewhere/1/1", None, NOW)


def test_nobody_is_gone():
    assert claims.gone("", None, NOW)
