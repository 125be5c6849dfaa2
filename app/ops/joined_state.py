"""What the console shows of all workers together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.ops.call_book import PAST_KEPT
from app.ops.watch import STEPS_KEPT

State = Mapping[str, Any]


def joined_state(states: Sequence[State]) -> dict[str, Any]:
    """`states` as `Operations.state` gives them; what is the same everywhere is the first one's."""
    steps = [step for state in states for step in state["economy"]["steps"]]
    live = [call for state in states for call in state["calls"]["live"]]
    past = [call for state in states for call in state["calls"]["past"]]
    return {
        **states[0],
        "alerts": _alerts(states),
        "quality": {**states[0]["quality"], "flows": _quality([state["quality"] for state in states])},
        "economy": {
            "in_force": sorted({measure for state in states for measure in state["economy"]["in_force"]}),
            "steps": sorted(steps, key=lambda step: str(step["at"]))[-STEPS_KEPT:],
        },
        "calls": {
            "live": sorted(live, key=lambda call: -float(call["seconds"])),
            "past": sorted(past, key=lambda call: str(call["started"]), reverse=True)[:PAST_KEPT],
        },
    }


def _alerts(states: Sequence[State]) -> list[dict[str, str]]:
    """Each once, since it was raised first."""
    found: dict[str, dict[str, str]] = {}
    raised = [alert for state in states for alert in state["alerts"]]
    for alert in sorted(raised, key=lambda alert: str(alert["since"])):
        found.setdefault(alert["name"], alert)
    return list(found.values())


def _quality(qualities: Sequence[State]) -> dict[str, float]:
    """Each flow's mean over all its turns."""
    sums: dict[str, tuple[float, int]] = {}
    for quality in qualities:
        for flow, score in quality["flows"].items():
            total, turns = sums.get(flow, (0.0, 0))
            more = quality["turns"][flow]
            sums[flow] = total + score * more, turns + more
    return {flow: round(total / turns, 3) for flow, (total, turns) in sums.items()}
