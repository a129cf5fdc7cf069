"""JSON values as HTML: a tree that a person reads, and the raw text."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()
JSON = Any
DEEPEST = 8
MOST = 100  # entries of one list or object
LONGEST = 20_000  # characters of one text


@register.filter
def tree(value: JSON) -> SafeString:
    """A value to read: texts as paragraphs, objects as name and value, lists numbered; bounded."""
    return _tree(value, 0)


@register.filter
def raw(value: JSON) -> str:
    """The value as indented JSON."""
    return json.dumps(value, ensure_ascii=False, indent=2)


@register.filter
def oneline(value: JSON, longest: int = 80) -> str:
    """A value in one short line, for a row."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _tree(value: JSON, depth: int) -> SafeString:
    if isinstance(value, dict) and value and depth < DEEPEST:
        rows = [(name, _tree(part, depth + 1)) for name, part in list(value.items())[:MOST]]
        body = format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows)
        return format_html('<dl class="facts tree">{}</dl>{}', body, _more(len(value)))
    if isinstance(value, list) and value and depth < DEEPEST:
        body = format_html_join("", "<li>{}</li>", ((_tree(part, depth + 1),) for part in value[:MOST]))
        return format_html('<ol class="tree">{}</ol>{}', body, _more(len(value)))
    return _leaf(value)


def _leaf(value: JSON) -> SafeString:
    if isinstance(value, str):
        if not value:
            return format_html('<span class="muted">{}</span>', "empty text")
        return format_html('<span class="text">{}</span>{}', value[:LONGEST], _cut(len(value)))
    if isinstance(value, bool):
        return format_html("{}", "yes" if value else "no")
    if value is None:
        return format_html('<span class="muted">{}</span>', "nothing")
    if isinstance(value, (dict, list)) and not value:
        return format_html('<span class="muted">{}</span>', "empty")
    text = json.dumps(value, ensure_ascii=False)
    return format_html("<code>{}</code>{}", text[:LONGEST], _cut(len(text)))


def _more(number: int) -> SafeString:
    if number <= MOST:
        return SafeString("")
    return format_html('<p class="small muted">and {} more</p>', f"{number - MOST:,}")


def _cut(length: int) -> SafeString:
    if length <= LONGEST:
        return SafeString("")
    return format_html(' <span class="small muted">… and {} more characters</span>', f"{length - LONGEST:,}")
