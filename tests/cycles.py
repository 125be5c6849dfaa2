"""Garbage that nothing but a full collection finds."""

from __future__ import annotations

import gc
import weakref


class _Node:
    def __init__(self) -> None:
        self.itself = self


def old_cycle() -> weakref.ref[_Node]:
    """Nobody has it any more, and it has outlived a collection of the young."""
    node = _Node()
    gc.collect(1)
    return weakref.ref(node)
