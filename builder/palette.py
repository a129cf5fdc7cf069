"""The step types as the builder offers them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import steps
from builder.shapes import PaletteGroup, PaletteType

GROUPS = ("Think", "Connect", "Ask people", "Shape the flow")


@dataclass(frozen=True, slots=True)
class Stranger:
    """How a step of a type that does not exist is shown."""

    icon: str = "t-transform"
    summary: str = "This type is not known here."


STRANGER = Stranger()


def palette() -> list[PaletteGroup]:
    """Every type under its heading, in the order of the registry."""
    listed: dict[str, list[PaletteType]] = {group: [] for group in GROUPS}
    for name, known in steps.TYPES.items():
        listed.setdefault(known.group, []).append(
            PaletteType(type=name, label=known.label, icon=known.icon, summary=known.summary)
        )
    return [PaletteGroup(title=title, types=types) for title, types in listed.items() if types]
