"""Quality as calls' records tell it: of one call, of a flow, and of all calls in the last five minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.clock import Clock
from app.ops.ring import Ring
from app.orchestrator.quality import TurnFacts, score

WINDOW_S = 300.0
TURNS_KEPT = 10_000
ALARM_AFTER_S = 300.0


class TurnJudge:
    """Reads one call's record, line by line. A turn is judged when the next begins, or the stream ends."""

    def __init__(self) -> None:
        self._turn: TurnFacts | None = None
        self._answered_at_ms = 0.0

    def take(self, line: Mapping[str, Any]) -> TurnFacts | None:
        """Note a line; the facts of the turn that is over with it, if one is."""
        match line["event"]:
            case "utterance":
                return self._next(TurnFacts(understood=line["intent"] != "repeat"))
            case "dtmf" | "stream_ended" | "call_ended":
                return self._next(None)
            case "turn":
                self._turn = self._turn or TurnFacts()
                self._turn.answer_ms = line["timeline"]["answer_ms"]
                self._answered_at_ms = line["ms"]
        if self._turn:
            self._note(self._turn, line)
        return None

    def _note(self, turn: TurnFacts, line: Mapping[str, Any]) -> None:
        match line["event"]:
            case "flow_event" if line["name"] == "no_match":
                turn.understood = False
            case "failover" if _is_noticed(line):
                turn.steady = False
            case "error":
                turn.steady = False
            case "heard":
                turn.longest_gap_ms = max(turn.longest_gap_ms, line["gap_ms"])
            case "interrupted" | "taken_back" if turn.cut_after_ms is None and turn.answer_ms is not None:
                turn.cut_after_ms = line["ms"] - self._answered_at_ms

    def _next(self, turn: TurnFacts | None) -> TurnFacts | None:
        """Words that were never answered count only where something failed: an answer is not due to all of them."""
        over, self._turn = self._turn, turn
        return over if over and (over.answer_ms is not None or not over.steady) else None


def _is_noticed(failover: Mapping[str, Any]) -> bool:
    """Whether the caller hears it: the voice changes, or nobody is left."""
    left_alone = failover["taken"] is None
    return left_alone or (failover["role"] == "synthesizer" and failover["why"] != "back")


class QualityBook:
    """Scores of the last five minutes."""

    def __init__(self, clock: Clock, target_ms: float, maximum_ms: float, threshold: float) -> None:
        self._clock = clock
        self._target_ms = target_ms
        self._maximum_ms = maximum_ms
        self.threshold = threshold
        self._scores = Ring(TURNS_KEPT, 3)
        self._flows: list[str] = []
        self._below_since: float | None = None

    def judge(self, flow: str, turn: TurnFacts) -> float:
        """A turn of a flow is over: its score."""
        scored = score(turn, self._target_ms, self._maximum_ms)
        if flow not in self._flows:
            self._flows.append(flow)
        self._scores.add(self._clock.now(), scored, self._flows.index(flow))
        return scored

    @property
    def overall(self) -> float | None:
        """The mean of the last five minutes' turns, None without any."""
        scores, _ = self._scores.since(self._clock.now() - WINDOW_S)
        return round(float(scores.mean()), 3) if len(scores) else None

    @property
    def by_flow(self) -> dict[str, float]:
        """The same of each flow that had a turn."""
        return {name: round(float(own.mean()), 3) for name, own in self._scores_by_flow().items()}

    @property
    def turns_by_flow(self) -> dict[str, int]:
        """How many turns those are the means of."""
        return {name: len(own) for name, own in self._scores_by_flow().items()}

    def _scores_by_flow(self) -> dict[str, NDArray[np.float64]]:
        scores, flows = self._scores.since(self._clock.now() - WINDOW_S)
        found = {name: scores[flows == number] for number, name in enumerate(self._flows)}
        return {name: own for name, own in found.items() if len(own)}

    def alarm(self) -> str | None:
        """What is wrong once it has been below the threshold for five minutes. To be asked again and again."""
        now, overall = self._clock.now(), self.overall
        if overall is None or overall >= self.threshold:
            self._below_since = None
            return None
        if self._below_since is None:
            self._below_since = now
        if now - self._below_since < ALARM_AFTER_S:
            return None
        return f"quality is below {self.threshold:g} since five minutes or more"
