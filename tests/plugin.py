"""What must be decided before Django reads its settings: where data lives and which database it is.

``pytest --database sqlite`` (default) or ``--database mongodb``; the latter starts a real mongod for the
whole run, shared by the workers of pytest-xdist.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack

import pytest

from tests import mongod

_stack = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --database."""
    parser.addoption("--database", choices=("sqlite", "mongodb"), default="sqlite")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Set the environment that settings.py reads; xdist's workers inherit it from their controller."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    folder = tempfile.mkdtemp(prefix="orchestrator-tests-")
    _stack.callback(shutil.rmtree, folder, ignore_errors=True)
    os.mkdir(os.path.join(folder, "static"))  # where collectstatic would put files; its absence is a warning
    for name in ("OPENAI_API_KEY", "EMAIL_URL", "CHROMA_URL", "HTTP_ALLOW", "PUBLIC_URL"):
        os.environ.pop(name, None)
    kind = early_config.known_args_namespace.database
    address = (
        _stack.enter_context(mongod.running())
        if kind == "mongodb"
        else f"sqlite:///{folder}/{{name}}.sqlite3"
    )
    os.environ.update(
        DATA_DIR=folder,
        SECRET_KEY="only-for-tests-" + "x" * 40,
        TEST_DATABASES=address,
        DATABASE_URL=address.format(name="main"),
        DEMO_PASSWORD="demo-for-tests",
        TOKENIZERS_PARALLELISM="false",
    )


def pytest_unconfigure() -> None:
    """Stop mongod and remove the data."""
    _stack.close()


def pytest_report_header(config: pytest.Config) -> str:
    """Say which database this run is on."""
    return f"database: {config.getoption('database')}"
