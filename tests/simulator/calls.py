"""Placing calls in tests: in memory and virtual time, or over real sockets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.clock import Clock
from app.simulator.asgi import AsgiCarriage
from app.simulator.call import CallPlan, SimulatedCall
from app.simulator.caller import Event
from app.simulator.carriage import Carriage
from app.simulator.speech import Hearing, prepare
from app.simulator.steps import Step
from app.simulator.ticker import beating
from app.simulator.webhook import Route, Signer
from tests.simulator.servers import URL, Server, ToneSpeech

PLAN = CallPlan(f"{URL}/voice", Signer(Route(URL)))


class Placed:
    """A call that is over, and what was seen of it."""

    def __init__(self, call: SimulatedCall, events: list[Event]) -> None:
        self.call = call
        self.report = call.report
        self.events = events


async def call_over(
    carriage: Carriage,
    clock: Clock,
    steps: Sequence[Step] = (),
    plan: CallPlan = PLAN,
    hearing: Hearing | None = None,
) -> Placed:
    """Place a call on a carriage and see it to its end."""
    events: list[Event] = []
    plan = replace(plan, acts=await prepare(steps, ToneSpeech(), "en"))
    async with beating(clock) as ticker:
        call = SimulatedCall(plan, carriage, ticker, clock, observe=events.append, hearing=hearing)
        await call.run()
    return Placed(call, events)


async def call_in_memory(
    server: Server,
    clock: Clock,
    steps: Sequence[Step] = (),
    plan: CallPlan = PLAN,
    hearing: Hearing | None = None,
) -> Placed:
    """Place a call into a server's application."""
    async with AsgiCarriage(server.app) as carriage:
        return await call_over(carriage, clock, steps, plan, hearing)
