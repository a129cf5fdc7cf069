"""MongoDB as this product's database: the vendor's backend with three limits lifted (docs/mongodb.md).

1. Django's own apps (auth, admin, contenttypes, the token blacklist) use AutoField; here such a key is
   an integer drawn from a counters collection, so the stock migrations serve both databases.
2. Unique indexes over NOT NULL columns are plain, so that lookups by them use the index
   (the vendor's are partial on ``$type``, which the planner cannot use).
3. Sorting, paging and counting come where an index can serve them (``query.py``).
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Index
from django_mongodb_backend import base, operations, schema, validation
from pymongo import ASCENDING, DESCENDING, IndexModel


class DatabaseOperations(operations.DatabaseOperations):  # type: ignore[misc]
    """The vendor's operations with our insert compiler."""

    compiler_module = "orchestrator.db.mongodb.compiler"


class DatabaseValidation(validation.DatabaseValidation):  # type: ignore[misc]
    """Permits AutoField."""

    prohibited_fields: ClassVar[set[str]] = set()


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):  # type: ignore[misc]
    """Makes unique indexes that the query planner can use."""

    def add_index(
        self,
        model: Any,
        index: Index,
        *,
        field: Any = None,
        unique: bool = False,
        column_prefix: str = "",
        parent_model: Any = None,
    ) -> None:
        """Create ``index``; a unique one without NULLs or condition becomes a plain unique index."""
        fields = [field] if field else [model._meta.get_field(name) for name, _ in index.fields_orders]
        plain = unique and not index.condition and not column_prefix and not any(f.null for f in fields)
        if not plain:
            super().add_index(
                model,
                index,
                field=field,
                unique=unique,
                column_prefix=column_prefix,
                parent_model=parent_model,
            )
            return
        orders = [order for _, order in index.fields_orders] or [""]
        keys = [
            (f.column, DESCENDING if order == "DESC" else ASCENDING)
            for f, order in zip(fields, orders, strict=True)
        ]
        self.get_collection(model._meta.db_table).create_indexes(
            [IndexModel(keys, name=index.name, unique=True)]
        )


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]
    """The connection that ``ENGINE = "orchestrator.db.mongodb"`` names."""

    data_types: ClassVar[dict[str, str]] = {
        **base.DatabaseWrapper.data_types,
        "AutoField": "long",
        "BigAutoField": "long",
        "SmallAutoField": "int",
    }
    ops_class = DatabaseOperations
    validation_class = DatabaseValidation
    SchemaEditorClass = DatabaseSchemaEditor
