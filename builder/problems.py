"""What keeps a draft from being published, as sentences that say what to do (ARCHITECTURE, semantic 10)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import steps
from builder.document import structure
from builder.findings import Reads, findings
from builder.graph import Graph, GraphError, rollback_targets
from builder.readable import METHODS, output_names
from builder.references import Directory
from steps import schema, templates
from steps.base import Lookup, Problem
from steps.orchestration import runs_children

JSON = Any
OUTCOMES = ("output", "status", "error", "citations")  # of a step, in templates
Found = Iterator[Problem]
OF_ITEMS = ("config.step.", "config.input", "compensate.config.")  # of a map: they read item and index
Outputs = dict[str, tuple[str, ...] | None]  # the names in each step's output, where they are known


def problems(document: dict[str, Any], exists: Lookup | None = None) -> list[Problem]:
    """Every Problem of a canonical document, the orchestration's own first, then step by step.

    ``exists`` answers whether a name is known; without one the database does. A document that is no graph has
    that one Problem.
    """
    try:
        graph = structure(document)
    except GraphError as error:
        step = error.details.get("step")
        return [Problem(step, error.details.get("field", ""), error.code, error.message)]
    exists = exists or Directory()
    outputs = {step["key"]: output_names(step) for step in document.get("steps") or ()}
    found = list(_of_whole(document, graph, outputs))
    for step in document.get("steps") or ():
        found += _of_step(step, graph, exists, outputs)
    return found


def _of_whole(document: dict[str, Any], graph: Graph, outputs: Outputs) -> Found:
    if not graph.steps:
        yield Problem(None, "steps", "no_steps", "There is no step yet; add what should happen first.")
    if "input" in document:
        yield from _input(document["input"])
    if "output" in document:
        yield from _output(document["output"], graph, outputs)


def _input(declared: dict[str, Any]) -> Found:
    if wrong := schema.schema_problem(declared):
        yield Problem(None, "input", "bad_schema", f"{wrong} The start form is drawn from it; correct it.")
    elif declared.get("type", "object") != "object":
        message = "The input must be an object with properties: set its type to object."
        yield Problem(None, "input.type", "bad_schema", message)


def _output(output: JSON, graph: Graph, outputs: Outputs) -> Found:
    try:
        read = list(templates.reads(output, "output"))
    except templates.TemplateError as error:
        yield Problem(None, error.field or "output", "template", error.message)
        return
    for field, path in read:
        if path[0] == "steps" and len(path) > 1 and path[1] not in graph.steps:
            yield Problem(None, field, "unknown_step", _unknown(path[1], graph.steps))
        elif path[0] == "steps":
            yield from _outcome(None, field, path, outputs)
        elif path[0] in ("item", "index", "rollback", "value"):
            message = f"The output reads {path[0]}, which only steps see; read input or steps instead."
            yield Problem(None, field, "unknown_name", message)


def _of_step(step: dict[str, Any], graph: Graph, exists: Lookup, outputs: Outputs) -> Found:
    key, kind, config = step["key"], step["type"], step.get("config") or {}
    found, reads = findings(key, kind, config, exists)
    yield from found
    yield from _reads(key, reads, graph, outputs)
    if "compensate" in step:
        yield from _compensate(step, graph, exists, outputs)
    yield from _on_failure(step, graph)


def _compensate(step: dict[str, Any], graph: Graph, exists: Lookup, outputs: Outputs) -> Found:
    """What undoes the step: an action that ends at once; it may read what the step itself gave."""
    key, action = step["key"], step["compensate"]
    if runs_children(step):
        message = "The runs that this step starts are rolled back with it; it takes nothing else to undo it."
        yield Problem(key, "compensate", "invalid", message)
    if extra := [name for name in action if name not in ("type", "config")]:
        message = f"What undoes a step has a type and a config, and no {extra[0]!r}; leave it out."
        yield Problem(key, "compensate", "invalid", message)
    kind = action.get("type", "")
    if kind not in steps.TYPES or steps.TYPES[kind].waits:
        message = f"Nothing of type {kind!r} can undo a step; use one that ends at once, such as http."
        yield Problem(key, "compensate.type", "unknown_type", message)
        return
    found, reads = findings(key, kind, action.get("config") or {}, exists)
    for one in found:
        yield Problem(key, f"compensate.{one.field}", one.code, one.message)
    named = tuple((f"compensate.{field}", path) for field, path in reads)
    yield from _reads(key, named, graph, outputs, itself=True)


def _reads(key: str, reads: Reads, graph: Graph, outputs: Outputs, *, itself: bool = False) -> Found:
    """Templates that read a step which is not upstream, or what no step has."""
    each = graph.steps[key].type == "map"
    for field, path in reads:
        if path[0] in ("item", "index") and not field.startswith(OF_ITEMS if each else "config.step."):
            message = f"{path[0]} is known inside a map only; read input or a step before this one."
            yield Problem(key, field, "unknown_name", message)
        if path[0] != "steps" or len(path) < 2:
            continue
        other = path[1]
        if other not in graph.steps:
            yield Problem(key, field, "unknown_step", _unknown(other, graph.steps))
        elif other == key and not itself:
            message = f"This reads steps.{key}, the step itself, which has no output before it has run."
            yield Problem(key, field, "not_upstream", message)
        elif other != key and not graph.is_upstream(other, key):
            name = graph.steps[other].name
            message = (
                f"This reads steps.{other} ({name}), which does not come before this step; connect it first."
            )
            yield Problem(key, field, "not_upstream", message)
        else:
            yield from _outcome(key, field, path, outputs)


def _outcome(key: str | None, field: str, path: templates.Path, outputs: Outputs) -> Found:
    if len(path) > 2 and path[2] not in OUTCOMES:
        near = f"steps.{path[1]}.output.{path[2]}"
        message = f"A step has output, status and error, but no {path[2]}; write {near} if the output has it."
        yield Problem(key, field, "unknown_name", message)
    names = outputs.get(path[1]) if len(path) > 3 and path[2] == "output" else None
    if names is None or path[3] in names or path[3] in METHODS:
        return
    near = nearest(path[3], list(names))
    have = f"is it {near}?" if near else f"it has {', '.join(names)}."
    message = f"The output of steps.{path[1]} has no {path[3]}; {have}"
    yield Problem(key, field, "unknown_name", message)


def _on_failure(step: dict[str, Any], graph: Graph) -> Found:
    key, wish = step["key"], step.get("on_failure") or {}
    if wish.get("action") == "continue" and "success" not in graph.steps[key].ports:
        ports = ", ".join(graph.steps[key].ports)
        message = f"This step has no success to go on along (its ports are {ports}); choose another answer."
        yield Problem(key, "on_failure.action", "cannot_continue", message)
    if wish.get("action") != "rollback":
        return
    to = wish.get("to")
    if not to:
        message = "Say to which step a failure rolls back: this one or one before it."
        yield Problem(key, "on_failure.to", "missing", message)
    elif to not in graph.steps:
        yield Problem(key, "on_failure.to", "unknown_step", _unknown(to, graph.steps))
    elif to not in rollback_targets(graph, key):
        message = f"A failure can roll back to this step or to one before it, and {to} is neither."
        yield Problem(key, "on_failure.to", "not_upstream", message)


def _unknown(key: str, known: Any) -> str:
    near = nearest(key, list(known))
    return f"There is no step {key}{f'; is it {near}?' if near else '.'}"


def nearest(word: str, options: list[str]) -> str:
    """The option that ``word`` may have meant, or an empty string."""
    return next(iter(get_close_matches(word, options[:2_000], n=1, cutoff=0.6)), "")


def label(problem: Problem, step_type: str | None) -> str:
    """What people call the field a Problem is about: the titles along its path in the type's schema."""
    path = [part for part in problem.field.split(".") if part]
    if not path or path[0] != "config" or step_type not in steps.TYPES:
        return _word(path[-1]) if path else ""
    node: Any = steps.TYPES[step_type].schema
    titles: list[str] = []
    for part in path[1:]:
        if part.isdigit():
            node = node.get("items", {})
            titles.append(f"{int(part) + 1}")
            continue
        node = _property(node, part)
        titles.append(str(node.get("title") or _word(part)))
    return " ".join(titles)


def _property(node: dict[str, Any], name: str) -> dict[str, Any]:
    for holder in (node, *node.get("oneOf", ())):
        found = holder.get("properties", {}).get(name)
        if isinstance(found, dict):
            return found
    return {}


def _word(part: str) -> str:
    return re.sub(r"[_\s]+", " ", part).strip().capitalize()
