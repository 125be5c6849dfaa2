"""Past calls, from their journals: a list, a transcript, and where each turn's time went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from app.call import journal

BAR_WIDTH = 40
MEASURED = "answer times as the server measured them, from the end of the speech as it heard it; ears may be 0.1 s off"


@dataclass(frozen=True, slots=True)
class CallSummary:
    """One line of the list. `ended` is None while the call goes on, or if the process died."""

    call_sid: str
    started: str
    flow: str
    caller: str = field(repr=False)
    turns: int
    answer_p50_ms: float | None
    seconds: float | None
    ended: str | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def summaries(data_dir: Path) -> list[CallSummary]:
    """Every call on record, the newest first."""
    paths = (data_dir / "calls").glob("*.jsonl")
    found = [_summary(path.stem, list(journal.read(path))) for path in paths]
    return sorted(found, key=lambda call: call.started, reverse=True)


def events(data_dir: Path, call_sid: str) -> list[dict[str, Any]]:
    """The journal of one call, by its SID or a beginning that no other has. Raises LookupError when there is none."""
    path = journal.path_of(data_dir, call_sid)
    if path.exists():
        return list(journal.read(path))
    found = list(path.parent.glob(f"{call_sid}*.jsonl"))
    if len(found) == 1:
        return list(journal.read(found[0]))
    problem = f"{call_sid} begins {len(found)} calls" if found else f"no call {call_sid}"
    raise LookupError(f"{problem} in {path.parent}; `callrelay calls` lists what there is")


def transcript(record: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What both sides said and did, a line each."""
    for event in record:
        if line := _line(event):
            yield f"{event['ms'] / 1000:7.2f}  {line}"


def waterfall(record: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Each turn's stages as bars on a common scale that begins where the caller's speech ended."""
    turns = [event["timeline"] for event in record if event["event"] == "turn"]
    if turns:
        yield MEASURED
    longest = max((end for turn in turns for _, end in turn["stages"].values()), default=0.0)
    for number, turn in enumerate(turns, 1):
        yield f"turn {number}: answer after {turn['answer_ms']:.0f} ms, overhead {turn['overhead_ms']:.1f} ms"
        for name, (start, end) in turn["stages"].items():
            yield f"  {name:<18}{end - start:7.1f} ms  {bar(start, end, longest)}"


def bar(start: float, end: float, longest: float) -> str:
    """A stage on a scale of `longest` milliseconds that begins where the caller's speech ended."""
    scale = BAR_WIDTH / max(longest, 1.0)
    before = round(max(start, 0.0) * scale)
    return " " * before + "█" * max(1, round(end * scale) - before)


def _line(event: dict[str, Any]) -> str | None:
    match event["event"]:
        case "call_started":
            return (
                f"— {event['from'] or 'withheld'} calls {event['to']}: {event['flow']} ({event['language']})"
            )
        case "said":
            return f"agent   {event['text']}"
        case "interrupted":
            return f"        — interrupted; not heard: {event['unheard']}"
        case "utterance":
            return f"caller  {event['text'] or '(not understood)'}"
        case "dtmf":
            return f"caller  [{event['digits']}]"
        case "error":
            return f"— error: {event['text']}"
        case "taken_back":
            return "        — the caller goes on; the answer is taken back"
        case "recorded":
            return f"caller  (a message of {event['seconds']:.1f} s: {event['file']})"
        case "transferred":
            return f"— transferred to {event['to']}"
        case "call_ended":
            return f"— ended: {event['reason']}, after {event['seconds']:.1f} s"
    return None


def _summary(call_sid: str, record: Sequence[dict[str, Any]]) -> CallSummary:
    first = record[0] if record else {}
    last = record[-1] if record and record[-1]["event"] == "call_ended" else {}
    answers = [
        event["timeline"]["answer_ms"] for event in record if event["event"] == "turn" and event["timeline"]
    ]
    return CallSummary(
        call_sid=call_sid,
        started=first.get("at", ""),
        flow=first.get("flow", ""),
        caller=first.get("from", ""),
        turns=len(answers),
        answer_p50_ms=median(answers) if answers else None,
        seconds=last.get("seconds"),
        ended=last.get("reason"),
    )
