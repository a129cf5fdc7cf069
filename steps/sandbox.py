"""The Jinja environment of templates: a closed list of what they may use, each part bounded.

Nothing of Python's objects can be reached: attributes are keys of JSON data or one of the METHODS, and
statements, filters and tests beside the ones here do not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2 import ChainableUndefined, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from steps import bounds
from steps.bounds import current
from steps.functions import FILTERS, METHODS, TESTS, Method, join, limited_range, text

MAX_TOKENS = 10_000  # words and signs of one template
ROOTS = frozenset({"input", "steps", "run", "rollback", "item", "index", "value"})
LOOP = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"}
)
BINARY = {"+": bounds.add, "*": bounds.multiply, "**": bounds.power, "%": bounds.modulo}


class Null(ChainableUndefined):
    """What is not there: reads as null, and so does everything below it."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return bounds.is_null(other)

    def __ne__(self, other: object) -> bool:
        return not bounds.is_null(other)

    __hash__ = ChainableUndefined.__hash__

    @property
    def _undefined_message(self) -> str:
        return f"needs {self._undefined_name!r}, which has no value; default(...) can give it one"


@pass_context  # keeps Jinja from working out constants at compile time, where no budget holds
def _finalize(context: Context, value: Any) -> str:
    written = text(value)
    current().spend(len(written))
    return written


def _limited(tokens: Iterable[Token]) -> Iterator[Token]:
    """Stop reading a template that goes on and on, before the parser has worked on all of it."""
    for number, token in enumerate(tokens):
        if number >= MAX_TOKENS:
            raise TemplateSyntaxError(f"it has more than {MAX_TOKENS:,} parts", token.lineno)
        yield token


class Environment(ImmutableSandboxedEnvironment):
    """Jinja's immutable sandbox, closed further: see the module."""

    intercepted_binops = frozenset({"+", "-", "*", "**", "%", "/", "//"})
    concat = staticmethod(join)

    def __init__(self) -> None:
        super().__init__(
            undefined=Null, optimized=False, finalize=_finalize, cache_size=0, keep_trailing_newline=True
        )
        self.filters = dict(FILTERS)
        self.tests = dict(TESTS)
        self.globals = {"range": limited_range, "namespace": Namespace}

    def _tokenize(self, *args: Any, **kwargs: Any) -> TokenStream:
        stream = super()._tokenize(*args, **kwargs)
        return TokenStream(_limited(stream), stream.name, stream.filename)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers, texts and lists, measured."""
        work = BINARY.get(operator)
        return work(left, right) if work else current().made(self.binop_table[operator](left, right))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A key of the data, else one of its methods, else null. Keys win: data may have ``items``."""
        if isinstance(obj, Mapping):
            try:
                return obj[attribute]
            except KeyError:
                pass
        if attribute.startswith("_"):
            raise SecurityError(f"reads {attribute!r}, which templates may not")
        fields = LOOP if isinstance(obj, LoopContext) else getattr(type(obj), "_fields", ())  # of `groupby`
        if isinstance(obj, Namespace) or attribute in fields:
            return getattr(obj, attribute, None)
        kind = dict if isinstance(obj, Mapping) else type(obj)
        if work := METHODS.get(kind, {}).get(attribute):
            return Method(attribute, work, obj)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """``obj[argument]``: an item by number or key."""
        if isinstance(argument, str):
            return self.getattr(obj, argument)
        try:
            return obj[argument]
        except (TypeError, LookupError):
            return self.undefined(obj=obj, name=argument)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a method of a value, ``range`` or ``namespace``; nothing else can be called."""
        current().tick()
        if isinstance(obj, Method):
            return current().made(obj.work(obj.of, *args, **kwargs))
        if obj is limited_range or obj is Namespace:
            return obj(*args, **kwargs)
        name = getattr(obj, "_undefined_name", None) or text(obj)[:40]
        raise SecurityError(f"calls {name!r}, which is no function here")


class Held(NodeTransformer):
    """Puts the budget around all that makes values or repeats."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        """Count the turns."""
        self.generic_visit(node)
        if node.recursive:
            raise SecurityError("loops recursively, which templates may not")
        node.iter = _around("#turns", node.iter)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        """Measure a list, a pair or an object that is written in the template."""
        self.generic_visit(node)
        return node if getattr(node, "ctx", "load") == "store" else _around("#made", node)

    visit_Dict = visit_Tuple = visit_List  # noqa: N815

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        """Measure slices: they copy. What is sliced is wrapped too: Python warns of literals."""
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        node.node = _around("#tick", node.node)
        return _around("#made", node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """Measure ``a ~ b`` before it is joined."""
        self.generic_visit(node)
        return _around("#concat", nodes.List(node.nodes, lineno=node.lineno))

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        """Look at the clock: two large values take long to compare."""
        self.generic_visit(node)
        node.expr = _around("#tick", node.expr)
        return node


def _around(name: str, node: nodes.Node) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


ENVIRONMENT = Environment()
