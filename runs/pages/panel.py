"""One step in the panel: what it got, what it did, what came out, and what one can do about it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import steps
from agents.models import Agent, LLMModel
from knowledge.models import KnowledgeBase
from orchestrator.errors import NotFound
from runs import payloads
from runs.engine.states import StepStatus
from runs.limits_told import all_said
from runs.models import OrchestrationInstance
from runs.pages.sentences import Part, Scene, dots, part, tokens
from runs.pages.undoing import shown_status
from runs.pages.words import count, duration, listed, money, ordinal
from runs.scope import output_of, scope
from steps.base import StepError
from steps.templates import render

RENDER_S = 0.5  # for showing a step's input again
Entries = Sequence[tuple[int, datetime, list[dict[str, Any]]]]


def details(scene: Scene, run: OrchestrationInstance, key: str, entries: Entries) -> dict[str, Any]:
    """Everything the panel shows of the step ``key``, but for the question it may ask."""
    one = part(scene, key)
    load = partial(payloads.load, run.pk)
    given = _input(scene, run, one) if one.step.started_at else None
    ended = one.step.status in (StepStatus.COMPLETED, StepStatus.FAILED)
    return {
        "key": key,
        "status": str(one.step.status),
        "shown": shown_status(scene, key),
        "since": one.step.started_at if scene.live else "",
        "facts": facts(one, given or one.spec.config),
        "input": given,
        "has_output": ended and (one.step.output is not None or one.step.payload is not None),
        "output": output_of(scene.state, key, load) if ended else None,
        "error": one.step.error,
        "citations": one.step.citations,
        "attempts": attempts(scene, key, entries),
        "streams": one.step.status == StepStatus.RUNNING and one.spec.type == "llm",
        "text": f"{one.step.epoch}.{one.step.attempt}",
        "checkpoint": one.step.status in (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.CANCELLED),
    }


def facts(one: Part, config: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and value of what matters about a step of its type; ``config`` as it got it, where known."""
    rows = [*_type_facts(one, config)]
    if wait := one.scene.slots.get(one.spec.key):
        place = f"{ordinal(wait['position'])} in line" if wait["position"] else ""
        rows.append(("Waits for", f"a free slot; at most {all_said(wait['limits'])}"))
        rows.append(("Since", dots(one.voice.clock(wait["since"], seconds=True), place)))
    if one.how_long and one.step.status != StepStatus.WAITING:
        running = one.step.status == StepStatus.RUNNING
        rows.append(("So far" if running else "Took", one.how_long))
    if one.step.epoch > 1 or one.step.failures:
        tries = [f"{ordinal(one.step.epoch)} go" if one.step.epoch > 1 else ""]
        if one.step.failures and one.spec.retry.max_attempts > 1:
            tries.append(f"{count(one.step.failures, 'failed attempt')} of {one.spec.retry.max_attempts}")
        rows += [("Attempts", dots(*tries))] if any(tries) else []
    if why := one.scene.state.reasons.get(one.spec.key):
        rows.append(("Rolled back", str(why.get("reason") or "by hand")))
    used = tokens(one.step)
    if used or one.step.cost:
        rows.append(("Used", dots(count(used, "token") if used else "", money(one.step.cost))))
    ports = [one.scene.port(one.spec.key, port) for port in one.step.ports if port != "success"]
    led_on = any(edge.port in one.step.ports for edge in one.scene.graph.outgoing[one.spec.key])
    if ports and (one.step.status == StepStatus.COMPLETED or led_on):
        rows.append(("Went on along", listed(ports)))
    return rows


def _type_facts(one: Part, config: dict[str, Any]) -> list[tuple[str, str]]:
    kind = one.spec.type
    if kind == "llm":
        named = [("Agent", Agent, config.get("agent")), ("Model", LLMModel, config.get("model"))]
        return [
            (label, _called(model, slug)) for label, model, slug in named if isinstance(slug, str) and slug
        ]
    if kind == "retrieve":
        return [("Searches", _called(KnowledgeBase, str(config.get("base") or "")))]
    if kind == "delay" and one.step.wait:
        return [("Until", one.voice.clock(one.step.wait.get("due_at"), seconds=True))]
    known = steps.TYPES.get(kind)
    said = known.line(config) if known and kind in ("http", "condition") else ""
    return [({"http": "Calls", "condition": "Asks"}[kind], said)] if said else []


def _called(model: Any, slug: str) -> str:
    return model.objects.filter(slug=slug).values_list("name", flat=True).first() or slug


def _input(scene: Scene, run: OrchestrationInstance, one: Part) -> Any:
    """The config as the step got it, worked out again; None where that is no longer possible."""
    if one.spec.type not in steps.TYPES or one.spec.type == "map":
        return None  # its items are shown by themselves
    names = scope(str(run.pk), scene.state, partial(payloads.load, run.pk), one.spec.key)
    try:
        compiled = steps.compile_config(one.spec.type, one.spec.config)
        return render(compiled, names, time.monotonic() + RENDER_S)
    except (StepError, NotFound):
        return None  # what it read was rolled back meanwhile; the panel then shows no input


def attempts(scene: Scene, key: str, entries: Entries) -> list[dict[str, Any]]:
    """Each dispatch of a step: when, how long and how it ended; newest last."""
    found: list[dict[str, Any]] = []
    for _seq, at, events in entries:
        for event in events:
            if event.get("step") != key:
                continue
            if event["kind"] == "step_started":
                found.append({"at": at, "epoch": event["epoch"], "attempt": event["attempt"], "ended": ""})
            elif found and event["kind"] in ENDED and found[-1]["ended"] in OPEN:
                found[-1] |= {"ended": ENDED[event["kind"]], "took": (at - found[-1]["at"]).total_seconds()}
                found[-1]["why"] = _why(event)
            elif found and event["kind"] == "step_reset":
                found[-1]["undone"] = True
    for row in found:
        row["when"] = scene.voice.clock(row["at"], seconds=True)
        row["took"] = duration(row["took"]) if "took" in row else ""
        row["status"] = STATUS_OF.get(row["ended"], "RUNNING")
    return found


def _why(event: dict[str, Any]) -> str:
    data = event.get("data") or {}
    return str((data.get("error") or {}).get("message") or data.get("reason") or "")


OPEN = ("", "asked", "waited")  # an attempt that waits has not ended
ENDED = {
    "step_completed": "completed",
    "step_failed": "failed",
    "retry_scheduled": "failed, tried again",
    "step_cancelled": "stopped",
    "step_interrupted": "interrupted",
    "approval_requested": "asked",
    "step_waiting": "waited",
}
STATUS_OF = {
    "completed": "COMPLETED",
    "failed": "FAILED",
    "failed, tried again": "FAILED",
    "stopped": "CANCELLED",
    "interrupted": "CANCELLED",
    "asked": "WAITING",
    "waited": "WAITING",
}
