"""What a run has come to: its output, small in its row or large as a Payload."""

from __future__ import annotations

from runs import payloads
from runs.cache import Run
from runs.engine.state import RunState
from runs.projections import text
from runs.scope import run_output
from runs.stores.base import Row
from steps.base import StepError


def output(run: Run, state: RunState) -> tuple[Row, Row | None]:
    """The run's output, payload and error columns at its end, and the Payload to store with them.

    An output that cannot be worked out is noted; it does not fail a run whose steps have all ended well.
    """
    version, columns = run.version, {"output": "null", "payload": "null", "error": "null"}
    try:
        raw = payloads.encode(
            run_output(
                version.graph, version.document, state, lambda ref: payloads.load(run.pk, ref), str(run.pk)
            )
        )
        payloads.check(len(raw))
    except StepError as error:
        problem = {"step": None, "code": error.code, "message": f"The run has no output. {error.message}"}
        return {**columns, "error": text(problem)}, None
    if len(raw) <= payloads.INLINE_BYTES:
        return {**columns, "output": raw.decode()}, None
    reference = payloads.reference(raw)
    return {**columns, "payload": text(reference)}, {**reference, "content": raw.decode()}
