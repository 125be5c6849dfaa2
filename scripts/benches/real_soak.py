"""The soak on the real clock: a server process with scripted speech, whose carrier's calls fail in a share of all."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.simulator.call import CallPlan
from app.simulator.carriage import Carriage
from scripts.benches.growth import Growth
from scripts.benches.placing import Run, State, Watch, describe_log, describe_server, place
from scripts.benches.report import Report
from scripts.benches.server import ServerProcess, serving, until
from scripts.benches.soak_calls import AUTH_TOKEN, FLOW, FLOWS, SoakCall
from scripts.benches.soak_outcome import Outcome
from scripts.benches.troubles import TroubledCarriage
from tests.providers import loopback

# threads and connections that are made once are there after so many calls; caches and books are full later
MADE_AFTER_CALLS = 100
WARM_CALLS = 500
# connections to the flows' services that nobody has used for so long are closed when the next is wanted
IDLE_S = 6.0
# a call whose stream never came is given up after a minute
OVER_S = 90.0
CACHED = 50


async def measure(total: int, at_once: int, share: float, seed: int) -> Report:
    """Hold `total` calls, `at_once` at a time; in a `share` of them something goes wrong."""
    cores, random = sorted(os.sched_getaffinity(0)), Random(seed)
    os.sched_setaffinity(0, {cores[-1]})
    report = Report("real_soak", {"calls": total, "at_once": at_once, "faults": share, "seed": seed})
    with tempfile.TemporaryDirectory() as directory, loopback.serving(_shop()) as port:
        async with serving(Path(directory), _variables(port), core=cores[0]) as server:
            growth = Growth(WARM_CALLS)
            await _hold(server, MADE_AFTER_CALLS, at_once, random, 0.0, Growth(0))
            before = await _after_one_more(server, seed)
            run, outcome = await _hold(server, total, at_once, random, share, growth)
            await _nobody_left(server)
            _read_journals(server, outcome, [placed.report.call_sid for placed in run.placed])
            after = await _after_one_more(server, seed)
            outcome.describe(report)
            describe_server(report, before, after, run)
            growth.describe(report)
            describe_log(report, server.log)
    return report


def _variables(port: int) -> dict[str, str]:
    """The server's settings; the flow's service listens on `port`."""
    return {
        "FLOWS_DIR": str(FLOWS),
        "DEFAULT_FLOW": FLOW,
        "SERVICE": f"http://127.0.0.1:{port}",
        "HTTP_ALLOW": f"127.0.0.1:{port}",
        "SPEECH_CHAIN": "scripted",
        "MODEL_CHAIN": "scripted",
        "CACHE_MAX_ENTRIES": str(CACHED),
        "RECORD_CALLS": "true",
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
    }


def _shop() -> Starlette:
    async def answer(request: Request) -> JSONResponse:
        return JSONResponse({"name": "Robin", "stock": "7 left", "order": "number 12"})

    return Starlette(routes=[Route("/{what:path}", answer, methods=["GET", "POST"])])


async def _hold(
    server: ServerProcess, total: int, at_once: int, random: Random, share: float, growth: Growth
) -> tuple[Run, Outcome]:
    """The calls, and what came of them."""
    drawn = {
        call.plan.identity.call_sid: call
        for call in (SoakCall.drawn(random, share, server.url) for _ in range(total))
    }

    def through(plan: CallPlan, carriage: Carriage) -> Carriage:
        return TroubledCarriage(carriage, drawn[plan.identity.call_sid].trouble)

    plans = [call.plan for call in drawn.values()]
    run = await place(plans, at_once, Watch(server, growth), through)
    outcome = Outcome()
    for placed in run.placed:
        outcome.over(drawn[placed.report.call_sid].wrong, placed.report)
    return run, outcome


def _read_journals(server: ServerProcess, outcome: Outcome, sids: Sequence[str]) -> None:
    for sid in sids:
        events = [event["event"] for event in server.events(sid)]
        outcome.events.update(events)
        if events.count("call_ended") != 1:
            outcome.unclosed.append(f"{sid}: {events[-3:]}")


async def _nobody_left(server: ServerProcess) -> None:
    async def is_so() -> bool:
        return await server.active_calls() == 0

    await until(is_so, OVER_S, "no call is left")


async def _after_one_more(server: ServerProcess, seed: int) -> State:
    """What the server holds when it is quiet, and the last call alone has a connection to the service left."""
    await asyncio.sleep(IDLE_S)
    await _hold(server, 1, 1, Random(seed), 0.0, Growth(0))
    await asyncio.sleep(IDLE_S)
    return await State.of(server)
