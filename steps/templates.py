"""Templates of a step's config: compiled once, rendered with a budget, analysed without running.

``{{ }}`` in any string; a string that is exactly one ``{{ }}`` keeps its value's type; a string
without ``{{`` is returned as it is, at no cost. ``when`` and the like are bare expressions. Templates
see ``input``, ``steps.<key>.output|status|error|citations``, ``run``, ``rollback``, and ``item`` and
``index`` inside a map. What is not there reads as null, and so does everything below it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import Template, nodes
from jinja2.exceptions import SecurityError, TemplateSyntaxError, UndefinedError
from jinja2.meta import find_undeclared_variables
from jinja2.parser import Parser

from steps.base import JSON, StepError
from steps.bounds import MAX_VALUE, is_null, spending
from steps.functions import text
from steps.sandbox import ENVIRONMENT, ROOTS, Held

Path = tuple[str, ...]

MAX_SOURCE = 200_000  # characters of one template
MAX_NODES = 5_000  # parts of one template
ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.AssignBlock,
    nodes.NSRef, nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword,
    nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Call, nodes.Getattr, nodes.Getitem, nodes.Slice,
    nodes.Concat, nodes.Compare, nodes.Operand, nodes.BinExpr, nodes.UnaryExpr,
)  # fmt: skip


class TemplateError(StepError):
    """A template cannot be read or worked out. ``field`` is its path in the config: ``cases.0.when``."""

    def __init__(self, why: str, field: str = "", line: int | None = None) -> None:
        self.why, self.field, self.line = why, field, line
        place = f"The template in {field}" if field else "The template"
        super().__init__(
            f"{place}{f', line {line},' if line and line > 1 else ''} {why}.", code="template", field=field
        )

    def within(self, field: str) -> TemplateError:
        """The same error, naming where in the config it happened."""
        return TemplateError(self.why, field, self.line)


@dataclass(frozen=True, slots=True)
class Program:
    """One compiled string. ``native`` keeps the type of its value; else it writes text."""

    template: Template
    native: bool
    reads: frozenset[Path]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A config value ready to be rendered. ``constant`` ones are returned as they are."""

    value: Any  # JSON where constant, else Program or dict/list of Compiled
    constant: bool
    field: str = ""


def has_template(value: JSON) -> bool:
    """Whether ``value`` is a string that is worked out at run time."""
    return isinstance(value, str) and "{{" in value


def compile_value(value: JSON, field: str = "") -> Compiled:
    """Compile every template in ``value`` (any JSON). Raises TemplateError that names the field."""
    if has_template(value):
        return Compiled(_named(field, program, value), False, field)
    parts: Any
    if isinstance(value, dict):
        parts = {key: compile_value(part, _below(field, key)) for key, part in value.items()}
        constant = all(part.constant for part in parts.values())
    elif isinstance(value, list):
        parts = [compile_value(part, _below(field, number)) for number, part in enumerate(value)]
        constant = all(part.constant for part in parts)
    else:
        return Compiled(value, True, field)
    return Compiled(value, True, field) if constant else Compiled(parts, False, field)


def render(compiled: Compiled, scope: Mapping[str, JSON], deadline: float | None = None) -> JSON:
    """The JSON that ``compiled`` gives in ``scope``; constants are shared, not copied.

    ``deadline`` is a ``time.monotonic`` moment. Raises TemplateError that names the field.
    """
    if compiled.constant:
        return compiled.value
    if isinstance(compiled.value, dict):
        return {key: render(part, scope, deadline) for key, part in compiled.value.items()}
    if isinstance(compiled.value, list):
        return [render(part, scope, deadline) for part in compiled.value]
    return _named(compiled.field, _work_out, compiled.value, scope, deadline)


def render_value(value: JSON, scope: Mapping[str, JSON], field: str = "") -> JSON:
    """Compile (from the cache) and render in one go."""
    return render(compile_value(value, field), scope)


def evaluate(
    expression: str, scope: Mapping[str, JSON], deadline: float | None = None, field: str = ""
) -> JSON:
    """The JSON value of a bare expression such as ``steps.classify.output.label == 'refund'``."""
    return _named(field, _work_out, _named(field, expression_program, expression), scope, deadline)


def text_of(value: JSON) -> str:
    """How a value reads inside text: null as nothing, objects and lists as JSON."""
    with spending(None):
        return text(value)


def names(value: JSON, *, expression: bool = False) -> set[Path]:
    """What ``value`` reads, at most two names deep: ``("steps", "classify")``, ``("input", "message")``.

    ``("steps",)`` alone means that the template reads the steps as a whole or by a computed key.
    """
    return {path[:2] for path in paths(value, expression=expression)}


def paths(value: JSON, *, expression: bool = False) -> set[Path]:
    """What ``value`` reads, as deep as it says: ``("steps", "classify", "output", "label")``."""
    return {path for _, path in reads(value, expression=expression)}


def reads(value: JSON, field: str = "", *, expression: bool = False) -> Iterator[tuple[str, Path]]:
    """Each (field, path) that ``value`` reads. Raises TemplateError where it cannot be compiled."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from reads(part, _below(field, key), expression=expression)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from reads(part, _below(field, number), expression=expression)
    elif expression and isinstance(value, str):
        yield from ((field, path) for path in sorted(_named(field, expression_program, value).reads))
    elif has_template(value):
        yield from ((field, path) for path in sorted(_named(field, program, value).reads))


@lru_cache(maxsize=4096)
def program(source: str) -> Program:
    """The compiled form of a string with ``{{``. Raises TemplateError."""
    single = _single(source)
    return _compiled(_result(single) if single else _parsed(source), native=single is not None)


@lru_cache(maxsize=4096)
def expression_program(source: str) -> Program:
    """The compiled form of a bare expression. Raises TemplateError."""
    if not isinstance(source, str) or not source.strip():
        raise TemplateError("is empty; write an expression such as input.amount > 100")
    if has_template(source):
        raise TemplateError("is a condition, so it is written without {{ and }}")
    return _compiled(_result(_parsed_expression(source)), native=True)


def _below(field: str, part: str | int) -> str:
    return f"{field}.{part}" if field else str(part)


def _named(field: str, work: Any, *args: Any) -> Any:
    try:
        return work(*args)
    except TemplateError as error:
        raise (error.within(field) if field and not error.field else error) from error.__cause__


def _single(source: str) -> nodes.Expr | None:
    """The expression of a template that is exactly one ``{{ }}``, white space around it aside."""
    source = source.strip()
    if not (source.startswith("{{") and source.endswith("}}")):
        return None
    body = _parsed(source).body
    if len(body) == 1 and isinstance(output := body[0], nodes.Output) and len(output.nodes) == 1:
        return None if isinstance(output.nodes[0], nodes.TemplateData) else output.nodes[0]
    return None


def _result(expression: nodes.Expr) -> nodes.Template:
    assign = nodes.Assign(nodes.Name("result", "store", lineno=1), expression, lineno=1)
    return nodes.Template([assign], lineno=1)


def _parsed(source: str) -> nodes.Template:
    body: nodes.Template = _read(source, lambda: Parser(ENVIRONMENT, source).parse())
    return body


def _parsed_expression(source: str) -> nodes.Expr:
    def parse() -> nodes.Expr:
        parser = Parser(ENVIRONMENT, source, state="variable")
        expression = parser.parse_expression()
        if not parser.stream.eos:
            raise TemplateSyntaxError("goes on after its end", parser.stream.current.lineno)
        return expression

    read: nodes.Expr = _read(source, parse)
    return read


def _read(source: str, parse: Any) -> Any:
    if len(source) > MAX_SOURCE:
        raise TemplateError(f"is longer than {MAX_SOURCE:,} characters; split it over several steps")
    try:
        return parse()
    except TemplateSyntaxError as error:
        raise TemplateError(f"cannot be read: {_sentence(error)}", line=error.lineno) from error
    except (RecursionError, MemoryError, ValueError, OverflowError) as error:
        raise TemplateError("is nested too deeply; split it over several steps") from error


def _compiled(body: nodes.Template, *, native: bool) -> Program:
    try:
        body.set_environment(ENVIRONMENT)
        _check(body)
        found = frozenset(_paths(body))
        code = ENVIRONMENT.compile(Held().visit(body))
        return Program(Template.from_code(ENVIRONMENT, code, ENVIRONMENT.globals), native, found)
    except TemplateSyntaxError as error:
        raise TemplateError(f"cannot be read: {_sentence(error)}", line=error.lineno) from error
    except SecurityError as error:
        raise TemplateError(str(error)) from error
    except SyntaxError as error:  # Python's, of the code that Jinja writes
        raise TemplateError(f"cannot be read: {error.msg}") from error
    except (RecursionError, MemoryError, ValueError, OverflowError) as error:
        raise TemplateError("is nested too deeply; split it over several steps") from error


def _check(body: nodes.Template) -> None:
    for count, node in enumerate(body.find_all(nodes.Node)):
        if count >= MAX_NODES:
            raise TemplateError(f"has more than {MAX_NODES:,} parts; split it over several steps")
        if not isinstance(node, ALLOWED):
            raise TemplateError(f"uses {{% {type(node).__name__.lower()} %}}, which does not exist here",
                                line=node.lineno)  # fmt: skip
    unknown = sorted(find_undeclared_variables(body) - ROOTS - set(ENVIRONMENT.globals))
    unknown += ["self"] * any(name.name == "self" for name in body.find_all(nodes.Name))  # Jinja's own
    if unknown:
        raise TemplateError(
            f"reads {unknown[0]!r}, which is not there; there are input, steps, run, rollback"
        )


def _sentence(error: TemplateSyntaxError) -> str:
    said = (error.message or "it is not complete").rstrip(".")
    return said[:1].lower() + said[1:] if said[:2] != said[:2].upper() else said


def _paths(node: nodes.Node) -> Iterator[Path]:
    """The longest constant paths from a root name; computed keys end a path and are read themselves."""
    path, rest = _chain(node)
    if path and path[0] in ROOTS:
        yield path
        for part in rest:
            yield from _paths(part)
        return
    for child in node.iter_child_nodes():
        yield from _paths(child)


def _chain(node: nodes.Node) -> tuple[Path, list[nodes.Node]]:
    if isinstance(node, nodes.Name) and node.ctx == "load":
        return (node.name,), []
    if isinstance(node, nodes.Getattr):
        path, rest = _chain(node.node)
        return ((*path, node.attr), rest) if path and not rest else (path, rest)
    if isinstance(node, nodes.Getitem):
        path, rest = _chain(node.node)
        if path and not rest and isinstance(node.arg, nodes.Const):
            return (*path, str(node.arg.value)), []
        return path, [*rest, node.arg] if path else []
    return (), []


def _work_out(program: Program, scope: Mapping[str, JSON], deadline: float | None) -> JSON:
    context = program.template.new_context(dict(scope))
    try:
        with spending(deadline) as budget:
            pieces, length = [], 0
            for piece in program.template.root_render_func(context):
                length += len(piece)
                if length > MAX_VALUE:
                    raise SecurityError(f"writes more than {MAX_VALUE:,} characters; let it write less")
                budget.tick()
                pieces.append(piece)
            return plain(context.vars["result"]) if program.native else "".join(pieces)
    except (SecurityError, UndefinedError) as error:
        raise TemplateError(str(error).rstrip(".")) from error
    except RecursionError as error:
        raise TemplateError("makes a value that is nested too deeply") from error
    except ZeroDivisionError as error:
        raise TemplateError("divides by zero") from error
    except Exception as error:  # filters and operators raise what they like
        raise TemplateError(f"cannot be worked out: {str(error).rstrip('.')[:300]}") from error


def plain(value: Any) -> JSON:
    """``value`` as JSON: null for what is not there, lists for tuples. Raises SecurityError for the rest."""
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise SecurityError("gives a whole number that is too large for JSON")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise SecurityError("gives a number that JSON cannot hold")
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if is_null(value):
        return None
    raise SecurityError("gives something that is no JSON value; is a () missing after a name")
