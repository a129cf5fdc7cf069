"""The forms of the orchestration pages; the builder's inspector is drawn from step types instead."""

from __future__ import annotations

from typing import Any

from django import forms

from builder.models import Orchestration


class _Described(forms.Form):
    """A form whose controls look like the product's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if not isinstance(field.widget, forms.CheckboxInput):
                field.widget.attrs.setdefault("class", "input")


class NewOrchestration(_Described):
    """What a new orchestration is called."""

    name = forms.CharField(
        max_length=Orchestration._meta.get_field("name").max_length,
        error_messages={"required": "Give it a name, for example “Refund request”."},
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
    )
    description = forms.CharField(
        required=False,
        max_length=2000,
        help_text="One sentence: what it does, for those who start it",
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class ImportOrchestration(_Described):
    """A document, as a file or as text, and whether it is published at once."""

    either = True  # one of the two is needed, so neither is called optional

    file = forms.FileField(
        required=False,
        label="File",
        help_text="JSON or YAML, as another orchestration's Export gives it",
        widget=forms.FileInput(attrs={"accept": ".json,.yaml,.yml,application/json,application/yaml"}),
    )
    text = forms.CharField(
        required=False,
        label="or the document as text",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "class": "input code", "spellcheck": "false"}),
    )
    publish = forms.BooleanField(
        required=False,
        label="Publish it at once",
        help_text="Refused as a whole if it has problems",
    )

    def clean(self) -> dict[str, Any]:
        """Exactly one of file and text."""
        data = super().clean() or {}
        if not data.get("file") and not (data.get("text") or "").strip() and not self.errors:
            self.add_error("file", "Choose a file, or paste the document below.")
        return data

    def content(self) -> tuple[bytes, str]:
        """The document's bytes and its media type."""
        upload = self.cleaned_data["file"]
        if upload:
            yaml = upload.name.lower().endswith((".yaml", ".yml"))
            return upload.read(), "application/yaml" if yaml else "application/json"
        text = self.cleaned_data["text"]
        return text.encode(), "application/json" if text.lstrip().startswith("{") else "application/yaml"


class Publish(_Described):
    """A note for the version's history."""

    note = forms.CharField(
        required=False,
        max_length=2000,
        label="What changed",
        help_text="Shown in the version history",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
