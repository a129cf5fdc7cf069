"""Model fields that behave the same on every database."""

from __future__ import annotations

from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db import models


class JSONTextField(models.TextField):  # type: ignore[type-arg]
    """Any JSON value, stored as its text.

    Django's JSONField becomes a BSON document on MongoDB, which refuses what JSON allows: keys that
    begin with ``$`` in updates (every JSON Schema has one), integers beyond 64 bits, more than 100
    levels. Text keeps key order and reads back what was written on both databases. ``None`` is
    stored as ``null``, so the column is never NULL; it is not searchable, and need not be.
    """

    description = "A JSON value stored as text"
    _pyi_private_set_type: Any  # for the type checker: any JSON may be assigned
    _pyi_private_get_type: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        """Parse what the database holds."""
        return None if value is None else orjson.loads(value)

    def get_prep_value(self, value: Any) -> str:
        """Serialise for the database; raises TypeError for what JSON cannot say."""
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()

    def to_python(self, value: Any) -> Any:
        """Accept JSON text as forms and fixtures send it; raises ValidationError."""
        if not isinstance(value, str):
            return value
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise ValidationError(f"This is not JSON: {error}.") from error

    def value_from_object(self, obj: models.Model) -> Any:
        """What a form shows: indented JSON text, nothing for ``None``, which a form could not send back."""
        value = super().value_from_object(obj)
        if value is None:
            return ""
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()

    def save_form_data(self, instance: models.Model, data: Any) -> None:
        """Take an emptied text area for the default, not for an empty string."""
        super().save_form_data(instance, self.get_default() if data == "" else data)

    def value_to_string(self, obj: models.Model) -> str:
        """What dumpdata writes."""
        return self.get_prep_value(getattr(obj, self.attname))
