"""The calls that go on, and the last that did: `CallBook` reads every call's record as it is written."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from app.clock import Clock
from app.ops.call_view import CallView
from app.ops.metrics import CallMetrics
from app.ops.quality import QualityBook, TurnJudge

PAST_KEPT = 20


class CallBook:
    """Implements `Witness`."""

    def __init__(self, clock: Clock, quality: QualityBook, metrics: CallMetrics) -> None:
        self._clock = clock
        self._quality = quality
        self._metrics = metrics
        self._live: dict[str, tuple[CallView, TurnJudge]] = {}
        self._past: deque[CallView] = deque(maxlen=PAST_KEPT)
        self._troubled: set[str] = set()

    def wrote(self, call_sid: str, line: Mapping[str, Any]) -> None:
        view, judge = self._entry(call_sid, line)
        view.take(line)
        turn = judge.take(line)
        if turn:
            view.scores.append(self._quality.judge(view.flow, turn))
        self._metrics.take(view, line)
        if view.ended is not None:
            del self._live[call_sid]
            self._past.append(view)
            self._troubled.discard(call_sid)

    def troubled(self, call_sid: str) -> None:
        self._metrics.journal_errors.inc()
        self._troubled.add(call_sid)

    def came(self, call_sid: str, flow: str, language: str) -> None:
        view = CallView(call_sid, self._clock.now(), flow=flow, language=language)
        self._live[call_sid] = view, TurnJudge()

    def left(self, call_sid: str) -> None:
        self._live.pop(call_sid, None)
        self._troubled.discard(call_sid)

    @property
    def unwritten(self) -> int:
        """How many calls that go on have had trouble with the disk."""
        return len(self._troubled)

    def as_json(self) -> dict[str, Any]:
        """Live calls, the oldest first; past ones, the newest first."""
        now = self._clock.now()
        return {
            "live": [view.as_json(now) for view, _ in self._live.values()],
            "past": [view.as_json(now) for view in reversed(self._past)],
        }

    def _entry(self, call_sid: str, line: Mapping[str, Any]) -> tuple[CallView, TurnJudge]:
        known = self._live.get(call_sid)
        if known is None:
            began = self._clock.now() - line["ms"] / 1000
            known = self._live[call_sid] = CallView(call_sid, began), TurnJudge()
        return known
