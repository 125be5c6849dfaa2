"""So many calls held at once, each an echo's without pause, and what that took of the server and of the callers.

All come in, some seconds pass, then everything is measured for a while; after that each hangs up when it has had its
answer. Memory is held against that of the same server after its first calls.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import httpx

from app.clock import SystemClock
from app.load.calls import STAGGER_S, Placed, only_new_objects, place_all
from app.ops.meters import Meters
from app.simulator.caller import Speak
from app.simulator.stream import FRAME_S
from scripts.benches.calls import echo_plan
from scripts.benches.figures import Summary
from scripts.benches.server import ServerProcess

SETTLING_S = 3.0
IDLE_S = 2.0
FIRST_CALLS = 4
# far more than anybody says while calls are held
ACTS_MOST = 1000
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Moment:
    """What all processes of the server, and the callers', have used by then; what the server holds then."""

    at: float
    wall: datetime
    server_cpu_s: float
    server_loop_cpu_s: float
    server_rss_bytes: int
    callers_cpu_s: float

    @classmethod
    def of(cls, server: ServerProcess) -> Moment:
        clock, processes = SystemClock(), server.processes
        return cls(
            clock.now(),
            clock.wall(),
            sum(one.cpu_s for one in processes),
            sum(one.main_thread_cpu_s for one in processes),
            sum(one.rss_bytes for one in processes),
            time.process_time(),
        )


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment to another. Shares are of one core."""

    begin: Moment
    end: Moment

    @property
    def seconds(self) -> float:
        return self.end.at - self.begin.at

    @property
    def server_cpu_s(self) -> float:
        return self.end.server_cpu_s - self.begin.server_cpu_s

    @property
    def server_share(self) -> float:
        return self.server_cpu_s / self.seconds

    @property
    def callers_cpu_s(self) -> float:
        return self.end.callers_cpu_s - self.begin.callers_cpu_s

    @property
    def callers_share(self) -> float:
        return self.callers_cpu_s / self.seconds

    def has(self, moment: datetime) -> bool:
        return self.begin.wall <= moment < self.end.wall


@dataclass(frozen=True, slots=True)
class Held:
    """What came of it. `busy` is while all calls were there, `whole` from the first one's to the last one's end."""

    calls: int
    idle: Span
    busy: Span
    whole: Span
    lag_p95_ms: float | None
    callers_lag_p95_ms: float | None
    placed: Sequence[Placed]
    overheads_ms: Sequence[float]

    @property
    def us_per_frame(self) -> float:
        return self.busy.server_cpu_s / self._frames * 1e6

    @property
    def loop_us_per_frame(self) -> float:
        """Of the event loop's thread alone: without the voice detector's batches, which a few calls do not fill."""
        spent_s = self.busy.end.server_loop_cpu_s - self.busy.begin.server_loop_cpu_s
        return spent_s / self._frames * 1e6

    @property
    def callers_us_per_frame(self) -> float:
        return self.busy.callers_cpu_s / self._frames * 1e6

    @property
    def mb_per_call(self) -> float:
        return (self.busy.end.server_rss_bytes - self.idle.end.server_rss_bytes) / MIB / self.calls

    @property
    def ms_to_come_and_go(self) -> float:
        """CPU time of the server's for a call beside its frames: webhooks, handshake, records, the end."""
        beside_s = self.whole.server_cpu_s - self.frames * self.us_per_frame / 1e6
        return beside_s / self.calls * 1000

    @property
    def waits_ms(self) -> list[float | None]:
        """For each turn that fell due while all calls were there: to its answer, None where it never came."""
        return [
            turn.any_audio_ms
            for call in self.placed
            for turn in call.report.turns
            if turn.t0_s is not None and self.busy.has(call.report.began_at + timedelta(seconds=turn.t0_s))
        ]

    @property
    def answer(self) -> Summary | None:
        """None where nobody was answered."""
        answers = [ms for ms in self.waits_ms if ms is not None]
        return Summary.of(answers) if answers else None

    @property
    def gaps(self) -> int:
        return sum(len(call.report.gaps) for call in self.placed)

    @property
    def faults(self) -> list[str]:
        """In words: what the carrier would log, and calls that ended otherwise than by the caller."""
        return [fault for call in self.placed for fault in _faults(call)]

    @property
    def sound(self) -> bool:
        """Whether nothing went wrong that a caller notices."""
        return None not in self.waits_ms and self.answer is not None and not self.gaps and not self.faults

    @property
    def frames(self) -> int:
        """Of the whole."""
        return sum(call.report.frames for call in self.placed)

    @property
    def _frames(self) -> float:
        return self.calls * self.busy.seconds / FRAME_S

    def as_json(self) -> dict[str, float | None]:
        answer = self.answer
        overhead = Summary.of(self.overheads_ms) if self.overheads_ms else None
        return {
            "calls": self.calls,
            "cpu_share": round(self.busy.server_share, 3),
            "idle_cpu_share": round(self.idle.server_share, 4),
            "us_per_frame": round(self.us_per_frame, 1),
            "loop_us_per_frame": round(self.loop_us_per_frame, 1),
            "mb_per_call": round(self.mb_per_call, 3),
            "ms_to_come_and_go": round(self.ms_to_come_and_go, 2),
            "turns": len(self.waits_ms),
            "answer_p50_ms": answer.p50 if answer else None,
            "answer_p95_ms": answer.p95 if answer else None,
            "overhead_p50_ms": overhead.p50 if overhead else None,
            "overhead_p99_ms": overhead.p99 if overhead else None,
            "lag_p95_ms": self.lag_p95_ms,
            "gaps": self.gaps,
            "unanswered": self.waits_ms.count(None),
            "faults": len(self.faults),
            "callers_cpu_share": round(self.busy.callers_share, 3),
            "callers_us_per_frame": round(self.callers_us_per_frame, 1),
            "callers_lag_p95_ms": self.callers_lag_p95_ms,
        }


def apart() -> int:
    """Keep this process to the last core; returns the first, which is the server's."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    return cores[0]


async def hold(
    server: ServerProcess, acts: Sequence[Speak], calls: int, seconds: float, random: Random
) -> Held:
    """Hold `calls` for `seconds`, once all are there."""
    await place_all([echo_plan(server.url, acts[:1]) for _ in range(FIRST_CALLS)], FIRST_CALLS)
    with only_new_objects():
        idle = await _span(server, IDLE_S)
        ramp_s = calls * STAGGER_S + SETTLING_S
        until = SystemClock().now() + ramp_s + seconds
        plans = [echo_plan(server.url, _until(until, acts, Random(random.random()))) for _ in range(calls)]
        meters = Meters(SystemClock())
        async with asyncio.TaskGroup() as group:
            placing = group.create_task(place_all(plans, calls))
            await asyncio.sleep(ramp_s)
            lag = group.create_task(meters.watch_loop())
            busy = await _span(server, seconds)
            lag_ms = await _lag_ms(server)
            lag.cancel()
            placed = await placing
    whole = Span(idle.end, Moment.of(server))
    overheads = list(_overheads(server, placed, busy))
    return Held(calls, idle, busy, whole, lag_ms, meters.loop_lag_p95_ms, placed, overheads)


async def _lag_ms(server: ServerProcess) -> float | None:
    """How late the server's loop runs by its own account; None when it runs too late to say."""
    try:
        lag_ms: float | None = (await server.get("/health")).json()["loop"]["lagP95Ms"]
    except httpx.TimeoutException:
        return None
    return lag_ms


async def _span(server: ServerProcess, seconds: float) -> Span:
    begin = Moment.of(server)
    await asyncio.sleep(seconds)
    return Span(begin, Moment.of(server))


def _until(moment: float, acts: Sequence[Speak], random: Random) -> Iterator[Speak]:
    """Something to say, until it is time to hang up."""
    clock = SystemClock()
    for _ in range(ACTS_MOST):
        if clock.now() >= moment:
            return
        yield random.choice(acts)


def _overheads(server: ServerProcess, placed: Sequence[Placed], span: Span) -> Iterator[float]:
    """The relay's own waits in each turn of a span; a server without journals tells of none."""
    for call in placed:
        for event in server.events(call.report.call_sid):
            if event["event"] == "turn" and span.has(datetime.fromisoformat(event["at"])):
                yield event["timeline"]["overhead_ms"]


def _faults(call: Placed) -> list[str]:
    report = call.report
    ended = [] if report.ended == "caller_hung_up" else [f"the call ended as {report.ended}"]
    return [report.cannot_run] if report.cannot_run else [*report.protocol_errors, *ended]
