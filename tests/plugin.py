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
    """Add --database, and --chaos for how long test_chaos.py kills servers."""
    parser.addoption("--database", choices=("sqlite", "mongodb"), default="sqlite")
    parser.addoption("--write-docs", action="store_true", help="write docs/access.md anew")
    parser.addoption("--chaos", type=float, default=5, help="for how many seconds servers are killed")


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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On MongoDB leave out what touches no database: SQLite's pass has run it already."""
    if config.getoption("database") != "mongodb":
        return
    left_out = [item for item in items if not _touches_the_database(item)]
    items[:] = [item for item in items if _touches_the_database(item)]
    config.hook.pytest_deselected(items=left_out)


def _touches_the_database(item: pytest.Item) -> bool:
    """Whether a test asks for the database, has processes of its own that do, or is the whole product's."""
    if "tests/integration/" not in item.path.as_posix():
        return True
    asked = set(getattr(item, "fixturenames", ()))
    own = {"db", "transactional_db", "database_url"}
    return bool(asked & own) or item.get_closest_marker("django_db") is not None


def pytest_unconfigure() -> None:
    """Stop mongod and remove the data."""
    _stack.close()


def pytest_report_header(config: pytest.Config) -> str:
    """Say which database this run is on."""
    return f"database: {config.getoption('database')}"
