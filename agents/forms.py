"""Forms of the pages for models, agents, tools and credentials."""

from __future__ import annotations

from typing import Any

from django import forms

from agents.models import Agent, Credential, LLMModel, Tool
from orchestrator.forms import dress

ROWS = {"rows": 4}


class Dressed(forms.ModelForm):  # type: ignore[type-arg]
    """A form in the product's look."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field.widget, forms.Textarea):
                field.widget.attrs.update(ROWS)
        if "credential" in self.fields:
            self.fields["credential"].empty_label = "None"  # type: ignore[attr-defined]
        dress(self)
        for field in self.fields.values():
            if isinstance(field.widget, forms.CheckboxInput):
                field.widget.attrs.pop("class", None)


class LLMModelForm(Dressed):
    """Whom to call, with what, and what it costs."""

    class Meta:
        model = LLMModel
        fields = (
            *("name", "provider", "model_name", "base_url", "credential"),
            *("input_price", "output_price", "timeout_s", "defaults", "is_active"),
        )
        labels = {"model_name": "Model’s name at the provider", "base_url": "Address", "timeout_s": "Timeout"}
        labels |= {"input_price": "Price of a million tokens read", "is_active": "Switched on"}
        labels |= {"output_price": "Price of a million tokens written"}
        help_texts = {
            "base_url": "Only where it is not the provider’s own",
            "credential": "Without one, the key in the server’s environment is used",
            "timeout_s": "Seconds",
            "defaults": "JSON: temperature, max_tokens, structure",
        }


class AgentForm(Dressed):
    """Instructions, a model, and what it may use."""

    class Meta:
        model = Agent
        fields = (
            "name",
            "instructions",
            "model",
            "knowledge",
            "tools",
            "output_schema",
            "defaults",
            "is_active",
        )
        labels = {"is_active": "Switched on", "defaults": "Limits"}
        help_texts = {
            "knowledge": "JSON list of knowledge bases’ slugs",
            "tools": "JSON list of tools’ slugs",
            "output_schema": "JSON Schema of an object; empty for text",
            "defaults": "JSON: temperature, max_tokens; they override the model’s",
        }


class ToolForm(Dressed):
    """A call that agents may make."""

    class Meta:
        model = Tool
        fields = ("name", "description", "kind", "config", "credential", "is_active")
        labels = {"is_active": "Switched on"}
        help_texts = {
            "description": "Tells the model when to use it",
            "config": "JSON: url, method, query, headers, json, arguments; or base, k",
        }


class CredentialForm(Dressed):
    """A secret goes in and never comes out."""

    secret = forms.CharField(
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="It is encrypted and never shown again; left empty, the stored one stays",
    )

    class Meta:
        model = Credential
        fields = ("name", "kind", "header", "username")
        help_texts = {"header": "The header’s name, for the kind Header", "username": "For user and password"}
