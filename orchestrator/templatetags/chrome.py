"""The parts that every page is made of: icons and statuses. Built into every template."""

from __future__ import annotations

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

# status -> (class, glyph, word); shape and word, never colour alone (DESIGN: Status)
STATUSES: dict[str, tuple[str, str, str]] = {
    "PENDING": ("is-pending", "s-pending", "Pending"),
    "RUNNING": ("is-running", "s-running", "Running"),
    "WAITING": ("is-waiting", "s-waiting", "Waiting"),
    "COMPLETED": ("is-completed", "s-completed", "Completed"),
    "FAILED": ("is-failed", "s-failed", "Failed"),
    "SKIPPED": ("is-skipped", "s-skipped", "Skipped"),
    "CANCELLED": ("is-cancelled", "s-cancelled", "Cancelled"),
    "ROLLING_BACK": ("is-rolled", "s-rolling", "Rolling back"),
    "ROLLED_BACK": ("is-rolled", "s-rolled", "Rolled back"),
    "NOT_UNDONE": ("is-rolled", "s-failed", "Not undone"),  # of a step at which a rollback is stuck
}


@register.simple_tag
def icon(name: str, css: str = "icon") -> SafeString:
    """A decorative icon of the sprite; ``css`` may be ``glyph`` or add classes."""
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>', css, static("sprite.svg"), name
    )


@register.simple_tag
def status(value: str, words: str = "", css: str = "") -> SafeString:
    """Glyph and word of a status; ``css="chip"`` for bars and tables, ``words`` replaces the word."""
    tone, glyph, word = STATUSES[value]
    return format_html(
        '<span class="status {} {}">{}{}</span>', css, tone, icon(glyph, "glyph"), words or word
    )


@register.simple_tag
def glyph(value: str) -> SafeString:
    """The glyph of a status alone, its word for screen readers."""
    tone, name, word = STATUSES[value]
    return format_html(
        '<span class="status {}">{}<span class="hidden">{}</span></span>', tone, icon(name, "glyph"), word
    )


@register.filter
def tone(value: str) -> str:
    """The CSS class of a status: ``is-completed``."""
    return STATUSES[value][0]
