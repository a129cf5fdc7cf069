"""The run page of one reader at one moment: everything the templates and ``view.json`` show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone

from orchestrator import access
from orchestrator.models import User
from runs import journal, payloads, slots_told, verbs
from runs.engine.records import RunState
from runs.engine.states import CHECKPOINTS, ENDED, RunStatus, StepStatus
from runs.families import is_taken
from runs.models import Approval, OrchestrationInstance
from runs.pages import canvas, drawing, tabs
from runs.pages.children import above, of_step
from runs.pages.facts import facts
from runs.pages.itemised import items
from runs.pages.look import LEVELS, TABS, Look, read
from runs.pages.origins import number_of_source, origin
from runs.pages.panel import details
from runs.pages.people import of_approvals, of_document, voice
from runs.pages.preview import preview
from runs.pages.questions import question
from runs.pages.sentences import Scene
from runs.pages.undoing import band
from runs.pages.verdict import verdict
from runs.pages.words import clock

STOPPABLE = (RunStatus.PENDING, RunStatus.RUNNING, RunStatus.WAITING)
Entries = Sequence[tuple[int, datetime, list[dict[str, Any]]]]
RETRIABLE = (RunStatus.FAILED, RunStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Sight:
    """What one reader sees of a run at one moment; ``entries`` are those until ``look.at``."""

    user: User
    run: OrchestrationInstance
    look: Look
    scene: Scene
    drawn: drawing.Drawing
    entries: Entries
    all_entries: Entries  # also those after the moment that the reader looks at
    approvals: list[Approval]
    may_act: bool
    may_start: bool  # another run of it

    @property
    def last(self) -> int:
        """The journal's newest entry."""
        return self.all_entries[-1][0] if self.all_entries else 0

    @property
    def state(self) -> RunState:
        """The run as it stood."""
        return self.scene.state

    @property
    def over(self) -> bool:
        """Whether nothing happens any more."""
        return self.state.status in ENDED


def page(user: User, run: OrchestrationInstance, query: Mapping[str, str]) -> dict[str, Any]:
    """The whole page. ``run`` has its orchestration, version and starter."""
    sight = _sight(user, run, query)
    look, state = sight.look, sight.state
    plan = preview(user, run, sight.scene, look) if look.back and sight.may_act else None
    hot = _hot(sight)
    chosen = look.step or ("" if plan else hot)
    return {
        "run": run,
        "look": look,
        "status": str(state.status),
        "seq": sight.last,
        "now": timezone.now(),
        "over": sight.over,
        "past": clock(sight.entries[-1][1], timezone.now(), seconds=True) if look.at else "",
        "urls": {"now": look.to(at=None), "here": _address(sight, look.to())},
        "facts": facts(run, sight.scene, sight.entries),
        "source": {"number": sight.scene.source, "pk": run.forked_from_id} if sight.scene.source else None,
        "above": above(sight.user, sight.scene),
        "acts": _acts(sight),
        "verdict": verdict(sight.scene, look) if state.status == RunStatus.FAILED else None,
        "undoing": band(sight.scene, may_act=sight.may_act),
        "cards": canvas.cards(sight.scene, sight.drawn, (plan or {}).get("numbers", {}), look.step),
        "edges": canvas.edges(sight.scene, sight.drawn),
        "backs": canvas.backs(sight.scene, sight.drawn),
        "chosen": chosen,
        "hot": hot,
        "tabs": _tabs(sight),
        "slider": tabs.slider(sight.all_entries, look.at),
        "kept": [
            (name, value)
            for name, value in query.items()
            if name in ("step", "tab", "level", "items", "page")
        ],
        "preview": plan,
        **({} if plan else _panel(sight, chosen)),
    }


def _sight(user: User, run: OrchestrationInstance, query: Mapping[str, str]) -> Sight:
    drawn = drawing.of(run.version)
    graph, state = verbs.state_of(run)
    known = [entry for entry in journal.entries(run.pk) if entry[0] <= state.seq]  # it may grow meanwhile
    look, entries = read(query, drawn.names, state.seq), known
    if look.at is not None:
        graph, state = verbs.state_of(run, look.at)
        entries = [entry for entry in known if entry[0] <= look.at]
    approvals = list(Approval.objects.filter(instance=run))
    starter = run.started_by.username if run.started_by else None
    speak = voice(user, {*of_document(run.version.document), *of_approvals(approvals), starter}, drawn.names)
    if look.at is not None:
        speak = replace(speak, now=entries[-1][1])  # what lasted then had lasted until then
    undone = _started(entries) if state.status == RunStatus.ROLLED_BACK else frozenset[str]()
    live = look.at is None
    scene = Scene(
        speak, graph, state, drawn.labels, live=live, undone=undone, source=number_of_source(known),
        slots=slots_told.waiting(run.pk, state, live=live),
    )  # fmt: skip
    may_act = look.at is None and access.allowed(user, access.EDIT, run) and not is_taken(run)
    may_start = look.at is None and access.allowed(user, access.START, run.orchestration)
    return Sight(user, run, look, scene, drawn, entries, known, approvals, may_act, may_start)


def _started(entries: Entries) -> frozenset[str]:
    """The steps that ran at any time."""
    return frozenset(
        event["step"] for _seq, _at, events in entries for event in events if event["kind"] == "step_started"
    )


def _hot(sight: Sight) -> str:
    """The step that matters most now: what asks the reader, what runs, what waits, what failed."""
    if sight.look.at is None:
        pending = [one for one in sight.approvals if one.status == Approval.Status.PENDING]
        mine = next((one for one in pending if verbs.may_answer(sight.user, one)), None)
        if mine:
            return mine.step
    for status in (StepStatus.RUNNING, StepStatus.WAITING, StepStatus.FAILED):
        found = [key for key, step in sight.state.steps.items() if step.status == status]
        if found:
            return max(found, key=lambda key: sight.state.steps[key].started_at or "")
    return ""


def _panel(sight: Sight, chosen: str) -> dict[str, Any]:
    """What the open tab shows, and the step or the result below the timeline."""
    scene, run, look = sight.scene, sight.run, sight.look
    if look.tab == "log":
        return {"log": tabs.log(run, scene, look), "filter": _filter(sight), "levels": LEVELS.items()}
    if look.tab == "journal":
        return {"journal": tabs.journal(scene, sight.entries, look), "filter": _filter(sight)}
    if look.tab == "data":
        step = _step(sight, look.step) if look.step else None
        shown = tabs.data(scene, run, sight.drawn)
        return {"data": shown, "step": step, "filter": _filter(sight), "output": _output(sight)}
    shown = {"timeline": tabs.timeline(scene, sight.drawn, sight.entries, over=sight.over)}
    if not chosen:
        result = sight.state.status == RunStatus.COMPLETED and look.at is None
        return {**shown, "result": result, "output": _output(sight)}
    onward = _address(sight, look.to(step=""))  # after an answer the page follows the run again
    return {**shown, "step": _step(sight, chosen), "asked": _asked(sight, chosen), "next": onward}


def _output(sight: Sight) -> Any:
    """The run's output; only a run that is completed has one."""
    if sight.look.at is not None or sight.state.status != RunStatus.COMPLETED:
        return None
    return payloads.output_of(sight.run)


def _step(sight: Sight, key: str) -> dict[str, Any]:
    drawn = next(step for step in sight.drawn.steps if step["key"] == key)
    checkpoint = sight.state.steps[key].status in CHECKPOINTS
    acts = _acts(sight)
    back = sight.look.to(back=key, step="") if checkpoint and acts["rollback"] else ""
    active = sight.state.steps[key].status in (StepStatus.RUNNING, StepStatus.WAITING)
    shown = {
        "back": back,
        "stop": active and acts["cancel"],
        "fork": checkpoint and acts["fork"],
        "items": items(sight.user, sight.scene, sight.run, key, sight.look),
        "children": of_step(sight.user, sight.scene, key),
        "origin": origin(sight.user, sight.run, sight.scene, key),
    }
    return {**drawn, **details(sight.scene, sight.run, key, sight.entries), **shown}


def _address(sight: Sight, query: str) -> str:
    """This page with another query."""
    return f"{reverse('run', args=[sight.run.pk])}{query}"


def _asked(sight: Sight, key: str) -> dict[str, Any] | None:
    """The question that the step put in its present attempt."""
    step = sight.state.steps[key]
    if sight.look.at is not None or not step.approval:
        return None
    found = next((one for one in sight.approvals if str(one.pk) == step.approval["id"]), None)
    if found is None:
        return None
    found.instance = sight.run
    return question(sight.user, found)


def _filter(sight: Sight) -> dict[str, Any] | None:
    """The step that the tab is narrowed to, and the way back to all."""
    if not sight.look.step:
        return None
    return {"title": sight.scene.voice.step(sight.look.step), "all": sight.look.to(step="")}


def _tabs(sight: Sight) -> list[dict[str, Any]]:
    counts = tabs.counts(sight.run, sight.last)
    return [
        {
            "name": name,
            "label": label,
            "url": sight.look.to(tab=name, back=""),
            "count": counts.get(name, 0),
            "on": name == sight.look.tab,
        }
        for name, label in TABS.items()
    ]


def _acts(sight: Sight) -> dict[str, bool]:
    """Which buttons there are; the verbs decide again."""
    status, may = sight.state.status, sight.may_act
    ended = any(step.status in CHECKPOINTS for step in sight.state.steps.values())
    return {
        "cancel": may and status in STOPPABLE,
        "retry": may and status in RETRIABLE,
        "rollback": may and status not in (RunStatus.ROLLING_BACK, RunStatus.ROLLED_BACK),
        "again": sight.over and sight.may_start,
        "fork": sight.may_start and ended,
        "compare": sight.look.at is None and sight.over,
    }
