"""A call for people: events as they happen, a table of turns, a transcript, files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from app.simulator.caller import Event
from app.simulator.recording import save_recording
from app.simulator.stream import Recording
from app.simulator.turns import CallReport, Turn

SAID_WIDTH = 30
HEADINGS = ("turn", "caller", "agent", "any ms", "answer ms", "node")
BY_EAR = (
    "by the caller's ear, from the true end of their act; `callrelay calls show` has what the server measured"
)
RAN_TOGETHER = (
    "the caller spoke while the agent did, who went on: where the answer begins cannot be told by ear"
)
# on any machine something comes between for less
LATE_MS = 100.0
WIDTHS = (4, SAID_WIDTH, SAID_WIDTH, 7, 9, 0)


def event_line(event: Event) -> str:
    """One line of the live view: when, who, what."""
    return f"{event.at_s:8.2f}  {event.who:<7} {event.text}"


def table(report: CallReport) -> Iterator[str]:
    """Turns one a line, what the times are, then how the call ended and what did not hold."""
    if not report.refused:
        yield from _turns(report)
    yield f"{report.call_sid}: {report.ended.replace('_', ' ')} after {report.seconds:.1f} s"
    faults = report.faults()
    yield from (f"  ✗ {fault}" for fault in faults)
    if not faults:
        yield "  ✓ held"


def _turns(report: CallReport) -> Iterator[str]:
    yield _row(HEADINGS)
    if report.greeting.any_audio_ms is not None:
        yield _row(("", "", _said(report.greeting), "", "", report.greeting.node or ""))
    for number, turn in enumerate(report.turns, 1):
        times = (_ms(turn.any_audio_ms, turn), _ms(turn.answer_audio_ms, turn))
        yield _row((str(number), _did(turn.caller), _said(turn), *times, turn.node or ""))
    yield ""
    yield f"times: {BY_EAR}"
    if any(turn.ran_together for turn in report.turns):
        yield f"?: {RAN_TOGETHER}"
    if report.late_ms > LATE_MS:
        late = f"this machine was too busy to be a caller, {report.late_ms:.0f} ms late at worst"
        yield f"{late}: do not trust times and gaps; try again"


def transcript(events: Iterable[Event]) -> str:
    """The live view, in the order of time."""
    return "".join(f"{event_line(event)}\n" for event in sorted(events, key=lambda event: event.at_s))


def save(directory: Path, report: CallReport, recording: Recording | None, events: Sequence[Event]) -> None:
    """Write call.wav, call.json and transcript.txt. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    if recording is not None:
        save_recording(directory / "call.wav", recording)
    (directory / "call.json").write_text(document(report) + "\n", "utf-8")
    (directory / "transcript.txt").write_text(transcript(events), "utf-8")


def document(report: CallReport) -> str:
    """The report as JSON."""
    return json.dumps(report.as_json(), ensure_ascii=False, indent=1)


def _row(cells: Sequence[str]) -> str:
    padded = [
        _cut(cell, width).rjust(width) if index in (3, 4) else _cut(cell, width).ljust(width)
        for index, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _cut(text: str, width: int) -> str:
    return text if not width or len(text) <= width else text[: width - 1] + "…"


def _did(caller: dict[str, Any]) -> str:
    match caller:
        case {"audio": path}:
            return f"▶ {Path(path).name}"
        case {"dtmf": digits}:
            return f"keys {digits}"
        case {"silence": seconds}:
            return f"(silent {seconds:g} s)"
        case _:
            return str(caller.get("text", ""))


def _said(turn: Turn) -> str:
    text = turn.agent_text or turn.heard
    if text:
        return text
    return "(speaks)" if turn.any_audio_ms is not None else "–"


def _ms(value: float | None, turn: Turn) -> str:
    if value is not None:
        return f"{value:.0f}"
    if turn.ran_together:
        return "?"
    return "none" if turn.answer_due else "–"
