"""People and their grants in the Django admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import UserCreationForm

from orchestrator.models import Grant, User

admin.site.site_header = "Orchestrator administration"
admin.site.site_title = "Orchestrator"
admin.site.index_title = "Platform"


class PersonCreationForm(UserCreationForm):  # type: ignore[type-arg]  # Django's own are not subscriptable
    """A new person: name, role, password."""

    class Meta:
        model = User
        fields = ("username", "role")


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]  # Django's own are not subscriptable
    """People; the role decides, so Django's own flags are not shown."""

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


@admin.register(Grant)
class GrantAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's own are not subscriptable
    """Who may do what to which object."""

    list_display = ("who", "right", "kind", "object_id", "created_at")
    list_filter = ("kind", "right")
    search_fields = ("who",)
