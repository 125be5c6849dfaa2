"""What calls did, for Prometheus (text format 0.0.4), counted from their records.

Labels are names out of flow files and settings, never anything of a caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from app.ops.call_view import CallView

ANSWER_BUCKETS_S: Final = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
STAGE_BUCKETS_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)


class CallMetrics:
    """In a registry of its own; nothing global."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"callrelay_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"callrelay_{name}_seconds", text, labels, buckets=buckets, registry=registry)

        answer = ("language", "kind")
        self.journal_errors = counter("journal_errors", "Calls' records that the disk did not take")
        self._calls = counter("calls", "Calls begun", "flow")
        self._ended = counter("calls_ended", "Calls ended", "flow", "reason")
        self._turns = counter("turns", "Turns of callers that were answered", "flow")
        self._answer = histogram("answer_audio", "End of speech to the answer", ANSWER_BUCKETS_S, *answer)
        self._any = histogram("any_audio", "End of speech to any sound", ANSWER_BUCKETS_S, *answer)
        self._stage = histogram("stage", "Stages of an answer", STAGE_BUCKETS_S, "stage")
        self._overhead = histogram("overhead", "Waits of an answer that are the relay's", STAGE_BUCKETS_S)
        self._prompts = counter("prompts", "Prompts begun, by whether their speech was ready", "ready")
        self._interruptions = counter("interruptions", "Times that callers interrupted the agent", "flow")
        self._taken_back = counter("turns_taken_back", "Turns that were not over after all", "flow")
        self._gaps = counter("audio_gaps", "Utterances of the agent with a gap that can be heard")
        self._events = counter(
            "flow_events", "Events of flows: no_input, no_match, their own", "flow", "event"
        )
        self._failovers = counter("failovers", "Switches between providers", "role", "left", "taken")
        self._hedges = counter("hedges", "Second models asked beside a slow first")
        self._errors = counter("call_errors", "Errors in calls", "flow")
        self._frames = counter("frames", "Audio frames of callers received")
        self._repaired = counter("frames_repaired", "What was wrong with frames and messages", "what")

    def take(self, view: CallView, line: Mapping[str, Any]) -> None:
        """Count a line of a call's record, which `view` has seen."""
        match line["event"]:
            case "call_started":
                self._calls.labels(view.flow).inc()
            case "turn":
                self._take_turn(view, line["timeline"])
            case "said":
                self._prompts.labels("yes" if line["cached"] else "no").inc()
            case "interrupted":
                self._interruptions.labels(view.flow).inc()
            case "taken_back":
                self._taken_back.labels(view.flow).inc()
            case "flow_event":
                self._events.labels(view.flow, line["name"]).inc()
            case "call_ended":
                self._ended.labels(view.flow, line["reason"]).inc()
            case _:
                self._take_trouble(view, line)

    def _take_turn(self, view: CallView, timeline: Mapping[str, Any]) -> None:
        labels = view.language, view.turns[-1]["kind"]
        answer_ms = timeline["answer_ms"]
        self._turns.labels(view.flow).inc()
        self._answer.labels(*labels).observe(answer_ms / 1000)
        self._any.labels(*labels).observe(timeline.get("any_ms", answer_ms) / 1000)
        self._overhead.observe(timeline["overhead_ms"] / 1000)
        for name, (start, end) in timeline["stages"].items():
            self._stage.labels(name).observe((end - start) / 1000)

    def _take_trouble(self, view: CallView, line: Mapping[str, Any]) -> None:
        match line["event"]:
            case "heard" if line["gap_ms"]:
                self._gaps.inc()
            case "error":
                self._errors.labels(view.flow).inc()
            case "failover" if line["why"] == "hedge":
                self._hedges.inc()
            case "failover":
                self._failovers.labels(line["role"], line["left"], line["taken"] or "nobody").inc()
            case "stream_ended":
                self._frames.inc(line["frames"])
                for what, times in line["repaired"].items():
                    self._repaired.labels(what).inc(times)
