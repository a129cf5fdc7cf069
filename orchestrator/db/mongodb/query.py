"""The vendor's query as a pipeline whose sorting and counting can use an index.

The vendor joins and projects first and sorts then; the server takes the order from an index only where the
sort comes before anything that computes. On 100,000 runs that is the difference between reading a page and
reading all of them.
"""

from __future__ import annotations

from typing import Any

from bson import MinKey
from django.db.models import Count, ForeignKey
from django.db.models.expressions import Star
from django.db.models.sql.datastructures import Join
from django_mongodb_backend.query import MongoQuery

Stage = dict[str, Any]


class Query(MongoQuery):  # type: ignore[misc]
    """One query, ready to be sent."""

    def get_pipeline(self) -> list[Stage]:
        """The stages, in the order that lets indexes serve; the vendor's own where that could differ."""
        if self._counts_everything():
            keys: Stage = {"$match": {"_id": {"$gte": MinKey()}}}  # reads the keys, not the rows
            return [keys, *super().get_pipeline()]
        if not self._sorts_by_columns():
            return super().get_pipeline()  # type: ignore[no-any-return]
        joins: list[Stage] = self.lookup_pipeline or []
        late = self._joins_add_only(joins)
        pipeline: list[Stage] = [] if late else [*joins]
        for query in self.subqueries or ():
            pipeline += query.get_pipeline()
        if self.match_mql:
            pipeline.append({"$match": self.match_mql})
        pipeline += self._page()
        if late:
            pipeline += joins
        if self.project_fields:
            pipeline.append({"$project": self.project_fields})
        extra = {name: value for name, value in (self.extra_fields or {}).items() if value != f"${name}"}
        return [*pipeline, {"$addFields": extra}] if extra else pipeline

    def _page(self) -> list[Stage]:
        stages: list[Stage] = [{"$sort": self.ordering}]
        if self.query.low_mark > 0:
            stages.append({"$skip": self.query.low_mark})
        if self.query.high_mark is not None:
            stages.append({"$limit": self.query.high_mark - self.query.low_mark})
        return stages

    def _counts_everything(self) -> bool:
        """Whether this is ``count()`` of a whole collection."""
        asked = self.query.annotation_select
        if list(asked) != ["__count"] or self.match_mql or self.lookup_pipeline or self.subquery_lookup:
            return False
        count = asked["__count"]
        return isinstance(count, Count) and isinstance(count.get_source_expressions()[0], Star)

    def _sorts_by_columns(self) -> bool:
        """Whether rows are ordered by what is stored in them, and nothing before that could change them."""
        others = (
            self.search_pipeline, self.aggregation_pipeline, self.combinator_pipeline, self.subquery_lookup,
        )  # fmt: skip
        if not self.ordering or any(others):
            return False
        stored = {field.column for field in self.query.get_meta().concrete_fields}
        extra, project = self.extra_fields or {}, self.project_fields or {}
        return all(
            name in stored
            and extra.get(name, f"${name}") == f"${name}"
            and project.get(name, 1) in (1, f"${name}")
            for name in self.ordering
        )

    def _joins_add_only(self, joins: list[Stage]) -> bool:
        """Whether joins only bring along what foreign keys name, and so neither filter nor multiply rows."""
        lookups = [stage["$lookup"] for stage in joins if "$lookup" in stage]
        asked = repr(self.match_mql) + repr(self.subqueries or "")
        query = self.query
        tables = [query.alias_map[alias] for alias, count in query.alias_refcount.items() if count]
        return (
            not self.subqueries
            and all(not lookup["pipeline"] for lookup in lookups)
            and not any(f"{lookup['as']}." in asked or f"${lookup['as']}" in asked for lookup in lookups)
            and all(isinstance(one.join_field, ForeignKey) for one in tables if isinstance(one, Join))
        )
