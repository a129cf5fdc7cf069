"""Forms of the knowledge pages."""

from __future__ import annotations

from typing import Any

from django import forms

from knowledge.models import KnowledgeBase
from knowledge.search import LONGEST_QUERY, MOST
from orchestrator.forms import dress


class BaseForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a knowledge base is called and what it is for."""

    class Meta:
        model = KnowledgeBase
        fields = ("name", "description")
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "off"}),
            "description": forms.Textarea(attrs={"rows": 2}),
        }
        help_texts = {"description": "One sentence: what can be found in it"}
        error_messages = {"name": {"required": "Give it a name, for example “Refund policy”."}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)


class SearchForm(forms.Form):
    """A question, how many passages, and from which score on a step would use them."""

    q = forms.CharField(required=False, max_length=LONGEST_QUERY)
    k = forms.IntegerField(required=False, min_value=1, max_value=MOST)
    limit = forms.FloatField(required=False, min_value=0, max_value=1)

    def asked(self) -> tuple[str, int, float]:
        """Question, count and limit, with defaults for what is missing or out of bounds."""
        self.is_valid()
        data = self.cleaned_data
        return data.get("q") or "", data.get("k") or 5, data.get("limit") or 0.0
