"""Where a reader looks on the run page; all of it stands in the address, so every view can be linked to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode

TABS = {"timeline": "Timeline", "log": "Log", "data": "Data", "journal": "Journal"}
LEVELS = {"": "All", "info": "Info", "warning": "Warnings", "error": "Errors"}  # the least to be shown
WHOLE = "*"  # `back` of a rollback of the whole run


@dataclass(frozen=True, slots=True)
class Look:
    """``step`` is chosen, ``at`` a journal entry of the past, ``back`` the step to preview a rollback to."""

    step: str = ""
    tab: str = "timeline"
    at: int | None = None
    back: str = ""
    level: str = ""
    items: str = ""  # of a map: those of one status
    page: int = 0  # of its items

    def to(self, **changes: Any) -> str:
        """The query of this look with changes: ``?step=draft&tab=log``."""
        values = {name: value for name, value in asdict(replace(self, **changes)).items() if value}
        if values.get("tab") == "timeline":
            del values["tab"]
        return f"?{urlencode(values)}" if values else "?"


def read(query: Mapping[str, str], steps: Mapping[str, Any], last: int) -> Look:
    """The look that a query asks for; what does not exist counts as not asked."""
    step, back, tab, level = (query.get(name, "") for name in ("step", "back", "tab", "level"))
    items, page = query.get("items", ""), query.get("page", "")
    at = query.get("at", "")
    past = int(at) if at.isdecimal() and len(at) < 10 and 0 < int(at) < last else None
    return Look(
        step=step if step in steps else "",
        tab=tab if tab in TABS else "timeline",
        at=past,
        back=back if (back in steps or back == WHOLE) and past is None else "",
        level=level if level in LEVELS else "",
        items=items[:12],
        page=int(page) if page.isdecimal() and len(page) < 6 else 0,
    )
