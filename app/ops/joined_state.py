"""What the console shows of all workers together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from app.ops.call_book import PAST_KEPT
from app.ops.watch import STEPS_KEPT

APART = " / "

State = Mapping[str, Any]


def joined_state(states: Sequence[State]) -> dict[str, Any]:
    """`states` as `Operations.state` gives them; what is the same everywhere is the first one's."""
    steps = [step for state in states for step in state["economy"]["steps"]]
    live = [call for state in states for call in state["calls"]["live"]]
    past = [call for state in states for call in state["calls"]["past"]]
    return {
        **states[0],
        "alerts": _alerts(states),
        "quality": {**states[0]["quality"], **_quality([state["quality"] for state in states])},
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
    """Each once, since it was raised first, with all that is said of it."""
    found: dict[str, dict[str, str]] = {}
    raised = [alert for state in states for alert in state["alerts"]]
    for alert in sorted(raised, key=lambda alert: str(alert["since"])):
        known = found.setdefault(alert["name"], alert)
        if alert["text"] not in known["text"].split(APART):
            found[alert["name"]] = known | {"text": APART.join((known["text"], alert["text"]))}
    return list(found.values())


def _quality(qualities: Sequence[State]) -> dict[str, Mapping[str, float]]:
    """Each flow's turns, and the mean over all of them."""
    sums: dict[str, float] = {}
    turns: Counter[str] = Counter()
    for quality in qualities:
        turns.update(quality["turns"])
        for flow, score in quality["flows"].items():
            sums[flow] = sums.get(flow, 0.0) + score * quality["turns"][flow]
    return {"flows": {flow: round(total / turns[flow], 3) for flow, total in sums.items()}, "turns": turns}
