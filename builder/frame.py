"""The frame of an orchestration document: everything around the steps' own configs, in its canonical form.

A frame that is not as CONTRACT has it has no meaning and is refused on every write; what is in a config is
the step type's business, and at worst a Problem.
"""

from __future__ import annotations

import math
import re
from typing import Any

from orchestrator.errors import Invalid

SCHEMA = 1
MAX_STEPS = 10_000
MAX_EDGES = 50_000
KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
PORT = re.compile(r"[a-z][a-z0-9_]{0,31}")
TYPE = re.compile(r"[a-z][a-z0-9_]{0,31}")
JOINS = ("any", "all", "first")
ACTIONS = ("fail", "continue", "rollback")
RETRY = {"max_attempts": 1, "delay_s": 1, "backoff": 2, "max_delay_s": 60}
LIMITS = {"max_attempts": (1, 100), "delay_s": (0, 86_400), "backoff": (1, 100), "max_delay_s": (0, 86_400)}
FARTHEST = 1_000_000  # pixels from the canvas's origin
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_TOP = ("schema", "name", "description", "input", "steps", "edges", "output")
_STEP = (
    "key",
    "type",
    "name",
    "config",
    "retry",
    "timeout_s",
    "join",
    "on_failure",
    "compensate",
    "position",
)


def canonical(document: Any) -> dict[str, Any]:
    """A new document that says the same: keys in CONTRACT's order, what is default left out.

    Steps, edges and everything inside configs and schemas keep their order. Raises Invalid (with ``step``
    and ``field`` in its details) where the frame is not as CONTRACT has it.
    """
    _object(document, None, "")
    _known(document, _TOP, None)
    if document.get("schema", SCHEMA) != SCHEMA or isinstance(document.get("schema", SCHEMA), bool):
        raise _wrong(None, "schema", f"must be {SCHEMA}, the only version of the format that there is")
    steps = _list(document.get("steps"), "steps", MAX_STEPS)
    edges = _list(document.get("edges"), "edges", MAX_EDGES)
    done: dict[str, Any] = {"schema": SCHEMA, "name": name(document.get("name"))}
    if description := _text(document.get("description"), None, "description", 10_000):
        done["description"] = description
    if schema := _object(document.get("input"), None, "input"):
        done["input"] = schema
    done["steps"] = [step(value, number) for number, value in enumerate(steps, 1)]
    done["edges"] = [edge(value, number) for number, value in enumerate(edges, 1)]
    if document.get("output") is not None:
        done["output"] = document["output"]
    return done


def name(value: Any) -> str:
    """The name of an orchestration, without the blanks around it. Raises Invalid."""
    text = _text(value, None, "name", 120).strip()
    if not text:
        raise _wrong(None, "name", "is missing: an orchestration needs a name")
    return text


def step(value: Any, number: int = 1) -> dict[str, Any]:
    """One step in canonical form; ``number`` (from 1) names it while its key is unknown. Raises Invalid."""
    if not isinstance(value, dict):
        raise Invalid(f"Step number {number} must be an object.", field=f"steps.{number - 1}")
    key = _matching(value.get("key"), KEY, f"Step number {number}: its key", f"steps.{number - 1}.key")
    _known(value, _STEP, key)
    done: dict[str, Any] = {"key": key}
    done["type"] = _matching(value.get("type"), TYPE, f"Step {key}: its type", "type", key)
    kept = {
        "name": _text(value.get("name"), key, "name", 200).strip(),
        "config": _object(value.get("config"), key, "config"),
        "retry": retry(value.get("retry"), key),
        "timeout_s": _amount(value.get("timeout_s"), key, "timeout_s", 0.001, 86_400, optional=True),
        "join": _choice(value.get("join", "any"), JOINS, key, "join"),
        "on_failure": on_failure(value.get("on_failure"), key),
        "compensate": _object(value.get("compensate"), key, "compensate"),
        "position": position(value.get("position"), key),
    }
    empty: dict[str, Any] = {"join": "any"}
    done.update((field, v) for field, v in kept.items() if v and v != empty.get(field))
    return done


def edge(value: Any, number: int = 1) -> dict[str, str]:
    """One edge in canonical form: ``port`` is left out where it is ``success``. Raises Invalid."""
    at = f"edges.{number - 1}"
    if not isinstance(value, dict):
        raise Invalid(f"Edge number {number} must be an object.", field=at)
    if extra := [field for field in value if field not in ("source", "target", "port")]:
        raise Invalid(f"Edge number {number}: {extra[0]!r} is not a field of an edge.", field=at)
    ends = {
        end: _matching(value.get(end), KEY, f"Edge number {number}: its {end}", f"{at}.{end}")
        for end in ("source", "target")
    }
    port = value.get("port")
    if port is not None:
        port = _matching(port, PORT, f"Edge number {number}: its port", f"{at}.port", ends["source"])
    return ends if port in (None, "success") else {**ends, "port": port}


def retry(value: Any, key: str) -> dict[str, float]:
    """What differs from one attempt, 1 s, doubled, at most 60 s. Raises Invalid."""
    value = _object(value, key, "retry")
    _known(value, tuple(RETRY), key, "retry.")
    done: dict[str, float] = {}
    for field, default in RETRY.items():
        low, high = LIMITS[field]
        whole = field == "max_attempts"
        given = _amount(value.get(field, default), key, f"retry.{field}", low, high, whole=whole)
        if given is not None and given != default:
            done[field] = given
    return done


def on_failure(value: Any, key: str) -> dict[str, Any]:
    """``{}`` for the default (the run fails), ``{action: continue}``, or a rollback. Raises Invalid."""
    value = _object(value, key, "on_failure")
    _known(value, ("action", "to", "max_times"), key, "on_failure.")
    action = _choice(value.get("action", "fail"), ACTIONS, key, "on_failure.action")
    if action != "rollback":
        return {} if action == "fail" else {"action": action}
    done: dict[str, Any] = {"action": action}
    if value.get("to") is not None:
        label = f"Step {key}: on_failure.to"
        done["to"] = _matching(value["to"], KEY, label, "on_failure.to", key)
    times = _amount(value.get("max_times", 1), key, "on_failure.max_times", 1, 100, whole=True)
    if times != 1:
        done["max_times"] = times
    return done


def position(value: Any, key: str) -> dict[str, int]:
    """Whole pixels, or ``{}`` where the step has not been placed. Raises Invalid."""
    value = _object(value, key, "position")
    if not value:
        return {}
    _known(value, ("x", "y"), key, "position.")
    x, y = (_amount(value.get(a), key, f"position.{a}", -FARTHEST, FARTHEST) for a in ("x", "y"))
    return {"x": round(x or 0), "y": round(y or 0)}


def _amount(
    value: Any,
    key: str,
    field: str,
    low: float,
    high: float,
    *,
    whole: bool = False,
    optional: bool = False,
) -> float | None:
    if value is None and optional:
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not low <= value <= high or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise _wrong(key, field, f"must be {kind} from {low} to {high}")
    return int(value) if value == int(value) else float(value)


def _text(value: Any, key: str | None, field: str, longest: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(key, field, "must be text")
    if len(value) > longest:
        raise _wrong(key, field, f"has {len(value)} characters, and may have {longest}")
    if _CONTROL.search(value):
        raise _wrong(key, field, "holds a control character; write it without")
    return value


def _object(value: Any, key: str | None, field: str) -> dict[str, Any]:
    if value is None and field:
        return {}
    if not isinstance(value, dict):
        if not field:
            raise Invalid("An orchestration document must be an object with `name`, `steps` and `edges`.")
        raise _wrong(key, field, "must be an object")
    return value


def _list(value: Any, field: str, most: int) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(None, field, "must be a list")
    if len(value) > most:
        raise _wrong(None, field, f"has {len(value)} entries, and may have {most}")
    return value


def _choice(value: Any, options: tuple[str, ...], key: str, field: str) -> str:
    if not isinstance(value, str) or value not in options:
        raise _wrong(key, field, f"must be one of {', '.join(options)}")
    return value


def _matching(value: Any, pattern: re.Pattern[str], label: str, field: str, key: str = "") -> str:
    if isinstance(value, str) and pattern.fullmatch(value):
        return value
    details = {"field": field, **({"step": key} if key else {})}
    if value is None or value == "":
        raise Invalid(f"{label} is missing.", **details)
    shown = repr(value)[:80]
    raise Invalid(
        f"{label} {shown} must be lower-case letters, digits and _, begin with a letter, "
        f"and have at most {64 if pattern is KEY else 32} characters.",
        **details,
    )


def _known(value: dict[str, Any], fields: tuple[str, ...], key: str | None, prefix: str = "") -> None:
    for field in value:
        if field not in fields:
            near = ", ".join(fields)
            raise _wrong(key, f"{prefix}{field}"[:120], f"is not a field here; there are {near}")


def _wrong(key: str | None, field: str, why: str) -> Invalid:
    if not key:
        return Invalid(f"{field[:1].upper()}{field[1:]} {why}.", field=field)
    return Invalid(f"Step {key}: {field} {why}.", step=key, field=field)
