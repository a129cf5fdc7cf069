"""The shapes that the builder's verbs hand to its page and to REST; all of it plain JSON.

- ``view_model.page(user, orchestration) -> Page``: the whole page.
- ``view_model.inspector(document, key) -> Inspector``: the form of one step.
- ``view_model.settings_form(document) -> Inspector``: the one of the orchestration itself.
- ``view_model.read_value(document, key, path, text) -> JSON``: what a form posted for a field, as the
  value that a ``configure`` or ``set_meta`` edit takes.
- ``edits.apply(user, orchestration, edit, revision) -> Applied``, ``edits.undo(user, orchestration)`` and
  ``edits.redo(user, orchestration)`` change the draft; ``Applied.summary()`` is the JSON answer.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

JSON = Any

Widget = Literal[
    "text",  # one line of plain text
    "area",  # several lines of plain text
    "template",  # one line that may hold {{ }}
    "template_area",  # several lines that may hold {{ }}
    "expression",  # a bare expression: steps.a.output.label == 'x'
    "number",
    "integer",
    "checkbox",
    "select",  # one of `options`
    "tags",  # a list of texts; `options` where they are known; posted one a line (or repeated)
    "pairs",  # an object of texts: headers; posted as JSON, or "name: value" a line
    "rows",  # a list of objects: `columns` are fields, `value` the list; posted as JSON
    "json",  # any JSON, with templates in its strings; `text` holds it indented
    "schema",  # a JSON Schema; `text` holds it indented
]


class Option(TypedDict):
    """A choice; ``missing`` where the document refers to what is not there (any more)."""

    value: str
    label: str
    missing: bool


class Field(TypedDict):
    """One field of a form; ``path`` is what ``configure`` and a Problem's ``field`` call it."""

    path: str
    label: str
    help: str  # one sentence, or empty
    widget: Widget
    value: JSON  # as the document has it, else the default
    text: str  # the value as a text control shows it
    required: bool
    options: list[Option]
    columns: list[Field]  # for widget "rows": their paths are relative to a row
    row_port: bool  # for widget "rows": each row is a port of the step (a condition's cases)
    minimum: float | None
    maximum: float | None
    unit: str  # "s", "bytes", or empty
    advanced: bool  # folded away until it is set
    only_for: list[str]  # for columns: the row's kinds that have it; empty: all
    placeholder: str  # the default that applies when it is left empty
    problem: str  # the sentence of the first Problem of this field, or empty


class Tab(TypedDict):
    """One tab of the inspector: Settings, If it fails, Flow."""

    id: str
    title: str
    fields: list[Field]


class Inspector(TypedDict):
    """The form of one step. ``key`` is empty for the orchestration's own settings."""

    key: str
    type: str
    label: str  # "LLM"
    icon: str
    title: str
    summary: str  # one sentence about the type
    effect: str  # reversible | compensatable | irreversible
    available: bool
    tabs: list[Tab]
    problems: list[ProblemView]
    upstream: list[Readable]  # what its templates may read


class Readable(TypedDict):
    """What a template may read: ``input`` or an upstream step, and what is known of its output.

    ``within`` is the only place where it is known: the path that a field begins with; empty for all.
    """

    path: str  # "input", "steps.classify"
    title: str
    names: list[str]  # "output.label", "status"
    within: str  # "compensate"


class ProblemView(TypedDict):
    """A Problem with the step's title beside it."""

    step: str | None
    title: str
    field: str
    label: str  # the field's label, else its path
    code: str
    message: str


class PortView(TypedDict):
    """A port of a card. ``column`` counts from 1 in the strip.

    ``x`` and ``y`` are its centre, from the card's upper left corner.
    """

    name: str
    label: str
    kind: Literal["usual", "other", "failure", "back"]  # back: a failure that rolls back
    column: int
    x: float
    y: float
    connected: bool
    shown: bool  # false: appears on hover, on focus and while connecting


class StepView(TypedDict):
    """A card. ``x, y`` is its upper left corner, in pixels on the canvas."""

    key: str
    type: str
    name: str  # as the document has it, may be empty
    title: str  # the name, else the type's label
    label: str  # the type's label
    icon: str
    line: str
    x: float
    y: float
    width: int
    height: int
    plain: bool  # no port strip: its one usual way out leaves from the card itself
    ports: list[PortView]
    join: str
    problems: list[ProblemView]
    via: str  # the outline's sentence: "After A and B", "approved → Pay"
    available: bool


class EdgeView(TypedDict):
    """An edge; ``id`` is ``source:port:target``; ``port_shown`` is empty where it leaves from the card."""

    id: str
    source: str
    port: str
    target: str
    port_shown: str


class BackView(TypedDict):
    """An automatic rollback as it is drawn: dashed, from ``source`` back to ``target``."""

    source: str
    port: str
    target: str
    max_times: int
    says: str  # "rolls back, at most twice"


class PaletteType(TypedDict):
    """A step type that can be added."""

    type: str
    label: str
    icon: str
    summary: str


class PaletteGroup(TypedDict):
    """A heading of the palette with its types."""

    title: str
    types: list[PaletteType]


class Published(TypedDict):
    """The newest version beside the draft; ``number`` is 0 before the first one."""

    number: int
    revision: int  # of the draft that it was made from
    changed: bool  # the draft differs from it
    changes: int  # how many steps, edges and settings differ
    at: str  # ISO 8601
    by: str


class Page(TypedDict):
    """Everything the builder page shows."""

    id: str
    slug: str
    name: str
    description: str
    revision: int
    saved_at: str  # ISO 8601
    steps: list[StepView]
    outline: list[str]  # keys in reading order
    edges: list[EdgeView]
    backs: list[BackView]
    problems: list[ProblemView]
    undo: str  # what undo would take back: "move Tell the customer"; empty when there is nothing
    redo: str
    can_undo: bool
    can_redo: bool
    published: Published
    may_edit: bool
    may_start: bool
    palette: list[PaletteGroup]
    bounds: dict[str, float]  # x, y, width, height of all cards
