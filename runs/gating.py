"""Which limits there are, and which steps of a run they bound. Costs nothing where there is none.

``table`` is None without limits. It is read anew every second by whoever starts steps, and at once where a
limit is changed; another process acts on a change within that second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models.signals import post_delete, post_save

import steps
from agents.models import Agent
from runs.engine.commands import Command, Fork, Start
from runs.models import Limit
from runs.turnstile import Bound, Group

if TYPE_CHECKING:
    from builder.graph import StepSpec
    from runs.cache import Run

UNKNOWN = "?"  # the model of a step that names it by a template
Gates = Mapping[str, tuple[str, ...]]  # the steps that are bounded -> the models that each asks
NOTHING: Gates = {}


@dataclass(frozen=True, slots=True)
class Table:
    """All limits at one moment, and the model of each agent."""

    bounds: Mapping[tuple[str, str], Bound]
    agents: Mapping[str, str]

    def bound(self, subject: str) -> Bound | None:
        """What bounds ``user:mary``: its own limit, else the one of each user. Nobody is not bounded."""
        kind, _, name = subject.partition(":")
        if not name or name == UNKNOWN:
            return None
        return self.bounds.get((kind, name)) or self.bounds.get((kind, ""))

    def models_of(self, spec: StepSpec) -> tuple[str, ...]:
        """The models that a step asks, by slug."""
        known = steps.TYPES.get(spec.type)
        named = known.asks(spec.config) if known is not None else ()
        return tuple(sorted({self._model(one) for one in named}))

    def _model(self, named: dict[str, Any]) -> str:
        model, agent = named.get("model"), named.get("agent")
        if isinstance(model, str) and model:
            return UNKNOWN if "{{" in model else model
        return self.agents.get(agent, UNKNOWN) if isinstance(agent, str) else UNKNOWN


table: Table | None = None


def refresh() -> bool:
    """Read the limits anew; whether anything has changed."""
    global table  # noqa: PLW0603 - one a process
    rows = Limit.objects.values_list(
        "kind", "subject", "concurrency", "requests_per_minute", "tokens_per_minute"
    )
    bounds = {(kind, subject): Bound(*most) for kind, subject, *most in rows}
    agents = dict(Agent.objects.values_list("slug", "model__slug")) if bounds else {}
    new = Table(bounds, agents) if bounds else None
    if new == table:
        return False
    table = new
    return True


def watch() -> None:
    """Act on a change of a limit in this process at once."""
    for signal in (post_save, post_delete):
        signal.connect(_changed, Limit, dispatch_uid="limits are read anew")


def _changed(sender: type[Limit], raw: bool = False, **_: Any) -> None:
    if not raw:
        refresh()


def gates(run: Run, command: Command | None = None) -> Gates:
    """The steps of a run that a limit bounds. ``command`` is what starts it, where nobody has yet."""
    if table is None:
        return NOTHING
    user = command.user if isinstance(command, Start | Fork) else run.state.user
    name = str(user.get("username") or "")
    known = run.gates
    if known is None or known[0] is not table or (user and known[1] != name):  # no user: it is read anew
        known = run.gates = (table, name, _gates(table, run, name))
    found: Gates = known[2]
    return found


def _gates(known: Table, run: Run, user: str) -> Gates:
    found: dict[str, tuple[str, ...]] = {}
    own = [known.bound(subject) for subject in Group("", user, run.version.orchestration).subjects]
    every = any(bound is not None and bound.concurrency is not None for bound in own)
    talks = any(bound is not None and bound.rated for bound in own)
    for key, spec in run.version.graph.steps.items():
        models = known.models_of(spec)
        if every or (models and talks) or any(known.bound(f"model:{name}") for name in models):
            found[key] = models
    return found


def group_of(run: Run, models: tuple[str, ...]) -> Group:
    """What steps of the run that ask these models need slots of."""
    return Group(str(run.pk), str(run.state.user.get("username") or ""), run.version.orchestration, models)
