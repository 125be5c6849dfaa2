"""Placing many calls at once, those to the echo among them, and telling how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click

from app.load.calls import Placed, place_all
from app.simulator.call import CallPlan
from app.simulator.caller import Patience, Speak
from app.simulator.webhook import CallIdentity, Route, Signer, new_sid

__all__ = ["ECHO_SERVER", "TEXTS", "Placed", "echo_plan", "place_all", "progress"]

TEXTS = ("Good morning.", "Yes, please.", "What does it cost?", "That's all.", "Say that again.")
# a speech cache that is full after the first calls: what still grows then is a leak
ECHO_SERVER = {"SPEECH_CHAIN": "scripted", "CACHE_MAX_ENTRIES": "50"}


def echo_plan(url: str, acts: Iterable[Speak]) -> CallPlan:
    """A stranger calls the echo and does this; nothing is recorded."""
    return CallPlan(
        f"{url}/voice/incoming?flow=echo",
        Signer(Route(url)),
        acts,
        CallIdentity(call_sid=new_sid("CA")),
        patience=Patience(),
        record=False,
    )


def progress(total: int, every: int) -> Callable[[int], None]:
    """Says on stderr now and then how far it is."""

    def over(done: int) -> None:
        if done % every == 0 or done == total:
            click.echo(f"{done} of {total} calls", err=True)

    return over
