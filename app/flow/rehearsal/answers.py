"""What services and models answer in a rehearsal: as they are told, one mock after the other."""

from __future__ import annotations

from collections import Counter

from app.flow.rehearsal.script import Mock, Mocks


class CannotGoOn(Exception):
    """The call cannot go on like that; the message says why."""


class Answers:
    """One call's mocks, by node: each is used once, the last one for ever."""

    def __init__(self, mocks: Mocks) -> None:
        self._mocks = mocks
        self._used: Counter[tuple[str, bool]] = Counter()

    def known(self, node: str) -> bool:
        """Whether the node has any of its own."""
        return bool(self._mocks.get(node))

    def next(self, node: str, *, models: bool) -> Mock:
        """The next answer of a node's service, or of its model. Raises CannotGoOn where it has none."""
        name = node if node in self._mocks else node.rpartition(".")[2]
        known = [one for one in self._mocks.get(name, ()) if one.timed_out or one.is_models == models]
        if not known:
            example = "says: Yes., outcome: answered" if models else "json: {…}"
            raise CannotGoOn(f'node "{node}" has no mock; add `{name}: {{{example}}}` to the mocks')
        turn = min(self._used[node, models], len(known) - 1)
        self._used[node, models] += 1
        return known[turn]
