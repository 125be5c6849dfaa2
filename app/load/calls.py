"""Many simulated calls over real sockets, some at once."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

from app.clock import SystemClock
from app.simulator.call import CallPlan, SimulatedCall
from app.simulator.carriage import Carriage
from app.simulator.network import NetworkCarriage
from app.simulator.stream import Recording
from app.simulator.ticker import beating
from app.simulator.turns import CallReport

BEATS = 20
STAGGER_S = 0.037
REFUSED_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class Placed:
    """A call that is over; its recording where the plan asks for one."""

    plan: CallPlan
    report: CallReport
    recording: Recording | None


# a call's own way to the server, made of the usual one
Through = Callable[[CallPlan, Carriage], Carriage]


@contextmanager
def only_new_objects() -> Iterator[None]:
    """What is there now, speech engines too, is no garbage: to look for cycles in it would stop all callers a while."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _unwatched(done: int) -> None:
    pass


def as_it_is(plan: CallPlan, carriage: Carriage) -> Carriage:
    """The usual way."""
    return carriage


def _none_taken(placed: Sequence[Placed]) -> bool:
    return all(one.report.cannot_run for one in placed)


async def place_all(
    plans: Sequence[CallPlan],
    at_once: int,
    over: Callable[[int], None] = _unwatched,
    through: Through = as_it_is,
) -> list[Placed]:
    """Place every call, `at_once` at a time, and see all to their ends. `over` is told how many are, each time;
    `through` may lead calls another way than over real sockets as they are.

    The calls' frames are spread over the 20 ms of a beat, as those of strangers are. A call that the server did not
    take is in the list, too: its report says so. Where it takes none of the first ones, the others are not placed.
    """
    clock, waiting, placed = SystemClock(), iter(plans), list[Placed]()
    async with AsyncExitStack() as stack:
        carriage = await stack.enter_async_context(NetworkCarriage())
        tickers = [await stack.enter_async_context(beating(clock)) for _ in range(BEATS)]

        async def line(number: int) -> None:
            await asyncio.sleep(number * STAGGER_S)
            for plan in waiting:
                if len(placed) >= REFUSED_AT_MOST and _none_taken(placed):
                    return
                call = SimulatedCall(plan, through(plan, carriage), tickers[number % BEATS], clock)
                placed.append(Placed(plan, await call.run(), call.recording))
                if not _none_taken(placed):
                    over(len(placed))

        async with asyncio.TaskGroup() as group:
            for number in range(at_once):
                group.create_task(line(number))
    return placed
