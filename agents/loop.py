"""The one background event loop of the process; worker threads hand it coroutines and wait.

The vendors' SDKs bind their connections to the loop that first used them, so a loop per call breaks a
shared client, and a client per call is slow. One loop in one daemon thread serves every thread.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
CLOSE_S = 2.0

_lock = threading.RLock()  # again by the same thread: what is kept may be made of what is kept
_current: _Loop | None = None


class _Loop:
    """An event loop, its thread, the process it belongs to, what is kept for it and must be closed."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.kept: dict[Hashable, Any] = {}
        self.closers: list[Callable[[], Awaitable[None]]] = []
        self.thread = threading.Thread(target=self._serve, name="llm-loop", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.close()

    async def _wind_up(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(close() for close in self.closers), return_exceptions=True)
        await self.loop.shutdown_asyncgens()

    def close(self) -> None:
        """Cancel what runs, close what was opened, end the thread; takes at most twice CLOSE_S."""
        try:
            asyncio.run_coroutine_threadsafe(self._wind_up(), self.loop).result(CLOSE_S)
        except TimeoutError:  # a transport that does not let go must not keep the process
            pass
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(CLOSE_S)


def _get() -> _Loop:
    """The loop of this process; a forked child makes its own, since threads do not survive a fork."""
    global _current  # noqa: PLW0603
    with _lock:
        if _current is None or _current.pid != os.getpid():
            _current = _Loop()
        return _current


class Job:
    """A coroutine at work on the loop; ``cancel`` may be called from any thread, at any time."""

    def __init__(self, work: Coroutine[Any, Any, Any], done: Callable[[], None]) -> None:
        self._future = asyncio.run_coroutine_threadsafe(work, _get().loop)
        self._future.add_done_callback(lambda _: done())

    def cancel(self) -> None:
        """Cancel at the coroutine's next await; harmless when it has ended."""
        self._future.cancel()

    def result(self) -> Any:
        """What the coroutine returned or raised; call it after ``done`` only."""
        return self._future.result(timeout=0)


def kept(
    key: Hashable, make: Callable[[], T], close: Callable[[T], Callable[[], Awaitable[None]]] | None = None
) -> T:
    """The one ``key`` of this loop, made at the first call; ``close(it)()`` is awaited before the loop ends.

    Making happens in the caller's thread, one at a time, so that slow imports never hold up the loop.
    """
    with _lock:
        current = _get()
        if key not in current.kept:
            made = current.kept[key] = make()
            if close is not None:
                current.closers.append(close(made))
        return current.kept[key]  # type: ignore[no-any-return]


def shut_down() -> None:
    """End the loop of this process, if there is one; the next call starts another."""
    global _current
    with _lock:
        ending, _current = _current, None
    if ending is not None and ending.pid == os.getpid():
        ending.close()


atexit.register(shut_down)
