"""The page "Run again with changes": from where, with which version, input and outputs (semantic 8)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from builder.models import OrchestrationVersion
from orchestrator.errors import Conflict, Invalid, NotFound
from orchestrator.models import User
from runs import forks, payloads, verbs
from runs.engine.fork import Branch
from runs.engine.records import RunState
from runs.engine.states import CHECKPOINTS, StepStatus
from runs.models import OrchestrationInstance
from runs.pages import drawing
from runs.pages.forms import SchemaForm
from runs.pages.words import listed
from runs.scope import output_of

PREFIX = "in-"
EDITS = "out-"  # of the names of the outputs that can be edited
LARGE = 16 * 1024  # characters of an output that are shown to be edited
MOST = 256 * 1024  # of all of them on one page
VERSIONS = 50  # to choose from


@dataclass(slots=True)
class Edit:
    """The output of one step that is taken over; ``text`` is empty where it is too large to show."""

    key: str
    title: str
    icon: str
    text: str
    size: int
    value: str = ""  # what the control holds
    error: str = ""

    @property
    def name(self) -> str:
        """Of the control."""
        return EDITS + self.key

    @property
    def changed(self) -> bool:
        """Whether it was edited; an empty field leaves the output as it was."""
        return bool(self.value.strip()) and self.value.strip() != self.text


@dataclass(slots=True)
class Page:
    """Everything the template shows. ``refused`` says why the run cannot be forked so."""

    start: str
    version: int
    starts: list[tuple[str, str]]
    versions: list[tuple[int, str]]
    names: dict[str, str]
    form: SchemaForm
    refused: str = ""
    edits: list[Edit] = field(default_factory=list)
    again: list[dict[str, Any]] = field(default_factory=list)  # the steps that run, as they are drawn
    taken: str = ""  # names of what is taken over
    given: Any = forks.SAME
    changed: dict[str, Any] = field(default_factory=dict)  # step -> its new output

    @property
    def ready(self) -> bool:
        """Whether what was sent can start a run, as far as the page can tell."""
        return not self.refused and self.form.valid and not any(one.error for one in self.edits)

    @property
    def faults(self) -> int:
        """How many fields need another look."""
        return len(self.form.faulty) + sum(bool(one.error) for one in self.edits)

    def blame(self, error: Invalid) -> None:
        """Put a refusal under the field that it is about."""
        name = str(error.details.get("field") or "")
        for one in self.edits:
            if name == f"outputs.{one.key}":
                one.error = error.message
                return
        self.form.blame(name, error.message)


def page(
    user: User, run: OrchestrationInstance, asked: Mapping[str, str], sent: Mapping[str, str] | None
) -> Page:
    """What forking ``run`` would do; ``asked`` names ``from`` and ``version``, ``sent`` is what was posted.

    Raises Forbidden.
    """
    state = verbs.state_of(run)[1]
    number = asked.get("version", "")
    known = {one.number: one for one in _versions(run)}
    version = known.get(int(number)) if number.isascii() and number.isdigit() else None
    version = version or run.version
    names = {**drawing.of(run.version).names, **drawing.of(version).names}
    starts = [(key, names.get(key, key)) for key in _starts(state)]
    shown = Page(
        start=_start(asked.get("from", ""), state, starts),
        version=version.number,
        starts=starts,
        versions=[(one.number, _called(one, run)) for one in known.values()],
        names=names,
        form=SchemaForm(version.document.get("input"), initial=_object(run.input), data=sent, prefix=PREFIX),
    )
    shown.given = _given(shown.form, run, sent)
    try:
        _fill(shown, run, version, state, forks.plan(user, run, shown.start, version.number), sent)
    except (Conflict, NotFound) as error:
        shown.refused = _says(error, names)
    return shown


def _fill(
    shown: Page,
    run: OrchestrationInstance,
    version: OrchestrationVersion,
    state: RunState,
    plan: Branch,
    sent: Mapping[str, str] | None,
) -> None:
    """What is taken over and may be edited, and what runs."""
    runs = {*plan.again, *plan.also}
    shown.again = [step for step in drawing.of(version).steps if step["key"] in runs]
    over = [step for step in drawing.of(version).steps if step["key"] in plan.taken]
    shown.taken = listed([step["title"] for step in over])
    left = MOST
    load = partial(payloads.load, run.pk)
    for step in over:
        if plan.taken[step["key"]]["status"] != StepStatus.COMPLETED:
            continue
        text = json.dumps(output_of(state, step["key"], load), ensure_ascii=False, indent=2)
        fits = len(text) <= min(LARGE, left)
        left -= len(text) if fits else 0
        one = Edit(step["key"], step["title"], step["icon"], text if fits else "", len(text))
        one.value = one.text if sent is None else sent.get(one.name, one.text).replace("\r\n", "\n")
        shown.edits.append(one)
        if one.changed:
            _read(shown, one)


def _read(shown: Page, one: Edit) -> None:
    try:
        shown.changed[one.key] = json.loads(one.value)
    except json.JSONDecodeError as error:
        one.error = f"This is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
    except RecursionError:
        one.error = "This is nested too deeply."


def _starts(state: RunState) -> list[str]:
    """The steps that a run can be forked from: what failed or was stopped, then the newest first."""
    ended = [key for key, step in state.steps.items() if step.status in CHECKPOINTS]
    done = [key for key in reversed(list(state.completed_order)) if key in set(ended)]
    first = [key for key in ended if state.steps[key].status != StepStatus.COMPLETED]
    return list(dict.fromkeys([*first, *done, *ended]))


def _start(asked: str, state: RunState, starts: list[tuple[str, str]]) -> str:
    """The step that was asked for, else what failed, else the first that completed: all runs again."""
    if asked in state.steps:
        return asked
    if not starts:
        return next(iter(state.steps))
    failed = next((key for key, _ in starts if state.steps[key].status == StepStatus.FAILED), "")
    return failed or next((key for key in state.completed_order if (key in dict(starts))), starts[0][0])


def _versions(run: OrchestrationInstance) -> list[OrchestrationVersion]:
    """The newest versions, and the run's own."""
    newest = OrchestrationVersion.objects.filter(orchestration=run.orchestration).order_by("-number")
    found = list(newest[:VERSIONS])
    return found if any(one.pk == run.version_id for one in found) else [*found, run.version]


def _called(version: OrchestrationVersion, run: OrchestrationInstance) -> str:
    mine = f"Version {version.number}, as in run {run.number}"
    text = mine if version.pk == run.version_id else f"Version {version.number}"
    return f"{text}: {version.note}" if version.note else text


def _given(form: SchemaForm, run: OrchestrationInstance, sent: Mapping[str, str] | None) -> Any:
    """The new run's input: what the form says, and what the schema does not name as it was."""
    if sent is None or not form.fields:
        return forks.SAME
    unnamed = {name: value for name, value in _object(run.input).items() if name not in form.properties}
    return {**unnamed, **form.value}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _says(error: Conflict | NotFound, names: Mapping[str, str]) -> str:
    """The refusal with the step by its name."""
    key = str(error.details.get("step") or "")
    return error.message.replace(f"step {key}", names.get(key, key), 1) if key else error.message
