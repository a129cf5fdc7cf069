"""Forms of limits, and of how long runs are kept."""

from __future__ import annotations

from typing import Any

from django import forms

from builder.models import Orchestration
from orchestrator.forms import dress
from runs.limits import MOST, MOSTS, found
from runs.models import Limit

SAYS = {
    "concurrency": ("Steps at once", "Over all its runs; empty: no limit"),
    "requests_per_minute": ("Requests to models a minute", "Each call of a model counts; empty: no limit"),
    "tokens_per_minute": ("Tokens a minute", "Read and written; empty: no limit"),
}


class LimitForm(forms.Form):
    """How much; an empty field does not bound."""

    concurrency = forms.IntegerField(min_value=0, max_value=MOST, required=False)
    requests_per_minute = forms.IntegerField(min_value=0, max_value=MOST, required=False)
    tokens_per_minute = forms.IntegerField(min_value=0, max_value=MOST, required=False)

    def __init__(self, data: Any = None, *, may_set: bool = True, **kwargs: Any) -> None:
        super().__init__(data, auto_id="limit-%s", **kwargs)
        for name, (label, text) in SAYS.items():
            self.fields[name].label, self.fields[name].help_text = label, text
        for field in self.fields.values():
            field.disabled = not may_set
        dress(self)

    @property
    def most(self) -> dict[str, int | None]:
        """The figures."""
        return {name: self.cleaned_data[name] for name in MOSTS}


class RunningForm(LimitForm):
    """How an orchestration's runs are kept, and what bounds them."""

    field_order = ("keep_days", *MOSTS)
    keep_days = forms.IntegerField(
        min_value=0, max_value=36_500, required=False, label="Keep ended runs for … days",
        help_text="Then they are removed with all they came to; empty: for ever",
    )  # fmt: skip


class AnyLimitForm(LimitForm):
    """A limit of whatever it is for."""

    field_order = ("kind", "subject", *MOSTS)
    kind = forms.ChoiceField(choices=Limit.Kind.choices, label="For")
    subject = forms.CharField(
        required=False, max_length=150, label="Which one",
        help_text="User name, or slug; empty: each one that has no limit of its own",
    )  # fmt: skip


def stored(kind: str, subject: str) -> dict[str, Any]:
    """What is set for a subject, as a form shows it."""
    known = found(kind, subject)
    values: dict[str, Any] = {name: getattr(known, name, None) for name in MOSTS}
    if kind == Limit.Kind.ORCHESTRATION and subject:
        row = Orchestration.objects.filter(slug=subject).only("keep_days").first()
        values["keep_days"] = row.keep_days if row is not None else None
    return values
