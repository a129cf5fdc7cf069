"""What uses an agent, a model, a tool or a credential. Rooms above this one say so through ``register``."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from agents.models import Agent, Credential, LLMModel, Named, Tool


class Use(NamedTuple):
    """Something that uses it: ``agent``, ``model``, ``tool`` or ``orchestration``, and its name."""

    kind: str
    name: str


Finder = Callable[[Named], list[Use]]
_finders: list[Finder] = []


def register(finder: Finder) -> None:
    """Have ``finder`` asked; each room calls this once, when the apps are ready."""
    _finders.append(finder)


def of(row: Named) -> list[Use]:
    """Everything that uses ``row``."""
    return [*_own(row), *(use for finder in _finders for use in finder(row))]


def sentence(uses: list[Use]) -> str:
    """``the agents Sales and Support and the orchestration Refund request``."""
    groups: dict[str, list[str]] = {}
    for use in uses:
        groups.setdefault(use.kind, []).append(f"“{use.name}”")
    return _joined([f"the {kind}{'s' * (len(names) > 1)} {_joined(names)}" for kind, names in groups.items()])


def _joined(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _own(row: Named) -> list[Use]:
    if isinstance(row, Credential):
        models = LLMModel.objects.filter(credential=row).values_list("name", flat=True)
        tools = Tool.objects.filter(credential=row).values_list("name", flat=True)
        return [*(Use("model", name) for name in models), *(Use("tool", name) for name in tools)]
    if isinstance(row, LLMModel):
        found = Agent.objects.filter(model=row).values_list("name", flat=True)
        return [Use("agent", name) for name in found]
    if isinstance(row, Tool):
        rows = Agent.objects.values_list("name", "tools")
        return [Use("agent", name) for name, tools in rows if row.slug in (tools or [])]
    return []
