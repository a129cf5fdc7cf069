"""The product in a real browser: a server process with the demo content, Debian's Chromium, and no noise.

``site`` is the running product, ``page`` looks at it (``page.goto("/runs/")``), ``login(page, "user")`` signs
in, ``visitor("admin", width=390, dark=True)`` is a second person, signed in. A test fails on any message in
the browser's console, on any page error and on any violation of the content policy; ``noise.allow(pattern)``
says which ones a test expects. ``shot(page, "name")`` keeps a picture in ``var/screenshots``.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "var" / "screenshots"
PASSWORD = "demo-for-tests"
START_S = 60.0
expect.set_options(timeout=20_000)  # ms: the machine may be busy; what is right is right at once
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


class Site:
    """The product as people run it: one process, its own port and data. It can be killed and come back."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.log = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        kept = {
            name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "PUBLIC_URL")
        }
        self.environment = {
            **kept,
            "DATA_DIR": str(folder),
            "PORT": str(self.port),
            "HTTP_ALLOW": f"127.0.0.1:{self.port}",
            "DEMO_PASSWORD": PASSWORD,
            "DJANGO_SETTINGS_MODULE": "orchestrator.settings",
        }

    def manage(self, *arguments: str) -> str:
        """Run a management command on the site's data; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def start(self) -> None:
        """Serve, and wait until it answers."""
        with self.log.open("ab") as log:
            command = [sys.executable, "manage.py", "serve", "--port", str(self.port)]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        give_up = time.monotonic() + START_S
        while not self.answers():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < give_up, f"no answer in {START_S} s: {self.log.read_text()[-3000:]}"
            time.sleep(0.1)

    def answers(self) -> bool:
        """Whether it is there."""
        try:
            with urllib.request.urlopen(f"{self.url}/health/live", timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=20)
            self.process = None


def _made_once(seed: Path) -> Path:
    """A data folder with the demo content: the first process makes it, the others wait and copy it."""
    with seed.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not seed.exists():
            making = seed.with_suffix(".making")
            making.mkdir()
            site = Site(making)
            site.manage("migrate", "-v0")
            site.manage("demo")
            making.rename(seed)
    return seed


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The running product with its demo content; one for all tests of this process."""
    folder = tmp_path_factory.mktemp("site")
    shared = Path(os.environ["DATA_DIR"])  # one for all processes of this run of pytest
    shutil.copytree(_made_once(shared / "demo-content"), folder, dirs_exist_ok=True)
    running = Site(folder)
    running.start()
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def base_url(site: Site) -> str:
    """What ``page.goto("/")`` is relative to."""
    return site.url


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium; nothing is downloaded."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for path in map(shutil.which, names) if path), None)
    if found is None:
        missing = "The browser tests need the system package 'chromium'."
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    return {**browser_type_launch_args, "executable_path": found, "args": ["--no-sandbox"]}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A desk in Berlin."""
    return {**browser_context_args, "timezone_id": "Europe/Berlin", "locale": "en-GB"}


class Noise:
    """What browsers said; anything that was not allowed fails the test."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.allowed: list[re.Pattern[str]] = []

    def allow(self, pattern: str) -> None:
        """Expect messages that contain ``pattern`` (a regular expression)."""
        self.allowed.append(re.compile(pattern))

    def watch(self, context: BrowserContext) -> None:
        """Listen to every page of a context."""
        context.on("console", lambda message: self.heard.append(f"{message.type}: {message.text}"))
        context.on("weberror", lambda error: self.heard.append(f"page error: {error.error}"))

    def complaints(self) -> list[str]:
        """What was said and not allowed."""
        return [text for text in self.heard if not any(pattern.search(text) for pattern in self.allowed)]


@pytest.fixture(autouse=True)
def noise() -> Iterator[Noise]:
    """Silence is part of every test."""
    listener = Noise()
    listener.allow(r"^verbose: \[DOM\]")  # Chromium's hints to developers
    yield listener
    assert listener.complaints() == []


@pytest.fixture
def new_context(new_context: Callable[..., BrowserContext], noise: Noise) -> Callable[..., BrowserContext]:
    """As pytest-playwright's, listened to."""

    def make(**options: Any) -> BrowserContext:
        context = new_context(**{"viewport": WIDE, **options})
        noise.watch(context)
        return context

    return make


_signed_in: dict[tuple[str, str], Any] = {}  # (site, name) -> cookies: signing in once is enough


def _cookies(browser: Browser, site: Site, name: str) -> Any:
    if (site.url, name) not in _signed_in:
        context = browser.new_context(base_url=site.url, timezone_id="Europe/Berlin")
        page = context.new_page()
        fill_sign_in(page, name)
        page.wait_for_url("**/")
        _signed_in[site.url, name] = context.cookies()
        context.close()
    return _signed_in[site.url, name]


def fill_sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Sign in by the form."""
    page.goto("/login/")
    page.get_by_label("Name or e-mail").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture
def login(site: Site, browser: Browser) -> Callable[[Page, str], None]:
    """``login(page, "admin")``: the page's browser is signed in as one of the demo's people."""
    return lambda page, name: page.context.add_cookies(_cookies(browser, site, name))


@pytest.fixture
def visitor(
    new_context: Callable[..., BrowserContext], login: Callable[[Page, str], None]
) -> Callable[..., Page]:
    """``visitor("user", width=390, dark=True, script=False)``: a page in a browser of its own, signed in."""

    def enter(name: str = "", *, width: int = 1440, dark: bool = False, script: bool = True) -> Page:
        page = new_context(
            viewport=NARROW if width <= NARROW["width"] else {**WIDE, "width": width},
            color_scheme="dark" if dark else "light",
            has_touch=width <= NARROW["width"],
            java_script_enabled=script,
        ).new_page()
        if name:
            login(page, name)
        return page

    return enter


@pytest.fixture
def shot() -> Callable[..., None]:
    """``shot(page, "home-dark")``: keep a picture to look at."""

    def keep(page: Page, name: str, *, full: bool = False) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / f"{name}.png", full_page=full)

    return keep


@pytest.fixture
def clean() -> Callable[[Page], None]:
    """``clean(page)``: axe finds nothing to complain of."""

    def check(page: Page) -> None:
        found = Axe().run(page)
        assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"

    return check
