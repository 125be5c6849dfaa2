"""What the server's journal knows of a call that the simulator placed: words, nodes, stages, which words are answers.

By ear alone "one moment" is as good as an answer, and the silence after it sounds like a stumble. The journal says
which words only bridge a wait and when each of them went out; when something is audible, the ear says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.simulator.enrichment import Enrichment

if TYPE_CHECKING:
    from app.simulator.ear import Gap
    from app.simulator.turns import CallReport, Turn

# the journal dates to the millisecond
ROUNDING_S = 0.001
# a frame and its line in the journal are not written at once
FRAME_S = 0.02
# events by which the server shows that it knows what the caller did
TAKEN = ("utterance", "dtmf")


@dataclass(frozen=True, slots=True)
class _Said:
    """Words of the agent's: their first frame went out at `at_s`, to be heard at `heard_s`."""

    at_s: float
    heard_s: float
    text: str
    node: str
    bridging: bool


class JournalEnrichment(Enrichment):
    """Reads DATA_DIR, if the server that was called keeps its journals there."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def enrich(self, report: CallReport) -> None:
        from app.call import journal

        path = journal.path_of(self._data_dir, report.call_sid)
        if not path.exists():
            return
        record = [(_seconds(event, report), event) for event in journal.read(path)]
        said = list(_words(record))
        turns = [report.greeting, *report.turns]
        begins = [0.0, *(turn.began_s for turn in report.turns), inf]
        for turn, (begin, end) in zip(turns, pairwise(begins), strict=True):
            mine = [one for one in said if begin <= one.at_s < end]
            _add(turn, mine, [event for at_s, event in record if begin <= at_s < end])
        for turn, act_s in zip(report.turns, _next_acts_s(report), strict=True):
            _tell_answer_apart(turn, [one for one in said if one.at_s < act_s], report, act_s)
            if turn.ran_together:
                _tell_answer_from_question(turn, [one for one in record if one[0] < act_s], report, act_s)
        report.gaps = [gap for gap in report.gaps if _is_inside_an_utterance(gap, said)]


def _seconds(event: dict[str, Any], report: CallReport) -> float:
    """When it happened, on the scale of the report: both were dated by the same machine."""
    at = datetime.fromisoformat(event["at"])
    return (at - report.began_at).total_seconds() + ROUNDING_S


def _words(record: Sequence[tuple[float, dict[str, Any]]]) -> Iterator[_Said]:
    for at_s, event in record:
        if event["event"] == "said":
            heard_s = at_s + event.get("ahead_ms", 0) / 1000
            yield _Said(at_s, heard_s, event["text"], event["node"], event.get("bridging", False))


def _add(turn: Turn, said: Sequence[_Said], events: Sequence[dict[str, Any]]) -> None:
    if said:
        turn.agent_text = " ".join(one.text for one in said)
        turn.node = said[-1].node
    for event in events:
        if event["event"] == "node_entered":
            turn.node = event["node"]
        elif event["event"] == "turn":
            turn.stages = event["timeline"]["stages"]
            turn.overhead_ms = event["timeline"]["overhead_ms"]


def _next_acts_s(report: CallReport) -> Iterator[float]:
    """For each turn, when the caller did something again: being silent, they still wait."""
    for number in range(1, len(report.turns) + 1):
        yield next((turn.began_s for turn in report.turns[number:] if turn.answer_due), inf)


def _tell_answer_apart(turn: Turn, said: Sequence[_Said], report: CallReport, act_s: float) -> None:
    """Where a wait was bridged, the answer is what is audible from its own first frame on; there may be none."""
    t0_s = turn.t0_s
    since = [one for one in said if t0_s is not None and one.at_s >= t0_s]
    if t0_s is None or not since or not since[0].bridging:
        return
    answer = next((one for one in since if not one.bridging), None)
    turn.answer_audio_ms = _waited_ms(answer, t0_s, report, act_s)


def _tell_answer_from_question(
    turn: Turn, record: Sequence[tuple[float, dict[str, Any]]], report: CallReport, act_s: float
) -> None:
    """Where the agent's words ran together, what it said once it had taken the act in is not the question any more."""
    t0_s = turn.t0_s
    taken_s = next((at_s for at_s, event in record if event["event"] in TAKEN and at_s >= turn.began_s), None)
    if t0_s is None or taken_s is None:
        return
    since = [one for one in _words(record) if one.at_s >= taken_s]
    answer = next((one for one in since if not one.bridging), None)
    turn.any_audio_ms = _waited_ms(since[0] if since else None, t0_s, report, act_s)
    turn.answer_audio_ms = _waited_ms(answer, t0_s, report, act_s)
    turn.ran_together = False


def _waited_ms(said: _Said | None, t0_s: float, report: CallReport, act_s: float) -> float | None:
    """None where nobody heard them: they were thrown away before, or the caller had done something else by then."""
    audible_s = report.audible_from(said.heard_s) if said else None
    if said is None or audible_s is None or audible_s >= act_s:
        return None
    if any(said.at_s + FRAME_S < clear_s < audible_s for clear_s in report.clears_s):
        return None
    return (audible_s - t0_s) * 1000


def _is_inside_an_utterance(gap: Gap, said: Sequence[_Said]) -> bool:
    """Whether the agent went on with what it was saying: with the same words, or with more of the same node's.

    What bridges a wait is an utterance of its own.
    """
    over_s = gap.at + gap.seconds + FRAME_S
    went_on = next((one for one in said if gap.at < one.at_s <= over_s), None)
    before = next((one for one in reversed(said) if one.at_s <= gap.at), None)
    if went_on is None or before is None:
        return True
    return went_on.node == before.node and not (went_on.bridging or before.bridging)
