"""People and their grants in the Django admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserChangeForm, UserCreationForm
from django.db.models import QuerySet
from django.http import HttpRequest

from orchestrator import people, tokens
from orchestrator.errors import Conflict
from orchestrator.models import ApiToken, AuditEntry, Grant, User
from orchestrator.read_only import ReadOnly

admin.site.site_header = "Orchestrator administration"
admin.site.site_title = "Orchestrator"
admin.site.index_title = "Platform"


class PersonCreationForm(UserCreationForm):  # type: ignore[type-arg]  # Django's own are not subscriptable
    """A new person: name, role, password."""

    class Meta:
        model = User
        fields = ("username", "role")


class PersonForm(UserChangeForm):  # type: ignore[type-arg]  # Django's own are not subscriptable
    """A person; refuses to take the last SuperAdmin away."""

    def clean(self) -> dict[str, Any]:
        """Ask the verb's own rule."""
        data = super().clean() or {}
        stored = User.objects.filter(pk=self.instance.pk).first()
        if stored is not None:
            try:
                people.guard(stored, data.get("role", stored.role), data.get("is_active", stored.is_active))
            except Conflict as error:
                self.add_error("role", error.message)
        return data


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]  # Django's own are not subscriptable
    """People; the role decides, so Django's own flags are not shown."""

    form = PersonForm
    actions = ("sign_out",)
    add_form = PersonCreationForm
    list_display = ("username", "display_name", "email", "role", "is_active", "last_login")
    list_filter = ("role", "is_active", "groups")
    search_fields = ("username", "first_name", "last_name", "email")
    filter_horizontal = ("groups",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("role", "is_active", "groups")}),
        ("Times", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("username", "role", "password1", "password2")}),
    )

    @admin.action(description="Sign out everywhere")
    def sign_out(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        for person in chosen:
            people.sign_out(person)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People are switched off, not deleted: what they did stays theirs."""
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    """What was changed, by whom, from where; nobody changes it."""

    list_display = ("created_at", "actor", "action", "kind", "object_name", "address")
    list_filter = ("action", "kind")
    search_fields = ("actor", "object_name", "object_id", "kind", "address")


@admin.register(Grant)
class GrantAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's own are not subscriptable
    """Who may do what to which object."""

    list_display = ("who", "right", "kind", "object_id", "created_at")
    list_filter = ("kind", "right")
    search_fields = ("who",)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly):
    """Whose programs may come in; a token itself is never shown, and can be ended."""

    list_display = ("user", "name", "hint", "created_at", "expires_at", "used_at", "revoked_at")
    list_filter = ("revoked_at",)
    list_select_related = ("user",)
    search_fields = ("user__username", "name", "hint")
    fields = list_display
    readonly_fields = fields
    actions = ("revoke",)

    @admin.action(description="End the selected tokens", permissions=["view"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiToken]) -> None:
        for token in chosen:
            tokens.revoke_api_token(token)
