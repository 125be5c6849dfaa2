"""Why a turn was answered when and as it was: each stage, each wait, each decision, from the call's record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.ops.call_view import Kind, kind_of
from app.ops.calls import bar
from app.ops.quality import TurnJudge
from app.orchestrator.quality import parts

Line = Mapping[str, Any]

STAGES = {
    "endpoint": "the caller's turn was known to be over",
    "stt_final": "the last words were recognised",
    "decide": "the flow took its step",
    "model_first_token": "the model began to answer",
    "service": "a service answered",
    "speech_first_byte": "the first speech was there",
    "first_frame_out": "the first frame could be heard",
}
WAITS = {
    "voice_batch": "for the voice detector's batch",
    "event_loop": "for the event loop",
    "hand_over": "for the task that makes speech",
    "pacing": "for the pacing of what was sent before",
}
KINDS: Mapping[Kind, str] = {
    "model": "a language model made its words",
    "service": "a service had to answer first",
    "ready": "its speech had been made before",
    "made": "its speech had to be made",
}
TOLD_ELSEWHERE = {
    *("stages", "waits", "overhead_ms", "answer_ms", "any_ms"),
    *("complete", "end_probability", "later_probability"),
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """One turn. `events` are the lines of the record that belong to it, `before` all earlier ones."""

    number: int
    before: Sequence[Line]
    events: Sequence[Line]
    target_ms: float
    maximum_ms: float

    @property
    def timeline(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = next(one["timeline"] for one in self.events if one["event"] == "turn")
        return found

    @property
    def kind(self) -> Kind:
        said = (one for one in self.events if one["event"] == "said")
        cached = next((one["cached"] for one in said if not one.get("bridging")), False)
        return kind_of(self.timeline, cached=cached)

    @property
    def quality(self) -> dict[str, float]:
        """The parts of its score."""
        judge = TurnJudge()
        judged = [judge.take(one) for one in (*self.events, {"event": "call_ended"})]
        return next((parts(turn, self.target_ms, self.maximum_ms) for turn in judged if turn), {})

    def decisions(self) -> Iterator[tuple[str, str]]:
        """What was decided, and why; in the order of the record."""
        yield "end of turn", self._ending()
        yield "answer", KINDS[self.kind]
        for name, value in self.timeline.items():
            if name not in TOLD_ELSEWHERE:
                yield name, str(value)
        measures = _in_force(self.before)
        if measures:
            yield "given up to be quicker", ", ".join(measures)
        for one in self.events:
            told = _decision(one)
            if told:
                yield told

    def _ending(self) -> str:
        end_ms = self.timeline["stages"].get("endpoint", [0.0, 0.0])[1]
        complete, probability = self.timeline.get("complete"), self.timeline.get("end_probability")
        because = {
            True: "what was said answers the question in full",
            False: "what was said is only the beginning of an answer, so the caller got more time",
            None: "what was said does not tell whether more comes",
        }[complete]
        later = self.timeline.get("later_probability")
        heard = (
            "" if probability is None else f"; it sounded finished with a probability of {probability:.2f}"
        )
        again = "" if later is None else f", and of {later:.2f} when the silence went on"
        return f"{end_ms:.0f} ms after the last sound: {because}{heard}{again}"

    def as_json(self) -> dict[str, Any]:
        """One document."""
        timeline, quality = self.timeline, self.quality
        return {
            "turn": self.number,
            "caller": _caller(self.events),
            "agent": " ".join(one["text"] for one in self.events if one["event"] == "said"),
            "answer_ms": timeline["answer_ms"],
            "any_ms": timeline.get("any_ms", timeline["answer_ms"]),
            "target_ms": self.target_ms,
            "maximum_ms": self.maximum_ms,
            "kind": self.kind,
            "stages": timeline["stages"],
            "waits": timeline["waits"],
            "overhead_ms": timeline["overhead_ms"],
            "decisions": [{"what": what, "why": why} for what, why in self.decisions()],
            "quality": {**quality, "score": sum(quality.values()) / len(quality)},
        }

    def lines(self) -> Iterator[str]:
        """For people."""
        answer_ms, timeline = self.timeline["answer_ms"], self.timeline
        yield f"turn {self.number}: answered after {answer_ms:.0f} ms, {self._verdict(answer_ms)}"
        yield f"  caller  {_caller(self.events)}"
        yield "       until      lasted"
        longest = max(end for _, end in timeline["stages"].values())
        for name, (start, end) in timeline["stages"].items():
            what = STAGES.get(name, name)
            yield f"  {end:7.1f} ms  {end - start:7.1f} ms  {what:<41} {bar(start, end, longest)}"
        for name, ms in timeline["waits"].items():
            yield f"              {ms:7.1f} ms  waited {WAITS.get(name, name)}"
        yield f"              {timeline['overhead_ms']:7.1f} ms  waited in all: the relay's own share"
        yield "decisions"
        yield from (f"  {what}: {why}" for what, why in self.decisions())
        yield "quality"
        yield from (f"  {name:<11} {value:g}" for name, value in self.quality.items())

    def _verdict(self, answer_ms: float) -> str:
        if answer_ms <= self.target_ms:
            return f"within the target of {self.target_ms:.0f} ms"
        if answer_ms <= self.maximum_ms:
            return (
                f"above the target of {self.target_ms:.0f} ms, within the maximum of {self.maximum_ms:.0f} ms"
            )
        return f"above the maximum of {self.maximum_ms:.0f} ms"


def explain(record: Sequence[Line], number: int, target_ms: float, maximum_ms: float) -> Explanation:
    """The turn of that number, counted from 1 as `callrelay calls show` does. Raises LookupError."""
    places = [place for place, one in enumerate(record) if one["event"] == "turn"]
    if not 1 <= number <= len(places):
        raise LookupError(f"there is no turn {number}; this call has {len(places)} that were answered")
    answered = places[number - 1]
    begin = max((p for p in range(answered) if record[p]["event"] == "utterance"), default=answered)
    after = (p for p in range(answered + 1, len(record)) if record[p]["event"] in ("utterance", "dtmf"))
    end = next(after, len(record))
    return Explanation(number, record[:begin], record[begin:end], target_ms, maximum_ms)


def _caller(events: Sequence[Line]) -> str:
    return next((one["text"] for one in events if one["event"] == "utterance"), "")


def _in_force(before: Sequence[Line]) -> list[str]:
    measures: dict[str, str] = {}
    for one in before:
        if one["event"] == "adapted":
            measures[one["measure"]] = one["way"]
    return [measure for measure, way in measures.items() if way == "down"]


def _decision(one: Line) -> tuple[str, str] | None:
    match one["event"]:
        case "utterance":
            sure = (
                "" if one["confidence"] is None else f", heard with a confidence of {one['confidence']:.2f}"
            )
            meant = (
                f"as {one['intent'] or 'an answer'}, by {one['rung']}"
                if one["rung"]
                else "as nothing asked for"
            )
            return "understood", f"{meant}{sure}"
        case "understood":
            return "understood too", f"{one['intent'] or 'an answer'}, by {one['rung']}"
        case "language":
            return "language", f"from {one['left']} to {one['taken']}: the caller speaks {one['heard']}"
        case "node_entered":
            return "flow", f"goes to {one['node']}"
        case "slot":
            return "slot", f"{one['name']} = {one['value']}"
        case "flow_event":
            return "flow event", one["name"]
        case "taken_back":
            return "taken back", "the caller went on"
        case "interrupted":
            return "interrupted", f"by the caller, after {one['heard'] or 'nothing'!r}"
        case "error":
            return "error", one["text"]
    return _service_decision(one)


def _service_decision(one: Line) -> tuple[str, str] | None:
    match one["event"]:
        case "failover":
            return one["role"], f"{one['left'] or 'nobody'} → {one['taken'] or 'nobody'}: {one['why']}"
        case "http":
            how = f"HTTP {one['status']}" if one["status"] else one["reason"]
            ahead = ", asked ahead" if one["ahead"] else ""
            return "service", f"{one['method']} {one['host']}: {how} after {one['ms']:.0f} ms{ahead}"
        case "model":
            first = "no word" if one["first_ms"] is None else f"its first word after {one['first_ms']:.0f} ms"
            became = one["reason"] or one["outcome"] or one["tool"] or "a reply"
            return (
                "model",
                f"{one['model']} ({one['purpose']}): {became}, {first}, all after {one['ms']:.0f} ms",
            )
    return None
