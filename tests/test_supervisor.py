"""Several workers as real processes: they share calls, and one that dies takes none along."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.simulator.steps import Press, StaySilent, Step
from app.supervisor import Supervisor
from scripts.benches.server import ServerProcess, environment, serving, until
from tests.test_serving import in_call, not_ready, place, reasons, why_it_does_not_start

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at processes by way of /proc"),
]

AGREEING = 100
TWO = {"SPEECH_CHAIN": "scripted", "WEB_CONCURRENCY": "2"}


async def health(server: ServerProcess) -> dict[str, Any]:
    found: dict[str, Any] = (await server.get("/health")).json()
    return found


async def both_there(server: ServerProcess) -> None:
    async def are_there() -> bool:
        found = await health(server)
        return len(found["workers"]) == 2 and found["status"] == "healthy"

    await until(are_there, 30, "two workers take calls")


async def who_has_the_call(server: ServerProcess) -> int:
    """The process of the one worker that has a call: what they say of themselves is up to two seconds old."""
    seen: list[list[int]] = []

    async def is_one() -> bool:
        workers = (await health(server))["workers"]
        seen.append([one["process"] for one in workers if one["activeSessions"]])
        steady = seen[-AGREEING:]
        return len(steady) == AGREEING and len(steady[0]) == 1 and all(one == steady[0] for one in steady)

    await until(is_one, 20, "one worker has the call")
    return seen[-1][0]


async def test_calls_go_on_whichever_worker_is_asked(tmp_path: Path) -> None:
    async with serving(tmp_path, TWO) as server:
        await both_there(server)
        async with asyncio.TaskGroup() as group:
            steps: list[Step] = [Press("1"), StaySilent(2)]
            calls = [
                group.create_task(place(server, f"CA{number}", steps, "greeting")) for number in range(6)
            ]
        assert [call.result().report.faults() for call in calls] == [[]] * 6
        for number in range(6):
            assert reasons(server, f"CA{number}") == ["hangup"]


async def test_operators_see_the_calls_of_all_workers_whichever_is_asked(tmp_path: Path) -> None:
    async with serving(tmp_path, TWO) as server:
        await both_there(server)
        async with asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(place(server, f"CA{number}", [StaySilent(1)], "greeting"))
        await until(lambda: all_agree(server, counts_six), 20, "every worker counts six calls")
        await until(lambda: all_agree(server, shows_six), 20, "every worker shows six calls")
        killed = (await health(server))["workers"][0]["process"]
        os.kill(killed, signal.SIGKILL)

        async def is_replaced() -> bool:
            workers = [one["process"] for one in (await health(server))["workers"]]
            return len(workers) == 2 and killed not in workers

        await until(is_replaced, 30, "another worker is there")
        assert await all_agree(server, counts_six)


async def all_agree(server: ServerProcess, agrees: Callable[[ServerProcess], Awaitable[bool]]) -> bool:
    """Whoever of the workers is asked: of so many connections each has some."""
    return all([await agrees(server) for _ in range(20)])


async def counts_six(server: ServerProcess) -> bool:
    return 'callrelay_calls_total{flow="greeting"} 6.0' in (await server.get("/metrics")).text


async def shows_six(server: ServerProcess) -> bool:
    state = (await server.get("/console/state")).json()
    return len({call["sid"] for call in state["calls"]["past"]}) == 6


async def test_a_worker_that_is_killed_takes_no_call_along(tmp_path: Path) -> None:
    async with serving(tmp_path, TWO) as server:
        await both_there(server)
        async with asyncio.TaskGroup() as group:
            steps: list[Step] = [StaySilent(15)]
            calling = group.create_task(place(server, "CA1", steps, "greeting"))
            await in_call(server, "CA1")
            killed = await who_has_the_call(server)
            os.kill(killed, signal.SIGKILL)
            await until(lambda: comes_back(server), 30, "the call has gone on")
            assert not calling.done()
        await both_there(server)
        assert killed not in [one["process"] for one in (await health(server))["workers"]]
        assert reasons(server, "CA1") == ["hangup"]
        entered = [event["node"] for event in server.events("CA1") if event["event"] == "node_entered"]
        assert entered.count("welcome") == 1


async def comes_back(server: ServerProcess) -> bool:
    """Whether the agent has spoken on a second stream: what it says there it says again, or says next."""
    said = [event["text"] for event in server.events("CA1") if event["event"] == "said"]
    return len(said) > len(set(said)) or len(said) > 3


async def test_sigterm_lets_every_worker_finish(tmp_path: Path) -> None:
    async with serving(tmp_path, TWO) as server:
        await both_there(server)
        async with asyncio.TaskGroup() as group:
            calling = group.create_task(place(server, "CA1", [StaySilent(8)]))
            await in_call(server, "CA1")
            server.signal(signal.SIGTERM)
            await not_ready(server)
        assert calling.result().report.faults() == []
        assert await server.ended(10) == 0
        assert reasons(server, "CA1") == ["hangup"]
        lines = [json.loads(line) for line in server.log.splitlines()]
        warned = {line["process"] for line in lines if "TWILIO_AUTH_TOKEN is not set" in line["message"]}
        assert len(warned) == 2
        assert len({line["process"] for line in lines}) == 3
        assert lines[-1]["message"] == "the server has ended"


async def test_a_signal_while_workers_begin_is_told_to_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.supervisor.WORK", "import signal; print('ready', flush=True); signal.pause()")
    begun: list[int] = []

    async def begin(*command: str, **options: Any) -> Process:
        if begun:
            supervisor._stop()  # the worker is not known yet
        worker = await begin_process(*command, **options)
        begun.append(worker.pid)
        return worker

    begin_process = asyncio.create_subprocess_exec
    monkeypatch.setattr(asyncio, "create_subprocess_exec", begin)
    with (tmp_path / "listener").open("w") as listener:
        supervisor = Supervisor(4, listener.fileno(), environment({}))
        try:
            async with asyncio.timeout(10):
                assert await supervisor.run() == 0
        finally:
            left = [process for process in begun if is_running(process)]
            for process in left:
                os.kill(process, signal.SIGKILL)
    assert len(begun) == 2
    assert not left


def is_running(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


async def test_workers_end_with_their_supervisor(tmp_path: Path) -> None:
    async with serving(tmp_path, TWO) as server:
        await both_there(server)
        workers = [one["process"] for one in (await health(server))["workers"]]
        server.signal(signal.SIGKILL)
        await server.ended(2)

        async def are_gone() -> bool:
            return not any(is_running(worker) for worker in workers)

        await until(are_gone, 10, "the workers have ended")


def test_what_cannot_be_used_is_told_once(tmp_path: Path) -> None:
    told = why_it_does_not_start(
        {"DATA_DIR": str(tmp_path), "PORT": "0", "WEB_CONCURRENCY": "2", "FLOWS_DIR": "nowhere"}
    )
    assert "FLOWS_DIR: there is no directory 'nowhere'" in told
