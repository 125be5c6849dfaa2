"""What the server's journal knows of a call that the simulator placed: words, nodes, stages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

from app.call import journal
from app.simulator.command import Enrichment
from app.simulator.turns import CallReport, Turn

# the journal dates to the millisecond
ROUNDING_S = 0.001


class JournalEnrichment(Enrichment):
    """Reads DATA_DIR, if the server that was called keeps its journals there."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def enrich(self, report: CallReport) -> None:
        path = journal.path_of(self._data_dir, report.call_sid)
        if not path.exists():
            return
        record = [(_seconds(event, report), event) for event in journal.read(path)]
        turns = [report.greeting, *report.turns]
        begins = [0.0, *(turn.began_s for turn in report.turns), inf]
        for turn, (begin, end) in zip(turns, pairwise(begins), strict=True):
            _add(turn, [event for at_s, event in record if begin <= at_s < end])


def _seconds(event: dict[str, Any], report: CallReport) -> float:
    """When it happened, on the scale of the report: both were dated by the same machine."""
    at = datetime.fromisoformat(event["at"])
    return (at - report.began_at).total_seconds() + ROUNDING_S


def _add(turn: Turn, events: Sequence[dict[str, Any]]) -> None:
    said = [event for event in events if event["event"] == "said"]
    if said:
        turn.agent_text = " ".join(event["text"] for event in said)
        turn.node = said[-1]["node"]
    for event in events:
        if event["event"] == "node_entered":
            turn.node = event["node"]
        elif event["event"] == "turn":
            turn.stages = event["timeline"]["stages"]
