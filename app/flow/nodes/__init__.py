"""Node types: one verb per file, each registers itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from app.flow.model import Node, Settings

if TYPE_CHECKING:
    from app.flow.draft import Draft
    from app.flow.section import Section

NodeReader = Callable[[str, "Section", "Draft", Settings], Node | None]

_READERS: dict[str, NodeReader] = {}


def node_type(verb: str) -> Callable[[NodeReader], NodeReader]:
    """Registers the reader of a verb: (name, section, draft, default settings) -> node.

    A reader notes faults, and returns None where there is no making sense of the node.
    """

    def register(reader: NodeReader) -> NodeReader:
        _READERS[verb] = reader
        return reader

    return register


def node_readers() -> Mapping[str, NodeReader]:
    """Every verb there is."""
    _discover()
    return _READERS


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
