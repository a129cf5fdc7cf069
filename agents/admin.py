"""Django's admin for models, agents, tools and credentials; a secret goes in and never comes out."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from agents import changes, verbs
from agents.models import Agent, Credential, LLMModel, Tool
from orchestrator.errors import Invalid


class CredentialForm(forms.ModelForm):  # type: ignore[type-arg]
    """The stored secret is never part of the form, not even encrypted."""

    secret = forms.CharField(
        required=False,
        strip=True,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="It is encrypted and never shown again. Leave empty to keep the stored one.",
    )

    class Meta:
        model = Credential
        fields = ("name", "slug", "kind", "header", "username")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        secret = data.get("secret", "")
        if not secret and not self.instance.secret_encrypted:
            self.add_error("secret", "Enter the secret.")
        elif secret:
            self.instance.kind = data.get("kind", self.instance.kind)
            try:
                verbs.set_secret(self.instance, secret)
            except Invalid as error:
                self.add_error("secret", error.message)
        return data


class NamedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    prepopulated_fields = {"slug": ("name",)}
    readonly_fields = ("revision", "created_at", "updated_at")
    search_fields: ClassVar[Any] = ("name", "slug")
    list_per_page = 50

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Refuse what is in use, naming what uses it."""
        changes.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """The same for several."""
        for row in queryset:
            changes.delete(row)


@admin.register(Credential)
class CredentialAdmin(NamedAdmin):
    form = CredentialForm
    list_display = ("name", "slug", "kind", "has_secret", "updated_at")
    list_filter = ("kind",)

    @admin.display(boolean=True, description="Secret")
    def has_secret(self, credential: Credential) -> bool:
        return bool(credential.secret_encrypted)


@admin.register(LLMModel)
class LLMModelAdmin(NamedAdmin):
    list_display = ("name", "slug", "provider", "model_name", "credential", "is_active", "updated_at")
    list_filter = ("provider", "is_active")
    list_select_related = ("credential",)
    search_fields = ("name", "slug", "model_name", "base_url")
    autocomplete_fields = ("credential",)


@admin.register(Agent)
class AgentAdmin(NamedAdmin):
    list_display = ("name", "slug", "model", "is_active", "updated_at")
    list_filter = ("is_active", "model")
    list_select_related = ("model",)
    search_fields = ("name", "slug", "instructions")
    autocomplete_fields = ("model",)


@admin.register(Tool)
class ToolAdmin(NamedAdmin):
    list_display = ("name", "slug", "kind", "credential", "is_active", "updated_at")
    list_filter = ("kind", "is_active")
    list_select_related = ("credential",)
    search_fields = ("name", "slug", "description")
    autocomplete_fields = ("credential",)
    exclude = ("created_by",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)
