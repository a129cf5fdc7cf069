"""YAML as JSON can mean it: the core schema of YAML 1.2, without its surprises.

``on``, ``yes``, ``12:30``, ``2024-01-01`` and ``007`` are text; only ``true``/``false``, ``null``, plain
decimal, octal (``0o17``) and hexadecimal integers and floats are not. Keys are always text. What JSON cannot
say (anchors, tags, infinity, several documents) and what hides a mistake (a key given twice) is refused with
its line.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from orchestrator.errors import Invalid

MAX_DEPTH = 64

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Emitter: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MISSING: Any = object()


def load(text: str) -> Any:
    """The JSON value that ``text`` says. Raises Invalid with the line where it cannot be read."""
    try:
        return _build(yaml.parse(text, Loader=_Parser))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise Invalid(f"This is not YAML: {where}{error.problem}.", code="not_readable") from error
    except (yaml.YAMLError, ValueError) as error:
        raise Invalid(f"This is not YAML: {error}.", code="not_readable") from error


def dump(value: Any) -> str:
    """``value`` as YAML: keys in their order, several lines of text as a block.

    Text that another reader could take for a date, a number or a truth is in quotes.
    """
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 20, indent=2))


class _Open:
    """A mapping or a list whose end has not come yet."""

    __slots__ = ("key", "value")

    def __init__(self, value: dict[str, Any] | list[Any]) -> None:
        self.value = value
        self.key: Any = _MISSING


def _build(events: Any) -> Any:
    """Fold the parser's events without recursion, so that depth is ours to bound."""
    stack: list[_Open] = []
    root: Any = _MISSING
    for event in events:
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            stack.pop()
            continue
        value = _value(event)
        if value is _MISSING:
            continue
        if stack:
            _put(stack[-1], value, event)
        elif root is not _MISSING:
            raise _refused(event, "a second document begins; one file holds one orchestration")
        else:
            root = value
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if len(stack) >= MAX_DEPTH:
                raise _refused(event, f"it is nested deeper than {MAX_DEPTH} levels")
            stack.append(_Open(value))
    return None if root is _MISSING else root


def _value(event: Any) -> Any:
    if getattr(event, "anchor", None) is not None:
        raise _refused(event, f"anchors and aliases ({event.anchor}) are not read; write the value out")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
        if event.tag not in (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            raise _refused(event, f"the tag {event.tag} is not read")
        return {} if isinstance(event, yaml.MappingStartEvent) else []
    return _MISSING


def _put(parent: _Open, value: Any, event: Any) -> None:
    if isinstance(parent.value, list):
        parent.value.append(value)
        return
    if parent.key is not _MISSING:
        parent.value[parent.key] = value
        parent.key = _MISSING
        return
    if not isinstance(event, yaml.ScalarEvent):
        raise _refused(event, "a key must be text")
    if event.value in parent.value:
        raise _refused(event, f"the key {event.value!r} is given twice")
    parent.key = event.value


def _scalar(event: Any) -> Any:
    text: str = event.value
    if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
        raise _refused(event, f"the tag {event.tag} is not read")
    if event.style or event.tag:
        return text
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    return _number(event, text)


def _number(event: Any, text: str) -> Any:
    """A number, or the text itself. A leading zero makes it text: it is a postal code, not an amount."""
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and re.search(r"[.eE]", text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        raise _refused(event, f"{text} is not a number that JSON knows; put it in quotes if it is text")
    return text


def _refused(event: Any, why: str) -> Invalid:
    line = event.start_mark.line + 1
    return Invalid(f"This YAML cannot be read: line {line}: {why}.", code="not_readable", line=line)


class _Dumper(_Emitter):  # type: ignore[misc]
    """Quotes what YAML 1.1 or 1.2 would not read back as text."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never write an alias: we do not read them."""
        return True


def _text(dumper: Any, value: str) -> Any:
    """Several lines as a block where it keeps them exactly, else let the emitter choose the quotes."""
    lines = value.split("\n")
    block = (
        len(lines) > 1
        and value.strip("\n") != ""
        and not value.startswith(("\n", " "))
        and all(line.isprintable() and line == line.rstrip() for line in lines)
    )
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if block else None)


_Dumper.add_representer(str, _text)
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(rf"^(?:{_FLOAT.pattern}|{_BASED.pattern}|{_NOT_FINITE.pattern})$"),
    list("-+.0123456789"),
)
