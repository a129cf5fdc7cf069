"""The step types as the builder offers them, those included that cannot run yet. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import steps
from builder.shapes import PaletteGroup, PaletteType

GROUPS = ("Think", "Connect", "Ask people", "Shape the flow")
NOT_YET = "It cannot run yet."


@dataclass(frozen=True, slots=True)
class Announced:
    """A type of the contract that has a place in the palette and no implementation."""

    label: str
    group: str
    icon: str
    summary: str


ANNOUNCED = {
    "orchestration": Announced(
        "Orchestration", "Shape the flow", "t-orchestration", "Runs another orchestration as one step."
    ),
}


def announced(type: str) -> Announced:  # noqa: A002
    """How a type without an implementation is shown."""
    word = type.replace("_", " ").capitalize()
    return ANNOUNCED.get(type) or Announced(word, "", "t-transform", "This type is not known here.")


def palette() -> list[PaletteGroup]:
    """Every type under its heading, in the order of the registry."""
    listed: dict[str, list[PaletteType]] = {group: [] for group in GROUPS}
    for name, known in steps.TYPES.items():
        listed.setdefault(known.group, []).append(
            PaletteType(type=name, label=known.label, icon=known.icon, summary=known.summary, why_not="")
        )
    for name in steps.ANNOUNCED:
        if name not in steps.TYPES:
            later = announced(name)
            listed.setdefault(later.group, []).append(
                PaletteType(
                    type=name, label=later.label, icon=later.icon, summary=later.summary, why_not=NOT_YET
                )
            )
    return [PaletteGroup(title=title, types=types) for title, types in listed.items() if types]
