"""Running again with changes: a new run from a checkpoint of another one (semantic 8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import orjson
from django.db import IntegrityError, transaction

from orchestrator import access
from orchestrator.errors import Conflict, Invalid
from orchestrator.models import User
from runs import creation, dispatch, payloads, verbs
from runs.cache import versions
from runs.engine import commands
from runs.engine.fork import Branch, branch
from runs.models import OrchestrationInstance, Payload
from steps.base import JSON, StepError

SAME: JSON = object()  # the input is the source run's
MOST_INLINE = 4 * 1024 * 1024  # of all outputs in the fork's first entry; over that they become payloads
SMALL = 512  # an output up to here is never worth a row


def plan(user: User, run: OrchestrationInstance, start: str, version: int | None = None) -> Branch:
    """What a fork of ``run`` from ``start`` would take over and run, without making it.

    ``version`` is the run's own unless named. Raises Forbidden, NotFound for an unknown version, Conflict
    ``unknown_step``, ``not_a_checkpoint``, and ``does_not_fit`` with the step and the edge where not.
    """
    access.check(user, access.START, run.orchestration)
    chosen = _version(run, version)
    graph, state = verbs.state_of(run)
    target = graph if chosen.pk == run.version_id else versions.get(chosen.pk).graph
    return branch(graph, state, target, start, chosen.number)


def fork(
    user: User,
    run: OrchestrationInstance,
    start: str,
    given: JSON = SAME,
    outputs: Mapping[str, JSON] | None = None,
    version: int | None = None,
) -> OrchestrationInstance:
    """Start a run that takes over what the steps outside of ``start`` and its descendants came to.

    ``given`` is its input, ``outputs`` replaces outputs of completed steps that are taken over. Raises as
    ``plan``, and Invalid for an input that the version's schema refuses and for an output that cannot be set.
    """
    found = plan(user, run, start, version)
    chosen, given = _version(run, version), run.input if given is SAME else given
    creation.check_input(chosen.document.get("input"), given)
    edited = _edited(found, outputs or {})
    made = creation.create(run.orchestration, chosen, given, user, forked_from=run)
    steps = {**found.taken, **{key: _set(found.taken[key], made.pk, value) for key, value in edited.items()}}
    results = {
        key: {"run": str(run.pk), "number": run.number, **result} for key, result in found.results.items()
    }
    for said in (*found.taken.values(), *results.values()):
        _copy(run.pk, made.pk, said.get("payload"))
    _slim(made.pk, (*steps.values(), *results.values()))
    said = {"run": str(run.pk), "number": run.number, "version": run.version.number, "from": start}
    forked = {**said, "steps": steps, **({"edited": list(edited)} if edited else {})}
    opening = creation.opening(made)
    dispatch.act(
        made.pk,
        commands.Fork(
            opening.input, opening.user, opening.version, forked | ({"results": results} if results else {})
        ),
    )
    made.refresh_from_db()
    return made


def _version(run: OrchestrationInstance, number: int | None) -> Any:
    if number is None or number == run.version.number:
        return run.version
    return creation.version_of(run.orchestration, number)


def _edited(found: Branch, outputs: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """Raise Invalid for an output of a step that is not taken over as completed, or that JSON cannot say."""
    for key, value in outputs.items():
        field = f"outputs.{key}"[:120]
        if key in found.again:
            message = f"Step {key} runs again, so its output cannot be set; fork from a step after it."
            raise Invalid(message, field=field, step=key)
        if found.taken.get(key, {}).get("status") != "COMPLETED":
            message = f"Step {key[:80]} has not completed in the run, so there is no output to set."
            raise Invalid(message, field=field, step=key[:80])
        try:
            payloads.check(len(payloads.encode(value)))
        except StepError as error:
            raise Invalid(error.message, field=field, step=key) from error
    return outputs


def _set(said: dict[str, JSON], run_id: UUID, value: JSON) -> dict[str, JSON]:
    """How a step ended, with another output; what it drew on and said of itself was of the earlier one."""
    rest: dict[str, JSON] = {name: said[name] for name in ("status", "ports") if name in said}
    output, payload = payloads.keep(run_id, value)
    return {**rest, **({"output": output} if payload is None else {"payload": payload})}


def _copy(source: UUID, target: UUID, reference: payloads.Reference | None) -> None:
    """Give the fork a row of its own, so that pruning the source takes nothing from it."""
    if reference is None:
        return
    row = Payload.objects.filter(instance_id=source, sha256=reference["sha256"]).first()
    if row is None:
        raise Conflict("The run's large outputs have been removed; start a new run instead.", code="pruned")
    same = {"instance_id": target, "sha256": row.sha256}
    if not Payload.objects.filter(**same).exists():
        try:
            with transaction.atomic():
                Payload.objects.create(**same, size=row.size, content=row.content)
        except IntegrityError:  # two steps with one output
            if not Payload.objects.filter(**same).exists():
                raise


def _slim(run_id: UUID, said: tuple[dict[str, JSON], ...]) -> None:
    """Keep the first entry far from what a database takes as one document."""
    sizes = list(_sizes(said))
    if sum(size for _, size in sizes) <= MOST_INLINE:
        return
    for one, size in sizes:
        if size > SMALL:
            one["payload"] = payloads.store(run_id, orjson.dumps(one.pop("output")))


def _sizes(said: tuple[dict[str, JSON], ...]) -> Iterator[tuple[dict[str, JSON], int]]:
    for one in said:
        if "output" in one:
            yield one, len(orjson.dumps(one["output"]))
