"""What is examined: a flow as it was written and as it was understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from app.flow.document import Fields, Items, Place, Scalar, Tree
from app.flow.graph import Edge, edges
from app.flow.model import Flow
from app.flow.prompts import Line, Prompt

EMPTY = Fields({}, {}, Place("", 1, 1))


@dataclass(frozen=True)
class Written:
    """A single value in a node, with the keys that lead to it: ("body", "day")."""

    keys: tuple[str, ...]
    text: str
    place: Place


@dataclass(frozen=True)
class Subject:
    """`flow` may be incomplete where the file has faults. `overlays` are its translations by language."""

    flow: Flow
    text: str
    tree: Fields
    overlays: Mapping[str, Fields]
    overlay_texts: Mapping[str, str]

    @cached_property
    def nodes(self) -> Mapping[str, Fields]:
        """Every node as it was written."""
        return {name: tree for name, tree in self.section("nodes").values.items() if isinstance(tree, Fields)}

    @cached_property
    def complete(self) -> bool:
        """Whether every node could be read, so that conclusions about the whole are sound."""
        return set(self.section("nodes").values) == set(self.flow.nodes)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        return edges(self.flow)

    def section(self, key: str) -> Fields:
        return fields(self.tree, key)

    def place(self, node: str) -> Place:
        return self.flow.places[node]

    def key_place(self, node: str, key: str) -> Place:
        """Where a key of a node stands, the node's own place where it is missing."""
        return self.nodes[node].keys.get(key, self.place(node))

    def written(self, node: str) -> tuple[Written, ...]:
        return tuple(scalars(self.nodes[node]))

    def spoken(self) -> Iterator[tuple[Prompt, str, Line]]:
        """(prompt, language, line) of all words that the flow's files contain."""
        for prompt in self.flow.prompts:
            for language, lines in prompt.lines.items():
                for line in lines:
                    if line.place is not None:
                        yield prompt, language, line


def fields(tree: Tree | None, key: str) -> Fields:
    """A mapping under a key, an empty one where there is none."""
    found = tree.values.get(key) if isinstance(tree, Fields) else None
    return found if isinstance(found, Fields) else EMPTY


def items(tree: Tree | None, key: str) -> tuple[Tree, ...]:
    found = tree.values.get(key) if isinstance(tree, Fields) else None
    return found.values if isinstance(found, Items) else ()


def text(tree: Tree | None, key: str) -> str | None:
    found = tree.values.get(key) if isinstance(tree, Fields) else None
    return found.text if isinstance(found, Scalar) else None


def place_of(tree: Tree, key: str) -> Place:
    """Where the value of a key stands, or the mapping where there is none."""
    found = tree.values.get(key) if isinstance(tree, Fields) else None
    return found.place if found is not None else tree.place


def scalars(tree: Tree, keys: tuple[str, ...] = ()) -> Iterator[Written]:
    if isinstance(tree, Scalar):
        yield Written(keys, tree.text, tree.place)
    elif isinstance(tree, Items):
        for one in tree.values:
            yield from scalars(one, keys)
    else:
        for key, one in tree.values.items():
            yield from scalars(one, (*keys, key))
