"""The edits of a draft, by their ``op``. Each writes through a Recorder, so its inverse is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from builder.changes import add, arrange, configure, connect, meta, paste, remove, rename
from builder.document import bounded
from builder.draft import Recorder
from orchestrator.errors import Invalid

Edit = dict[str, Any]
Change = Callable[[Recorder, Edit], str]

OPS: dict[str, Change] = {
    "add_step": add.add_step,
    "insert_on_edge": add.insert_on_edge,
    "remove": remove.remove,
    "move": arrange.move,
    "tidy": arrange.tidy,
    "connect": connect.connect,
    "disconnect": connect.disconnect,
    "reconnect": connect.reconnect,
    "configure": configure.configure,
    "rename_key": rename.rename_key,
    "set_meta": meta.set_meta,
    "paste": paste.paste,
    "duplicate": paste.duplicate,
}


def perform(recorder: Recorder, edit: Any) -> str:
    """Do ``edit`` and answer what it does, as undo calls it: ``move Tell the customer``.

    Raises Invalid for an edit that makes no sense, MissingError where it names what is not there. Whether the
    result is a graph is the caller's question.
    """
    op = edit.get("op") if isinstance(edit, dict) else None
    if not isinstance(op, str) or op not in OPS:
        raise Invalid(f"An edit is an object with an `op`: one of {', '.join(OPS)}.", code="unknown_edit")
    bounded(edit)
    return OPS[op](recorder, edit)
