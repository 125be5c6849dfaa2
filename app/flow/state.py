"""Where a call stands in its flow: its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from app.flow.values import Json

Phase = Literal[
    "asking",
    "confirming",
    # the model chooses what was meant
    "understanding",
    # a service is asked
    "calling",
    # the model replies
    "answering",
    # the caller is asked whether a tool may be used
    "approving",
    "transferring",
    "recording",
    "ended",
]


@dataclass(frozen=True, slots=True)
class Context:
    """What is known when the phone is answered. `now` has its offset; numbers are E.164, empty when withheld.

    `language` None is the flow's first; `seed` decides every `one_of`, so that a call can be replayed.
    """

    now: datetime
    caller: str = field(default="", repr=False)
    called: str = ""
    language: str | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """Immutable and JSON throughout; a step makes a new one, so going back is keeping the old one.

    It may hold sensitive values: `repr` shows none, and whoever stores it protects it as such.
    """

    flow: str
    version: str
    language: str
    node: str
    phase: Phase = "asking"
    slots: Mapping[str, Json] = field(default_factory=dict)
    caller: str = ""
    called: str = ""
    seed: int = 0
    # keys of the answer that is being typed
    keys: str = ""
    # a fixed number of keys was reached: a finish key that follows out of habit belongs to that answer
    finished_by_length: bool = False
    no_inputs: int = 0
    no_matches: int = 0
    rejections: int = 0
    # failures since the caller was last understood, over all nodes
    failures: int = 0
    # nodes walked since the caller last did something
    walked: int = 0
    # the meaning that "Did you say …?" asks about
    pending: Mapping[str, Json] | None = None
    # the flows that wait for a subflow: their call node, slots and confirmation, the outermost first
    stack: Sequence[Mapping[str, Any]] = field(default_factory=list)
    # the confirmation that a correction comes back to
    returning: str | None = None
    # the caller's last words, where they answered nothing sensitive
    words: str = ""
    # the conversation with a model, and how often it was asked to reply
    dialogue: Sequence[Mapping[str, Any]] = field(default_factory=list)
    turns: int = 0
    # what was said beside the last answers, for questions to come; see early.py
    early: str = ""
    # what a correction has put in doubt: kept if it still fits
    dropped: Mapping[str, Json] = field(default_factory=dict)
    # how often each varying prompt was said
    said: Mapping[str, int] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        return self.phase == "ended"

    def to_json(self) -> dict[str, Any]:
        """A plain dict for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> State:
        """The state that `to_json` described. Raises TypeError when it was not this version's."""
        return cls(**stored)

    def __repr__(self) -> str:
        return (
            f"State({self.flow!r}, node={self.node!r}, phase={self.phase!r}, language={self.language!r}, "
            f"slots={sorted(self.slots)}, keys={len(self.keys)})"
        )
