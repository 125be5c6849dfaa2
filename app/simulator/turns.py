"""What came of a call, turn by turn: one act of the caller's, and the agent's answer to it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.simulator.ear import Gap, Stretch
from app.simulator.steps import Expect


@dataclass(slots=True)
class Turn:
    """One act of the caller's and what followed. Moments are seconds since the call began.

    `t0` is the acoustic end of the act. `any_audio_ms` runs from there to the first audible frame of the agent's,
    negative when the agent cut in, None when it never came. By ear alone a filler cannot be told from an answer, so
    `answer_audio_ms` is the same until somebody who can read the server's journal says when the answer's audio came;
    `node`, `agent_text`, `stages` (name to [start, end], milliseconds after the server's own t0) and `overhead_ms`, the
    server's own waits, can only come from there, too. `ran_together`: the agent was speaking before the act and went on
    after it, so that without a journal neither time can be told.
    """

    caller: dict[str, Any]
    began_s: float
    t0_s: float | None = None
    ended_s: float | None = None
    any_audio_ms: float | None = None
    answer_audio_ms: float | None = None
    agent_text: str | None = None
    heard: str | None = None
    node: str | None = None
    stages: dict[str, Any] = field(default_factory=dict)
    overhead_ms: float | None = None
    expects: list[Expect] = field(default_factory=list)
    answer_due: bool = True
    ran_together: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "caller": self.caller,
            "agent": {"text": self.agent_text or self.heard, "heard": self.heard},
            "node": self.node,
            "any_audio_ms": _rounded(self.any_audio_ms),
            "answer_audio_ms": _rounded(self.answer_audio_ms),
            "stages": self.stages,
            "overhead_ms": self.overhead_ms,
            "ran_together": self.ran_together,
            "t0_s": _rounded(self.t0_s, 3),
        }


@dataclass(slots=True)
class CallReport:
    """A whole call. `greeting` is what the agent said before the caller did anything. `frames` of audio were sent.
    `clears_s` is when the agent was silenced, `speech` when it was audible, both in seconds, and so are `gaps`.

    `ended`: caller_hung_up, server_hung_up, rejected, busy, or failed. `unsaid` counts steps that the caller could
    not take any more because the call was over. `began_at` is the date and time of second 0, by which a server's
    journal can be laid beside the turns. `late_ms` is the most that this side of the call was late: times and gaps may
    be wrong by as much. `cannot_run` says why there was no call at all.
    """

    call_sid: str
    began_at: datetime
    ended: str = "failed"
    seconds: float = 0.0
    frames: int = 0
    greeting: Turn = field(default_factory=lambda: Turn({}, 0.0, answer_due=False))
    turns: list[Turn] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    clears_s: list[float] = field(default_factory=list)
    speech: list[Stretch] = field(default_factory=list)
    protocol_errors: list[str] = field(default_factory=list)
    unsaid: int = 0
    late_ms: float = 0.0
    cannot_run: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The document of `callrelay call --json`."""
        return {
            "call_sid": self.call_sid,
            "began_at": self.began_at.isoformat(timespec="milliseconds"),
            "ended": self.ended,
            "seconds": _rounded(self.seconds, 3),
            "greeting": self.greeting.as_json(),
            "turns": [turn.as_json() for turn in self.turns],
            "gaps": len(self.gaps),
            "late_ms": _rounded(self.late_ms),
            "protocol_errors": self.protocol_errors,
            "faults": self.faults(),
        }

    def audible_from(self, moment_s: float) -> float | None:
        """When the agent was first audible from a moment on, in seconds since the call began."""
        return next((max(one.begins_at, moment_s) for one in self.speech if one.ends_at > moment_s), None)

    @property
    def refused(self) -> bool:
        """Whether the server did not take the call."""
        return self.ended in ("rejected", "busy") and not self.speech

    def faults(self) -> list[str]:
        """Everything that did not hold, in words; empty when the call held."""
        found = [
            f"protocol error{f' ({times} times)' if times > 1 else ''}: {error}"
            for error, times in Counter(self.protocol_errors).items()
        ]
        if self.refused:
            return [*found, f"the server did not take the call: {self.ended}"]
        found += [
            f"the agent stumbled at {gap.at:.2f} s for {gap.seconds * 1000:.0f} ms" for gap in self.gaps
        ]
        found += self._greeting_faults()
        for number, turn in enumerate(self.turns, 1):
            if turn.answer_due and turn.answer_audio_ms is None and not turn.ran_together:
                found.append(f"turn {number}: no answer")
            found += [f"turn {number}: {fault}" for fault in unmet(turn)]
        if self.unsaid:
            found.append(f"the call was over before the caller could take the last {self.unsaid} step(s)")
        if self.ended not in ("caller_hung_up", "server_hung_up"):
            found.append(f"the call ended as {self.ended}")
        return found

    def _greeting_faults(self) -> list[str]:
        found = [f"greeting: {fault}" for fault in unmet(self.greeting)]
        if not self.turns and self.greeting.any_audio_ms is None:
            found.append("the agent said nothing")
        return found


def unmet(turn: Turn) -> list[str]:
    """The expectations that a turn does not meet, in words."""
    return [fault for expect in turn.expects for fault in _unmet(expect, turn)]


def _unmet(expect: Expect, turn: Turn) -> list[str]:
    found = []
    text = turn.agent_text or turn.heard
    if expect.node is not None and expect.node != turn.node:
        known = repr(turn.node) if turn.node else "unknown: no journal at hand tells of it"
        found.append(f"expected node {expect.node!r}, but it is {known}")
    if expect.contains is not None and _plain(expect.contains) not in _plain(text or ""):
        found.append(f"expected {expect.contains!r} in {text!r}")
    waited = turn.answer_audio_ms
    if expect.within_ms is not None and (waited is None or waited > expect.within_ms):
        took = "took an unknown time" if turn.ran_together else "never came"
        took = took if waited is None else f"took {waited:.0f} ms"
        found.append(f"expected an answer within {expect.within_ms:.0f} ms, it {took}")
    return [f"{expect.place}{': ' if expect.place else ''}{fault}" for fault in found]


def _plain(text: str) -> str:
    """Words alone: recognised text has its own idea of capitals and punctuation."""
    kept = "".join(character if character.isalnum() else " " for character in text.casefold())
    return " ".join(kept.split())


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
