"""What the speech cache is worth, counted: how often it had what was asked for, and what was made in vain. Pure.

Precision is the share of guesses that were used, among those whose time is over or that were; recall is the share of
turns answered with fixed or templated words whose speech was ready.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from providers.base import Voice

Kind = Literal["static", "templated"]

MISSES_KEPT = 500
LEARNED_SHARE = 0.2


@dataclass(slots=True)
class CacheFigures:
    """`answers` are a model's that may be given again. `ahead_made` counts guesses: words that vary, made before
    anybody asked. Times are milliseconds.
    """

    hits: Counter[Kind] = field(default_factory=Counter)
    misses: Counter[Kind] = field(default_factory=Counter)
    answers: int = 0
    answers_known: int = 0
    turns: int = 0
    turns_ready: int = 0
    ahead_made: int = 0
    ahead_used: int = 0
    ahead_wasted: int = 0
    wasted_ms: float = 0.0
    wasted_characters: int = 0
    saved_ms: float = 0.0
    # (where it is said, why it was not there): how often, and what the caller waited for it
    missed_at: Counter[tuple[str, str]] = field(default_factory=Counter)
    waited_ms: Counter[tuple[str, str]] = field(default_factory=Counter)
    _first_ms: dict[str, float] = field(default_factory=dict)

    def hit(self, kind: Kind, voice: Voice, *, ahead: bool) -> None:
        """Something was there; `ahead`: it had been guessed, and this is its first use."""
        self.hits[kind] += 1
        self.ahead_used += ahead
        self.saved_ms += self._first_ms.get(voice.name, 0.0)

    def missed(self, kind: Kind) -> None:
        self.misses[kind] += 1

    def asked_a_model(self, *, known: bool) -> None:
        """A question came whose answer may be given again; `known`: it was there."""
        self.answers += 1
        self.answers_known += known

    def made(self, voice: Voice, first_ms: float) -> None:
        """A voice gave its first sound after so long: what a hit saves."""
        known = self._first_ms.get(voice.name, first_ms)
        self._first_ms[voice.name] = known + LEARNED_SHARE * (first_ms - known)

    def wasted(self, made_ms: float, characters: int) -> None:
        """A guess has gone without being used; voices are paid by the character."""
        self.ahead_wasted += 1
        self.wasted_ms += made_ms
        self.wasted_characters += characters

    def waited(self, place: str, why: str, ms: float) -> None:
        """A caller waited for words that were not there, said at a place of the flow."""
        if len(self.missed_at) < MISSES_KEPT or (place, why) in self.missed_at:
            self.missed_at[place, why] += 1
            self.waited_ms[place, why] += round(ms)

    def answered(self, *, ready: bool) -> None:
        """A turn was answered with words of the flow."""
        self.turns += 1
        self.turns_ready += ready

    @property
    def hit_rate(self) -> float | None:
        """Of everything that was asked for; None before the first."""
        return _share(self.hits.total(), self.misses.total())

    @property
    def precision(self) -> float | None:
        return _share(self.ahead_used, self.ahead_wasted)

    @property
    def recall(self) -> float | None:
        return _share(self.turns_ready, self.turns - self.turns_ready)

    def report(self) -> Mapping[str, Any]:
        """For machines and people: rates 0..1 or None, the worst misses first."""
        counted = {
            "static": (self.hits["static"], self.misses["static"]),
            "templated": (self.hits["templated"], self.misses["templated"]),
            "answer": (self.answers_known, self.answers - self.answers_known),
        }
        worst = sorted(self.missed_at, key=lambda one: (-self.waited_ms[one], -self.missed_at[one]))
        return {
            "hit_rate": _rounded(self.hit_rate),
            "by_kind": {
                kind: {"hits": hits, "misses": misses, "hit_rate": _rounded(_share(hits, misses))}
                for kind, (hits, misses) in counted.items()
            },
            "precision": _rounded(self.precision),
            "recall": _rounded(self.recall),
            "turns": self.turns,
            "prepared": self.ahead_made,
            "prepared_used": self.ahead_used,
            "prepared_wasted": self.ahead_wasted,
            "waste_ms": round(self.wasted_ms),
            "waste_characters": self.wasted_characters,
            "saved_ms": round(self.saved_ms),
            "worst_misses": [
                {"at": at, "why": why, "count": self.missed_at[at, why], "waited_ms": self.waited_ms[at, why]}
                for at, why in worst[:20]
            ],
        }


def _share(one: int, other: int) -> float | None:
    return one / (one + other) if one + other else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
