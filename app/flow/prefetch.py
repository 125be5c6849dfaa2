"""Which services can be asked before the call gets to them: nodes marked `prefetch`, once their inputs are known."""

from __future__ import annotations

from datetime import datetime

from app.flow.effects import CallService
from app.flow.model import Flow
from app.flow.nodes.http import Http
from app.flow.state import State
from app.flow.turn import Turn


def ready_requests(flow: Flow, state: State, now: datetime) -> tuple[CallService, ...]:
    """What may be asked ahead now. Only an answer to the very same request may be used, and once."""
    turn = Turn(flow, state, now)
    return tuple(
        node.call(turn)
        for node in turn.flow.nodes.values()
        if isinstance(node, Http) and node.prefetch != "never" and node.request.ready(turn)
    )
