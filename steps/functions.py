"""What templates may call: filters, tests and methods, each bounded; what is not here does not exist."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

from jinja2 import Environment, pass_environment
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.tests import TESTS as JINJA_TESTS

from steps import bounds
from steps.bounds import collected, current

OF_JINJA: dict[str, Callable[..., Any]] = dict(JINJA_FILTERS)
TESTS_OF_JINJA: dict[str, Callable[..., Any]] = dict(JINJA_TESTS)  # type: ignore[arg-type]


class Method:
    """A method of a JSON value, as a template sees it."""

    __slots__ = ("name", "of", "work")

    def __init__(self, name: str, work: Callable[..., Any], of: Any) -> None:
        self.name, self.work, self.of = name, work, of


def text(value: Any) -> str:
    """How a value reads inside text: null as nothing, objects and lists as JSON."""
    if isinstance(value, str):
        return str(value)  # no Markup
    if bounds.is_null(value):
        return ""
    if isinstance(value, (bool, Mapping, list, tuple)):
        if current().size(value) > bounds.MAX_VALUE:
            raise SecurityError(f"writes more than {bounds.MAX_VALUE:,} characters; let it write less")
        return json.dumps(value, ensure_ascii=False, default=_plain)
    if isinstance(value, (int, float)):
        return str(value)
    return json.dumps(_plain(value), ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if bounds.is_null(value):
        return None
    if isinstance(value, Mapping):
        return dict(value)
    name = f"the method {value.name}; add () to call it" if isinstance(value, Method) else "no JSON"
    raise SecurityError(f"gives {name}")


def join(pieces: Any) -> str:
    """Join the pieces of a ``{% set %}`` block, measured first: a loop may repeat one piece often."""
    pieces = list(pieces)
    current().spend(sum(map(len, pieces)))
    return "".join(pieces)


def _concat(values: list[Any]) -> str:
    return join([text(value) for value in values])


@pass_environment
def _join(environment: Environment, values: Any, separator: str = "", attribute: str | None = None) -> str:
    if attribute is not None:
        values = (environment.getitem(item, attribute) for item in values)
    return _joined(values, separator)


def _joined(values: Any, separator: str) -> str:
    pieces = [text(value) for value in bounds.turns(values)]
    current().spend(sum(map(len, pieces)) + len(separator) * len(pieces))
    return separator.join(pieces)


def _tojson(value: Any, indent: int | None = None) -> str:
    current().made([value])
    return json.dumps(value, ensure_ascii=False, indent=min(indent, 8) if indent else None, default=_plain)


def _fromjson(value: str) -> Any:
    return json.loads(value)


def _format(pattern: Any, *values: Any, **named: Any) -> str:
    return str(bounds.modulo(text(pattern), named or values))


@pass_environment
def _sum(environment: Environment, values: Any, attribute: str | None = None, start: float = 0) -> float:
    total = start
    for item in bounds.turns(values):
        number = item if attribute is None else environment.getitem(item, attribute)
        total = total + (number if isinstance(number, (int, float)) else float(number))
    return total


def _round(value: float, precision: int = 0, method: str = "common") -> float:
    if abs(precision) > 15:
        raise SecurityError("rounds to more than 15 places")
    rounded: float = OF_JINJA["round"](value, precision, method)
    return rounded


def _center(value: str, width: int = 80) -> str:
    return text(value).center(bounds.width(width))


def _indent(value: str, width: int = 4, first: bool = False, blank: bool = False) -> str:
    current().spend(len(value) + bounds.width(width) * (value.count("\n") + 1))
    return str(OF_JINJA["indent"](value, width, first, blank))


def _batch(values: Any, size: int, fill_with: Any = None) -> Iterator[Any]:
    yield from OF_JINJA["batch"](bounds.turns(values), bounds.width(size), fill_with)


def _list(values: Any) -> list[Any]:
    return list(bounds.turns(values))


def limited_range(*limits: int) -> list[int]:
    """The numbers of ``range(*limits)``, at most MAX_LOOPS of them."""
    numbers = range(*limits)
    if len(numbers) > bounds.MAX_LOOPS:
        raise SecurityError(f"counts over more than {bounds.MAX_LOOPS:,} numbers")
    current().spend(bounds.NODE * len(numbers))
    return list(numbers)


@pass_environment
def _truncate(environment: Environment, value: Any, *args: Any, **kwargs: Any) -> str:
    return str(OF_JINJA["truncate"](environment, text(value), *args, **kwargs))


def _on_text(work: Callable[..., Any]) -> Callable[..., Any]:
    return lambda value, *args, **kwargs: work(text(value), *args, **kwargs)


def _escape(value: Any) -> str:
    return str(OF_JINJA["escape"](text(value)))


def _default(value: Any, other: Any = "", boolean: bool = False) -> Any:
    return other if bounds.is_null(value) or (boolean and not value) else value


def _bounded(work: Callable[..., Any]) -> Callable[..., Any]:
    """A filter or test that asks the budget and gives a list where Jinja gives a lazy iterator."""

    @wraps(work)  # carries Jinja's pass_context mark along
    def held(*args: Any, **kwargs: Any) -> Any:
        current().tick()
        value = work(*args, **kwargs)
        return collected(value) if isinstance(value, Iterator) else current().made(value)

    return held


_OWN: dict[str, Callable[..., Any]] = {
    "batch": _batch, "center": _center, "d": _default, "default": _default, "e": _escape,
    "escape": _escape, "format": _format, "fromjson": _fromjson, "indent": _indent, "join": _join,
    "list": _list, "replace": lambda value, *args: bounds.replace(text(value), *args), "round": _round,
    "string": text, "sum": _sum, "tojson": _tojson, "truncate": _truncate,
}  # fmt: skip
FILTERS: dict[str, Callable[..., Any]] = {
    name: _bounded(OF_JINJA[name])
    for name in (
        "abs", "count", "dictsort", "filesizeformat", "first", "float", "groupby", "int", "items", "last",
        "length", "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort",
        "unique", "urlencode",
    )
} | {
    name: _bounded(_on_text(OF_JINJA[name]))
    for name in ("capitalize", "lower", "title", "trim", "upper", "wordcount")
} | {
    name: _bounded(work) for name, work in _OWN.items()
}  # fmt: skip
# Put around parts of a template by `sandbox.Held`; their names cannot be written in one.
FILTERS |= {
    "#turns": bounds.turns,
    "#made": lambda value: current().made(value),
    "#tick": lambda value: current().ticked(value),
    "#concat": _concat,
}
TESTS: dict[str, Callable[..., Any]] = {
    name: _bounded(TESTS_OF_JINJA[name])
    for name in (
        "!=", "<", "<=", "==", ">", ">=", "boolean", "defined", "divisibleby", "eq", "equalto", "even",
        "false", "float", "ge", "greaterthan", "gt", "in", "integer", "iterable", "le", "lessthan",
        "lower", "lt", "mapping", "ne", "number", "odd", "sequence", "string", "true", "undefined", "upper",
    )
} | {"none": bounds.is_null, "null": bounds.is_null}  # fmt: skip

METHODS: dict[type, dict[str, Callable[..., Any]]] = {
    str: {
        name: getattr(str, name)
        for name in (
            "capitalize", "casefold", "count", "endswith", "find", "index", "isalnum", "isalpha",
            "isdigit", "islower", "isnumeric", "isspace", "isupper", "lower", "lstrip", "partition",
            "removeprefix", "removesuffix", "rfind", "rpartition", "rsplit", "rstrip", "split",
            "splitlines", "startswith", "strip", "swapcase", "title", "upper",
        )
    }
    | {
        "replace": bounds.replace,
        "join": lambda separator, values: _joined(values, separator),
        "center": lambda value, size, fill=" ": value.center(bounds.width(size), fill),
        "ljust": lambda value, size, fill=" ": value.ljust(bounds.width(size), fill),
        "rjust": lambda value, size, fill=" ": value.rjust(bounds.width(size), fill),
        "zfill": lambda value, size: value.zfill(bounds.width(size)),
    },
    dict: {
        "items": lambda value: list(value.items()),
        "keys": list,
        "values": lambda value: list(value.values()),
        "get": lambda value, key, other=None: value.get(key, other),
    },
    list: {"count": list.count, "index": list.index},
}  # fmt: skip
