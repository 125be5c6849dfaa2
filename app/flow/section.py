"""Reading one mapping of a flow file, key by key, with every fault noted at its place.

A reader asks for the keys it knows and calls `finish()`; what nobody asked for is then a fault too. A value that
cannot be used is noted and replaced by the default, or by what was probably meant, so that one run finds all faults of
a file and no other.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence

from app.errors import FlowError
from app.flow.document import Fields, Items, Place, Scalar, Tree

_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?(ms|s|min|m)")
_UNIT_MS = {"ms": 1, "s": 1000, "min": 60_000, "m": 60_000}
_NAME = re.compile(r"[^\W\d]\w{0,63}")


def _nearest(word: str, known: Sequence[str]) -> str | None:
    """The known name that a wrong one has in it, as `phone_number` has `phone`, or is most like, if it is like any."""
    parts = (part for part in re.split("[_-]", word) if part in known)
    return next(parts, None) or next(iter(difflib.get_close_matches(word, known, 1)), None)


def suggestion(word: str, known: Iterable[str]) -> str:
    """The way out of a misspelt name: the nearest known one, or all of them."""
    names = list(known)
    if near := _nearest(word, names):
        return f'did you mean "{near}"?'
    return f"use one of: {', '.join(names)}" if names else "remove it"


def _heads_lines(tree: Tree) -> bool:
    """Whether nothing stands beside the key: it has lines below it, or those begin too far to the left."""
    return isinstance(tree, Fields) or (isinstance(tree, Scalar) and not tree.text)


class Mistake(ValueError):
    """Something written that does not hold together; `code` is the kind (docs/lint.md)."""

    def __init__(self, message: str, code: str = "type-mismatch") -> None:
        super().__init__(message)
        self.code = code


class Section:
    """One mapping; `what` names it in messages: `node "greet"`."""

    def __init__(self, fields: Fields, what: str, faults: list[FlowError]) -> None:
        self.fields = fields
        self.what = what
        self.faults = faults
        self._asked: dict[str, None] = {}

    @property
    def place(self) -> Place:
        return self.fields.place

    def __contains__(self, key: str) -> bool:
        return key in self.fields.values

    def place_of(self, key: str) -> Place:
        """Where the key stands, or the mapping itself where it is missing."""
        return self.fields.keys.get(key, self.place)

    def fault(self, place: Place, message: str, code: str = "wrong-value") -> None:
        self.faults.append(place.fault(message, code))

    def tree(self, key: str) -> Tree | None:
        self._asked[key] = None
        return self.fields.values.get(key)

    def missing(self, key: str, example: str, code: str = "missing-key") -> None:
        self.fault(self.place, f"{self.what} needs {key}; add for example `{key}: {example}`", code)

    def text(self, key: str) -> str | None:
        """A text as it was written (`press: 0` is "0"); None where it is missing or null."""
        tree = self.tree(key)
        if tree is None:
            return None
        return self.as_text(tree, key)

    def as_text(self, tree: Tree, key: str) -> str | None:
        if isinstance(tree, Scalar) and tree.value is not None:
            return tree.text
        self.fault(
            tree.place,
            f"{key} of {self.what} must be one text; put quotes around it if it has a comma or colon",
        )
        return None

    def name(self, key: str) -> str | None:
        """An identifier: letters, digits and underscores, not starting with a digit."""
        text = self.text(key)
        if text is None or self.is_name(text, self.fields.values[key].place):
            return text
        return None

    def is_name(self, text: str, place: Place) -> bool:
        if _NAME.fullmatch(text):
            return True
        self.fault(place, f'"{text}" is no name; use letters, digits and _, starting with a letter')
        return False

    def flag(self, key: str, default: bool = False) -> bool:
        tree = self.tree(key)
        if tree is None:
            return default
        if isinstance(tree, Scalar) and isinstance(tree.value, bool):
            return tree.value
        self.fault(tree.place, f"{key} of {self.what} must be true or false")
        return default

    def integer(self, key: str, least: int, most: int) -> int | None:
        tree = self.tree(key)
        if tree is None:
            return None
        value = tree.value if isinstance(tree, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.fault(tree.place, f"{key} of {self.what} must be a whole number from {least} to {most}")
        return None

    def number(self, key: str, least: float, most: float) -> float | None:
        tree = self.tree(key)
        if tree is None:
            return None
        value = tree.value if isinstance(tree, Scalar) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return float(value)
        self.fault(tree.place, f"{key} of {self.what} must be a number from {least:g} to {most:g}")
        return None

    def duration_ms(self, key: str) -> int | None:
        """`6s`, `1500ms`, `2min`, in milliseconds."""
        text = self.text(key)
        if text is None:
            return None
        match = _DURATION.fullmatch(text)
        if match is None:
            self.fault(
                self.fields.values[key].place, f"{key} of {self.what} must be a time such as 6s or 1500ms"
            )
            return None
        return round(float(match[1]) * _UNIT_MS[match[2]])

    def choice(self, key: str, allowed: Sequence[str]) -> str | None:
        """What is misspelt is read as what was probably meant, if that can be told: what depends on it is no fault."""
        text = self.text(key)
        if text is None or text in allowed:
            return text
        self.fault(self.fields.values[key].place, f'{key} cannot be "{text}"; {suggestion(text, allowed)}')
        return _nearest(text, allowed)

    def section(self, key: str, what: str) -> Section | None:
        tree = self.tree(key)
        return None if tree is None else self.as_section(tree, what)

    def as_section(self, tree: Tree, what: str) -> Section | None:
        if isinstance(tree, Fields):
            return Section(tree, what, self.faults)
        self.fault(tree.place, f"{what} must be a mapping of `key: value` lines")
        return None

    def items(self, key: str) -> tuple[Tree, ...]:
        """The entries of a list, none where it is missing."""
        tree = self.tree(key)
        if tree is None:
            return ()
        if isinstance(tree, Items):
            return tree.values
        self.fault(tree.place, f"{key} of {self.what} must be a list; put [ ] around it")
        return ()

    def texts(self, key: str) -> tuple[str, ...]:
        texts = (self.as_text(tree, key) for tree in self.items(key))
        return tuple(text for text in texts if text is not None)

    def sections(self, what: str) -> Iterator[tuple[str, Section]]:
        """Every entry as (name, section); `what` with {} for the name. Asks for all keys."""
        for name, tree in self.fields.values.items():
            self._asked[name] = None
            if self.is_name(name, self.fields.keys[name]):
                section = self.as_section(tree, what.format(f'"{name}"'))
                if section is not None:
                    yield name, section

    def finish(self) -> None:
        """Every key that nobody asked for is a fault."""
        for key, place in self.fields.keys.items():
            if key not in self._asked:
                known = [name for name in self._asked if name not in self.fields.values] or list(self._asked)
                way_out = suggestion(key, known)
                own_line = place.column == self.place.column
                if own_line and _heads_lines(self.fields.values[key]):
                    way_out = f"begin this line further to the left if it does not belong here, or {way_out}"
                self.fault(place, f'{self.what} has no key "{key}"; {way_out}', "unknown-key")
