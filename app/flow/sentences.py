"""Where sentences end: speech is made and kept by sentences, so that one which is known need not wait for the next."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

# an end is sure only when something follows; "Dr. Lee", "J. Lee" and, whatever the language, "3. März" have none: two
# sentences that are kept as one are only made anew as one
SENTENCE_END: Final = re.compile(
    r"(?:(?<!\b[A-ZÄÖÜ])(?<!\b[DMS]r)(?<!\bMs)(?<!\bSt)(?<!\bMrs)(?<!\b\d)(?<!\b\d\d)\.|[!?…])+"
    r"[\"'»”)]*(?=\s)"
)
_HOLE = re.compile(r"\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
_STATEMENT = re.compile(r"\{%-?\s*(\w+).*?%\}", re.DOTALL)


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text, without the white space between them."""
    return _cut(text, text)


def template_sentences(source: str) -> tuple[str, ...]:
    """The sentences of a template, each a template of its own: what stands under a condition is never parted."""
    return _cut(source, _masked(source))


def _cut(text: str, seen: str) -> tuple[str, ...]:
    ends = [0, *(one.end() for one in SENTENCE_END.finditer(seen)), len(text)]
    pieces = (text[start:end].strip() for start, end in pairwise(ends))
    return tuple(piece for piece in pieces if piece)


def _masked(source: str) -> str:
    """The template with letters in the place of holes and of everything between `if` and its `endif`."""
    seen = _HOLE.sub(lambda hole: "x" * len(hole[0]), source)
    depth, begun = 0, 0
    for statement in _STATEMENT.finditer(source):
        if statement[1] == "if":
            begun, depth = (begun if depth else statement.start()), depth + 1
        elif statement[1] == "endif" and depth:
            depth -= 1
            if not depth:
                seen = seen[:begun] + "x" * (statement.end() - begun) + seen[statement.end() :]
    return seen
