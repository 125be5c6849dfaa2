"""Templates: texts with `{{ values }}` and `{% if conditions %}`, and nothing else of Jinja's.

They run in Jinja's immutable sandbox with strict undefined names; beyond that only what is listed here is allowed at
all, checked when a flow is loaded, so that no template can compute, loop, define or reach into an object. What is unset
compares as in expressions, and its parts are unset, too: nothing that a caller has not said may end a call.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from functools import lru_cache, reduce
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from app.flow.expressions import listed
from app.flow.sentences import template_sentences
from app.flow.speaking import FILTERS

MAX_LENGTH = 4000

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Filter,
    nodes.If,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Const,
)
_CALLED = {
    "for": "a list is spoken by {{ name | list }}",
    "set": "use a set node",
    "macro": "write the text out",
    "import": "write the text out",
    "include": "write the text out",
}
_WRITTEN = {"assign": "set", "assignblock": "set", "fromimport": "import"}


def _plain(value: object) -> object:
    """What is not bound is not spoken; a time of day is HH:MM."""
    if value is None:
        return ""
    return value.strftime("%H:%M") if isinstance(value, time) else value


class Verbatim(str):
    """A text that is taken into an address as it is."""

    __slots__ = ()


def _percent_encoded(value: object) -> object:
    """A value as a part of an address; dots alone would be a way up."""
    if isinstance(value, Verbatim):
        return value
    text = str(_plain(value))
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")


_SIGNS: Mapping[str, Callable[[Any, Any], object]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
    "in": listed,
    "notin": lambda one, many: not listed(one, many),
}


def _compared(left: object, sign: str, right: object) -> bool:
    """False where a side is unset, or the two have no order."""
    if left is None or right is None:
        return False
    try:
        return bool(_SIGNS[sign](_alike(left, right), _alike(right, left)))
    except TypeError:
        return False


def _alike(value: object, other: object) -> object:
    """A text beside a date or a time is one."""
    if not (isinstance(value, str) and isinstance(other, date | time)):
        return value
    try:
        return time.fromisoformat(value) if isinstance(other, time) else date.fromisoformat(value)
    except ValueError:
        return value


def _part(value: object, name: str) -> object:
    """A part of a value, such as `day.weekday`; None where either is unset."""
    if isinstance(value, Mapping):
        return value.get(name)
    return None if value is None else _environment.getattr(value, name)


class _Forgiving(NodeTransformer):
    """Puts `_compared` and `_part` in place of Jinja's own, which raise where something is unset."""

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        sides: list[nodes.Expr] = [self.visit(one) for one in (node.expr, *(one.expr for one in node.ops))]
        found: list[nodes.Expr] = [
            nodes.Filter(left, "compared", [nodes.Const(one.op), right], [], None, None)
            for one, (left, right) in zip(node.ops, pairwise(sides), strict=True)
        ]
        return reduce(nodes.And, found)

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:
        return nodes.Filter(node.node, "part", [nodes.Const(node.attr)], [], None, None)


_environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, finalize=_plain)
_environment.filters = {**FILTERS, "compared": _compared, "part": _part}
_environment.tests = {}
_environment.globals = {}
_address_environment = _environment.overlay(finalize=_percent_encoded)


@dataclass(frozen=True, slots=True)
class Template:
    """A text that may have holes. `names` are the variables in it, as `day` or `env.CRM`.

    Without those in `needed` it has a gap: no `{% if name %}` round them has asked for them.
    """

    source: str
    names: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    _compiled: jinja2.Template | None = field(default=None, repr=False, compare=False)

    @property
    def static(self) -> bool:
        return self._compiled is None

    @property
    def sentences(self) -> tuple[Template, ...]:
        """Its sentences, which have their holes each for itself."""
        return tuple(compile_template(one) for one in template_sentences(self.source))

    @property
    def fixed(self) -> tuple[str, ...]:
        """What is always the same: all of it, or some of its sentences."""
        return tuple(one.render({}) for one in ((self,) if self.static else self.sentences) if one.static)

    def render(self, values: Mapping[str, object]) -> str:
        """The text with its holes filled, white space folded."""
        text = self.source if self._compiled is None else self._compiled.render(values)
        return " ".join(text.split())


@lru_cache(maxsize=2048)
def compile_template(source: str, *, address: bool = False) -> Template:
    """An `address` has its values percent-encoded. Raises ValueError with what is wrong and the way out."""
    if len(source) > MAX_LENGTH:
        raise ValueError(
            f"a text of {len(source)} characters; nobody listens to more than {MAX_LENGTH}, shorten it"
        )
    if not re.search(r"\{[{%#]", source):
        return Template(source)
    try:
        tree = _environment.parse(source)
    except (jinja2.TemplateSyntaxError, RecursionError) as error:
        raise ValueError(_syntax(str(error), source)) from None
    environment = _address_environment if address else _environment
    names, needed = frozenset(_names(tree)), frozenset(_needed(tree, ()))
    forgiving = _Forgiving().visit(tree).set_environment(environment)
    return Template(source, names, needed, environment.from_string(forgiving))


def _needed(tree: nodes.Node, asked: tuple[str, ...]) -> Iterator[str]:
    # what an `if` round it has asked for may be missing
    if isinstance(tree, nodes.If):
        test = tuple(_names(tree.test))
        yield from (name for inner in tree.body for name in _needed(inner, asked + test))
        yield from (name for inner in tree.else_ for name in _needed(inner, asked))
    elif isinstance(tree, nodes.Output | nodes.Template):
        yield from (name for inner in tree.iter_child_nodes() for name in _needed(inner, asked))
    else:
        yield from (name for name in _names(tree) if name not in asked)


def _syntax(problem: str, source: str) -> str:
    statement = re.search(r"\{%-?\s*(\w+)", source)
    word = statement[1] if statement else ""
    if word in _CALLED:
        return f'"{word}" is not allowed in a text; {_CALLED[word]}'
    return f"the text cannot be read: {problem}; write {{{{ name }}}} or {{% if name %}}…{{% endif %}}"


def _names(tree: nodes.Node) -> Iterator[str]:
    if not isinstance(tree, _ALLOWED):
        word = type(tree).__name__.lower()
        word = _WRITTEN.get(word, word)
        hint = _CALLED.get(
            word, "a text may have {{ name }}, {{ name | filter }} and {% if name %}…{% endif %}"
        )
        raise ValueError(f'"{word}" is not allowed in a text; {hint}')
    if isinstance(tree, nodes.Getattr):
        if not isinstance(tree.node, nodes.Name) or tree.attr.startswith("_"):
            raise ValueError(
                f'".{tree.attr}" is not allowed in a text; write one name and one part: caller.number'
            )
        yield f"{tree.node.name}.{tree.attr}"
        return
    if isinstance(tree, nodes.Name):
        yield tree.name
    if isinstance(tree, nodes.Filter) and tree.name not in FILTERS:
        raise ValueError(f'there is no filter "{tree.name}"; use one of: {", ".join(FILTERS)}')
    for child in tree.iter_child_nodes():
        yield from _names(child)
