"""Forms of the foundation's pages."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm

from orchestrator.models import User

THEMES = (("", "As the system has it"), ("light", "Light"), ("dark", "Dark"))


class SignInForm(AuthenticationForm):
    """Name or e-mail and password; an e-mail address counts where it belongs to one person."""

    stay = forms.BooleanField(required=False)
    error_messages = {
        "invalid_login": "That name and password do not match.",
        "inactive": "This account is switched off. An administrator can switch it on again.",
    }

    def clean_username(self) -> str:
        """The user name that the given name or address stands for."""
        given: str = self.cleaned_data["username"]
        if "@" not in given:
            return given
        names = list(User.objects.filter(email__iexact=given).values_list("username", flat=True)[:2])
        return names[0] if len(names) == 1 else given


class NameForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a person is called."""

    class Meta:
        model = User
        fields = ("first_name", "last_name", "email")
        labels = {"first_name": "First name", "last_name": "Last name", "email": "E-mail"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)

    def save(self, commit: bool = True) -> User:
        """Store these fields alone: the role may have been changed meanwhile."""
        if commit:
            self.instance.save(update_fields=list(self.cleaned_data))
        return cast(User, self.instance)


class PasswordForm(PasswordChangeForm):
    """The old password, and the new one twice."""

    error_messages = {
        **PasswordChangeForm.error_messages,
        "password_incorrect": "This is not your present password.",
        "password_mismatch": "The two new passwords differ.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = {
            "old_password": "Present password",
            "new_password1": "New password",
            "new_password2": "Again",
        }
        for name, label in labels.items():
            self.fields[name].label = label
            self.fields[name].widget.attrs.pop("autofocus", None)
        self.fields["new_password1"].help_text = "At least 8 characters, not all digits, nothing common."
        self.fields["new_password2"].help_text = ""
        dress(self)


def dress(form: forms.BaseForm) -> None:
    """Give the controls the product's look, and point them at their help or error."""
    for field in form:
        attrs = {"class": "input"}
        if field.errors:
            attrs["aria-invalid"] = "true"
        if field.errors or field.help_text:
            attrs["aria-describedby"] = f"{field.id_for_label}_note"
        else:
            field.field.widget.attrs.pop("aria-describedby", None)
        field.field.widget.attrs.update(attrs)
