"""Who is asked for a reply, and when: decisions only. The shell tells what happened and carries out what is returned.

A provider that misses its first-token deadline is not given up: the next one is asked beside it, and whoever speaks
first wins. After the first token the reply belongs to the winner until it ends or breaks; then the next goes on.
Who stands by is asked when all others have failed, or have kept silent for too long; never beside another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.orchestrator.hedge import HedgeTokens

Why = Literal["first", "failed", "hedge", "late"]

# All of the first tokens that are waited for together: whoever has asked must be able to apologise within 2 s.
PATIENCE_S = 1.9
STANDBY_S = 0.3  # of it, for who stands by: on this machine, so that is plenty
BETWEEN_TOKENS_S = 0.7
SLACK_S = 1e-6  # timers may fire a little early


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider that may be asked; seconds without a first token until another is asked too, if that can be paid
    for, and until another is asked in any case."""

    name: str
    hedge_after_s: float
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Start:
    """Ask a provider."""

    name: str
    why: Why


@dataclass(frozen=True, slots=True)
class Stop:
    """Close a provider's reply: another was faster. `slow` when another was asked because of it, `late` when it had
    missed its deadline."""

    name: str
    slow: bool
    late: bool


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nobody is left who could answer in time. `silent` are those who were asked and have said nothing yet."""

    silent: Sequence[str] = ()


Action = Start | Stop | GiveUp


@dataclass(slots=True)
class _Asked:
    candidate: Candidate
    at_s: float
    may_hedge: bool = True


class ReplyPlan:
    """The decisions of one reply. `chain` is by preference, behind it `standby`; times are monotonic seconds."""

    def __init__(
        self, chain: Sequence[Candidate], tokens: HedgeTokens, standby: Candidate | None = None
    ) -> None:
        self._waiting = list(chain)
        self._standby = standby
        self._tokens = tokens
        self._asked: list[_Asked] = []
        self._winner: str | None = None
        self._patient_until_s = 0.0

    @property
    def winner(self) -> str | None:
        """Who is speaking, None before the first token."""
        return self._winner

    def begin(self, now_s: float) -> list[Action]:
        """The reply is asked for."""
        self._be_patient(now_s)
        return self._next(now_s, "first")

    def spoke(self, name: str, now_s: float) -> list[Action]:
        """A first token came: the others may go, and can be asked again should this one break."""
        self._winner = name
        losers = [asked for asked in self._asked if asked.candidate.name != name]
        self._asked = [asked for asked in self._asked if asked.candidate.name == name]
        self._waiting += [asked.candidate for asked in losers]
        return [Stop(asked.candidate.name, _slow(asked, now_s), _late(asked, now_s)) for asked in losers]

    def failed(self, name: str, now_s: float) -> list[Action]:
        """An attempt is over without having come to its end."""
        self._asked = [asked for asked in self._asked if asked.candidate.name != name]
        if name == self._winner:
            self._winner = None
            self._be_patient(now_s)
        return self._next(now_s, "failed")

    def next_s(self) -> float | None:
        """When time alone calls for a decision, None while somebody speaks."""
        if self._winner:
            return None
        return min([self._patient_until_s, *self._turning_points()])

    def due(self, now_s: float) -> list[Action]:
        """What the time that has passed calls for."""
        reached_s = now_s + SLACK_S
        if reached_s >= self._patient_until_s:
            return self._out_of_patience(now_s)
        if not self._asked or not self._waiting:
            return []
        last = self._asked[-1]
        if reached_s >= last.at_s + last.candidate.deadline_s:
            return self._next(now_s, "late")
        if last.may_hedge and reached_s >= last.at_s + last.candidate.hedge_after_s:
            last.may_hedge = False
            return self._next(now_s, "hedge") if self._tokens.take() else []
        return []

    def _turning_points(self) -> list[float]:
        if not self._asked or not self._waiting:
            return []
        last = self._asked[-1]
        wait_s = last.candidate.hedge_after_s if last.may_hedge else last.candidate.deadline_s
        return [last.at_s + min(wait_s, last.candidate.deadline_s)]

    def _be_patient(self, now_s: float) -> None:
        self._patient_until_s = now_s + PATIENCE_S - (STANDBY_S if self._standby else 0.0)

    def _out_of_patience(self, now_s: float) -> list[Action]:
        silent, self._waiting = [asked.candidate.name for asked in self._asked], []
        if not self._standby:
            return [GiveUp(silent)]
        self._asked.clear()
        return [*(Stop(name, slow=True, late=True) for name in silent), *self._next(now_s, "late")]

    def _next(self, now_s: float, why: Why) -> list[Action]:
        if self._waiting:
            return self._ask(self._waiting.pop(0), now_s, why)
        if self._asked:
            return []
        if not self._standby:
            return [GiveUp()]
        standby, self._standby = self._standby, None
        self._patient_until_s = now_s + STANDBY_S
        return self._ask(standby, now_s, why)

    def _ask(self, candidate: Candidate, now_s: float, why: Why) -> list[Action]:
        self._asked.append(_Asked(candidate, now_s))
        return [Start(candidate.name, why)]


def _slow(asked: _Asked, now_s: float) -> bool:
    return now_s + SLACK_S >= asked.at_s + asked.candidate.hedge_after_s


def _late(asked: _Asked, now_s: float) -> bool:
    return now_s + SLACK_S >= asked.at_s + asked.candidate.deadline_s
