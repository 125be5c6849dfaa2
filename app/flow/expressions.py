"""Expressions: `day.weekday > 5 and not vip`, a small language that can only look and compare.

    or, and, not, ( )      == != < <= > >= in      + - *
    values: slots and their parts, `language`, `caller.number`, `today`, the operator's `env.NAME`; texts in quotes,
            numbers, true, false
    functions: is_open("hours"), is_open("hours", day), is_open("hours", day, time), length(list)

Names and types are checked when a flow is loaded. At run time a slot may be unset: then every comparison with it is
false, and `not slot` true; in a sum it counts as 0, so that a counter needs no beginning.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Final, Protocol

from app.flow.section import Mistake, suggestion

MAX_LENGTH: Final = 500
MAX_DEPTH: Final = 20
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|(\"[^\"]*\"|'[^']*')|([^\W\d]\w*)|(==|!=|<=|>=|[<>()+\-*.,]))")
_ORDERED: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_SUMS: Final = {"+": operator.add, "-": operator.sub, "*": operator.mul}
# what other languages write, the longer first
_WRITTEN_ELSEWHERE: Final = {"=>": ">=", "=<": "<=", "=": "==", "&&": "and", "||": "or", "!": "not"}
_UNCLOSED: Final = "close it, and put quotes round an expression with a comma in { }"
_ORDERED_TYPES: Final = ("number", "date", "time", "text")


class Scope(Protocol):
    """What an expression sees of a call."""

    def value(self, name: str) -> object:
        """The value of a name, such as `day` or `caller.number`; None where it is unset."""
        ...

    def is_open(self, hours: str, day: date | None = None, at: time | None = None) -> bool:
        """Now; or on a day at all; or at a time of that day."""
        ...

    def unset(self, name: str) -> None:
        """Told that a comparison met an unset slot."""
        ...


Evaluate = Callable[[Scope], object]


@dataclass(frozen=True, slots=True)
class Expression:
    """`type` is text, number, flag, date, time or list; `names` are the values it looks at."""

    source: str
    type: str
    names: frozenset[str]
    _evaluate: Evaluate = field(repr=False, compare=False)

    def evaluate(self, scope: Scope) -> object:
        return self._evaluate(scope)

    def holds(self, scope: Scope) -> bool:
        return bool(self._evaluate(scope))


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of an expression; `name` where it is a single slot."""

    type: str
    evaluate: Evaluate
    name: str = ""
    constant: str | None = None


def compile_expression(source: str, types: Mapping[str, str], hours: Collection[str]) -> Expression:
    """`types` gives the type of every name. Raises ValueError with what is wrong and the way out."""
    if len(source) > MAX_LENGTH:
        raise ValueError(f"an expression of {len(source)} characters; split it over several branches")
    parser = _Parser(source, types, hours)
    part = parser.whole()
    return Expression(source, part.type, frozenset(parser.names), part.evaluate)


class _Parser:
    """Recursive descent, one method per level of precedence."""

    def __init__(self, source: str, types: Mapping[str, str], hours: Collection[str]) -> None:
        self._source = source
        self._types = types
        self._hours = hours
        self._tokens = self._split(source)
        self._depth = 0
        self.names: set[str] = set()

    def _split(self, source: str) -> list[str]:
        tokens, at = [], 0
        while at < len(source.rstrip()):
            match = _TOKEN.match(source, at)
            if match is None:
                raise ValueError(_not_allowed(source[at:].strip(), source))
            tokens.append(match[0].strip())
            at = match.end()
        return tokens

    def whole(self) -> _Part:
        part = self._either()
        if self._tokens:
            raise ValueError(
                f'"{self._tokens[0]}" is unexpected in "{self._source}"; join conditions with and, or'
            )
        return part

    def _take(self, *wanted: str) -> str | None:
        if self._tokens and self._tokens[0] in wanted:
            return self._tokens.pop(0)
        return None

    def _next(self) -> str:
        if not self._tokens:
            raise ValueError(f'"{self._source}" ends too early; complete it')
        return self._tokens.pop(0)

    def _expect(self, wanted: str) -> None:
        if not self._take(wanted):
            found = f'not "{self._tokens[0]}"' if self._tokens else f"at its end; {_UNCLOSED}"
            raise ValueError(f'"{wanted}" is needed in "{self._source}", {found}')

    def _either(self) -> _Part:
        part = self._both()
        while self._take("or"):
            part = _logical(part, self._both(), any)
        return part

    def _both(self) -> _Part:
        part = self._negation()
        while self._take("and"):
            part = _logical(part, self._negation(), all)
        return part

    def _negation(self) -> _Part:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValueError(f'"{self._source}" is nested too deeply; split it over several branches')
        try:
            if self._take("not"):
                inner = self._negation()
                return _Part("flag", lambda scope: not inner.evaluate(scope))
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> _Part:
        left = self._sum()
        sign = self._take("==", "!=", "<", "<=", ">", ">=", "in")
        return left if sign is None else self._compared(left, sign, self._sum())

    def _compared(self, left: _Part, sign: str, right: _Part) -> _Part:
        if sign == "in":
            if right.type != "list":
                raise Mistake(f'"in" needs a list on its right in "{self._source}", not a {right.type}')
            return _comparison(left, right, listed)
        left, right = _adapted(left, right, self._source), _adapted(right, left, self._source)
        if left.type != right.type:
            raise Mistake(f'a {left.type} and a {right.type} cannot be compared in "{self._source}"')
        if sign in _ORDERED and left.type not in _ORDERED_TYPES:
            raise Mistake(f'a {left.type} has no order, so "{sign}" means nothing in "{self._source}"')
        if sign in _ORDERED:
            return _comparison(left, right, _ORDERED[sign])
        return _comparison(left, right, operator.eq if sign == "==" else operator.ne)

    def _sum(self) -> _Part:
        left = self._product()
        while sign := self._take("+", "-"):
            left = self._computed(left, sign, self._product())
        return left

    def _product(self) -> _Part:
        left = self._operand()
        while sign := self._take("*"):
            left = self._computed(left, sign, self._operand())
        return left

    def _computed(self, left: _Part, sign: str, right: _Part) -> _Part:
        if not left.type == right.type == "number":
            raise Mistake(f'"{sign}" is for numbers; "{self._source}" has a {left.type} and a {right.type}')
        return _arithmetic(left, right, _SUMS[sign])

    def _operand(self) -> _Part:
        token = self._next()
        if token == "(":
            part = self._either()
            self._expect(")")
            return part
        if token[0] in "\"'":
            return _Part("text", lambda scope: token[1:-1], constant=token[1:-1])
        if token[0].isdigit():
            number = float(token) if "." in token else int(token)
            return _Part("number", lambda scope: number)
        if token in ("true", "false"):
            return _Part("flag", lambda scope: token == "true")
        if not (token[0].isalpha() or token[0] == "_") or token in ("and", "or", "not", "in"):
            raise ValueError(f'"{token}" stands where a value is needed in "{self._source}"')
        return self._call(token) if self._take("(") else self._name(token)

    def _name(self, name: str) -> _Part:
        if self._take("."):
            name = f"{name}.{self._next()}"
        if name not in self._types:
            raise Mistake(f'there is no value "{name}"; {suggestion(name, self._types)}', "undefined-value")
        self.names.add(name)
        return _Part(self._types[name], lambda scope: scope.value(name), name)

    def _call(self, function: str) -> _Part:
        argument, *more = self._arguments()
        if function == "is_open":
            return self._is_open(argument, more)
        if more:
            raise ValueError(f'{function} takes one value, "{self._source}" gives it {1 + len(more)}')
        if function == "length":
            if argument.type not in ("list", "text"):
                raise Mistake(f"length is for lists and texts, not for a {argument.type}")
            return _Part("number", lambda scope: _length(argument.evaluate(scope)))
        raise ValueError(f'there is no function "{function}"; {suggestion(function, ("is_open", "length"))}')

    def _arguments(self) -> list[_Part]:
        found = [self._either()]
        while self._take(","):
            found.append(self._either())
        self._expect(")")
        return found

    def _is_open(self, argument: _Part, moment: list[_Part]) -> _Part:
        hours = argument.constant
        if hours is None or hours not in self._hours:
            raise ValueError(
                f"is_open needs the name of hours in quotes; {suggestion(hours or '', self._hours)}"
            )
        if [one.type for one in moment] != ["date", "time"][: len(moment)]:
            raise ValueError(
                f'after the name is_open takes a date, and then a time; correct "{self._source}"'
            )
        return _Part("flag", lambda scope: _open(scope, hours, moment))


def _not_allowed(rest: str, source: str) -> str:
    found = next((sign for sign in _WRITTEN_ELSEWHERE if rest.startswith(sign)), rest[0])
    way_out = f"write {_WRITTEN_ELSEWHERE[found]}" if found in _WRITTEN_ELSEWHERE else "remove it"
    return f'"{found}" is not allowed in the expression "{source}"; {way_out}'


def _open(scope: Scope, hours: str, moment: Sequence[_Part]) -> bool:
    values = [part.evaluate(scope) for part in moment]
    for part, value in zip(moment, values, strict=True):
        if value is None:
            scope.unset(part.name)
            return False
    return scope.is_open(hours, *values)  # type: ignore[arg-type]


def _logical(left: _Part, right: _Part, decide: Callable[[Iterator[bool]], bool]) -> _Part:
    parts = (left, right)
    return _Part("flag", lambda scope: decide(bool(part.evaluate(scope)) for part in parts))


def _comparison(left: _Part, right: _Part, compare: Callable[..., object]) -> _Part:
    def evaluate(scope: Scope) -> object:
        values = [part.evaluate(scope) for part in (left, right)]
        for part, value in zip((left, right), values, strict=True):
            if value is None:
                scope.unset(part.name)
                return False
        return compare(*values)

    return _Part("flag", evaluate)


def _arithmetic(left: _Part, right: _Part, compute: Callable[..., object]) -> _Part:
    def evaluate(scope: Scope) -> object:
        return compute(left.evaluate(scope) or 0, right.evaluate(scope) or 0)

    return _Part("number", evaluate)


def _adapted(part: _Part, other: _Part, source: str) -> _Part:
    """A text in quotes beside a date or a time is one."""
    if part.constant is None or other.type not in ("date", "time"):
        return part
    text = part.constant
    try:
        value = date.fromisoformat(text) if other.type == "date" else time.fromisoformat(text)
    except ValueError:
        example = "2026-12-24" if other.type == "date" else "09:30"
        raise Mistake(f'"{text}" in "{source}" is no {other.type}; write it as "{example}"') from None
    return _Part(other.type, lambda scope: value)


def listed(one: object, many: object) -> bool:
    """Whether a list has a value; lists hold dates and times as ISO 8601 text."""
    text = (
        one.strftime("%H:%M") if isinstance(one, time) else one.isoformat() if isinstance(one, date) else one
    )
    return isinstance(many, list | tuple) and text in many


def _length(value: object) -> int:
    return len(value) if isinstance(value, list | tuple | str) else 0
