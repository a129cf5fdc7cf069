"""A Chroma folder that several processes may use, and that mends itself by forgetting.

Found by trying chromadb 1.5: a process that has a folder open does not see in its index what another
one writes, and a second writer overwrites the first one's index without an error. A damaged index file
can end the process. So every use takes a turn under a lock file beside the folder. The file holds

- a stamp, new at each write: whoever finds a stamp that it does not know opens the folder afresh (20 ms);
- the collection at work, while it is written to or first loaded: whoever gets the lock and finds one
  there knows that its user died in the middle, and drops that collection.

Nothing of value is lost by either: vectors are made again from the chunk rows (``knowledge.vectors``).
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from knowledge.stores.base import VectorsUnavailable

log = logging.getLogger(__name__)
R = TypeVar("R")
LOCK_WITHIN_S = 30.0


class Folder:
    """Gives a Chroma client to one user at a time; see the module for the rules."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = threading.Lock()
        self._client: Any = None
        self._stamp = ""
        self._inode = 0
        self._loaded: set[str] = set()  # collections that this client has opened without harm

    def use(self, collection: str, act: Callable[[Any], R], *, write: bool = False) -> R:
        """Run ``act(client)`` in a turn.

        What fails is tried again on the folder opened afresh, then without the collection, then, if the
        folder is damaged, on an empty one. Raises VectorsUnavailable where nothing helps.
        """
        with self._turn, self._locked() as note:
            cures = (self._close, lambda: self._lose(collection, note), lambda: self._lose_all(note))
            for cure in cures:
                try:
                    return self._attempt(note, collection, act, write)
                except Exception:
                    log.warning("The vectors of %s cannot be used; mending.", collection, exc_info=True)
                    cure()
            try:
                return self._attempt(note, collection, act, write)
            except Exception as error:
                raise _hopeless(self.path, error) from error

    def lose(self, collection: str) -> None:
        """Drop a collection that turned out to be damaged."""
        self.use(collection, lambda client: _drop(client, collection), write=True)

    def close(self) -> None:
        """Let go of the files; the next use opens them again."""
        with self._turn:
            self._close()

    def _attempt(self, note: Note, collection: str, act: Callable[[Any], R], write: bool) -> R:
        self._refresh(note)
        if not write and collection in self._loaded:
            return act(self._client)
        if write:
            note.stamp = self._stamp = secrets.token_hex(8)
        note.at_work = collection
        note.write()
        try:
            result = act(self._client)
        except BaseException as error:
            if type(error).__name__ == "PanicException":  # Rust's, not an Exception: no except above sees it
                raise RuntimeError(str(error)) from error
            raise
        finally:  # a process that dies in `act` does not get here, which is the point
            note.at_work = ""
            note.write()
        self._loaded.add(collection)
        return result

    def _refresh(self, note: Note) -> None:
        """Make ``self._client`` one that sees everything that was written before this turn."""
        if self._client is None or note.stamp != self._stamp or self._inode != _inode(self.path):
            self._close()
            self._client = _open(self.path)
            self._stamp, self._inode = note.stamp, _inode(self.path)
        if note.at_work:
            log.warning("A process ended while it used %s; dropping its vectors.", note.at_work)
            self._lose(note.at_work, note)

    def _close(self) -> None:
        client, self._client = self._client, None
        self._loaded.clear()
        if client is not None:
            client.close()

    def _lose(self, collection: str, note: Note) -> None:
        """Forget one collection; where not even that works the next cure is due."""
        try:
            self._client = self._client or _open(self.path)
            _drop(self._client, collection)
        except Exception:
            log.warning("The collection %s cannot be dropped.", collection, exc_info=True)
        self._renew(note)

    def _lose_all(self, note: Note) -> None:
        """Begin with an empty folder; the last broken one is kept beside it for whoever asks why."""
        if not _damaged(self.path):
            return
        self._close()
        aside = self.path.with_name(f"{self.path.name}.broken")
        _erase(aside)
        self.path.rename(aside)
        log.warning("The vector folder was damaged and is now %s; a new one is made.", aside)
        self._renew(note)

    def _renew(self, note: Note) -> None:
        """Make every process, this one too, open the folder afresh."""
        self._close()
        note.stamp, note.at_work = secrets.token_hex(8), ""
        note.write()

    @contextmanager
    def _locked(self) -> Iterator[Note]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _flock(descriptor)
            yield Note(descriptor)
        finally:
            os.close(descriptor)


class Note:
    """What the lock file says: ``<stamp> <collection at work>``."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        stamp, _, at_work = os.pread(descriptor, 200, 0).decode(errors="replace").partition(" ")
        self.stamp, self.at_work = stamp, at_work

    def write(self) -> None:
        """Say it to whoever comes next."""
        text = f"{self.stamp} {self.at_work}".encode()
        os.ftruncate(self._descriptor, len(text))
        os.pwrite(self._descriptor, text, 0)


def _flock(descriptor: int) -> None:
    give_up = time.monotonic() + LOCK_WITHIN_S
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > give_up:
                raise VectorsUnavailable(
                    f"Another process has kept the vector folder to itself for {LOCK_WITHIN_S:.0f} s."
                ) from error
            time.sleep(0.002)


def _open(path: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    path.mkdir(parents=True, exist_ok=True)
    # `_env_file`: Chroma would look into our .env for settings of its own
    settings = Settings(anonymized_telemetry=False, _env_file=None)  # type: ignore[call-arg]
    return chromadb.PersistentClient(str(path), settings)


def _drop(client: Any, collection: str) -> None:
    from chromadb.errors import NotFoundError

    try:
        client.delete_collection(collection)
    except NotFoundError:
        log.debug("There is no collection %s to drop.", collection)


def _inode(path: Path) -> int:
    """Tells a folder that was removed or replaced under an open client; 0 where there is none."""
    try:
        return (path / "chroma.sqlite3").stat().st_ino
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _damaged(path: Path) -> bool:
    """Whether the folder's content is to blame, rather than a full disk or missing permissions."""
    if not path.is_dir():
        return path.exists()
    try:
        with closing(sqlite3.connect(f"file:{path / 'chroma.sqlite3'}?mode=ro", uri=True)) as database:
            return bool(database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True


def _hopeless(path: Path, error: Exception) -> VectorsUnavailable:
    if isinstance(error, VectorsUnavailable):
        return error
    return VectorsUnavailable(
        f"The vector folder {path} cannot be used: {error}. Check that it is writable "
        "and that the disk is not full."
    )


def _erase(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
