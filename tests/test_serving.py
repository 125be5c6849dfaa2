"""The server as a real process: signals, kills, vanished callers, and boots that cannot succeed."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import serving as serving_module
from app.call.journal import path_of
from app.clock import SystemClock
from app.ops.posts import RUN
from app.settings import Settings
from app.simulator.call import CallPlan
from app.simulator.caller import Patience
from app.simulator.network import NetworkCarriage
from app.simulator.steps import Press, StaySilent, Step
from app.simulator.webhook import CallIdentity, Route, Signer
from scripts.benches.server import CALLRELAY, ROOT, ServerProcess, environment, log_path, serving, until
from tests.simulator.calls import Placed, call_over
from tests.web.test_streams import Peer, start

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at processes by way of /proc"),
]

SCRIPTED = {"SPEECH_CHAIN": "scripted"}
QUICK = Patience(pause_ms=200, greeting_s=5, answer_s=5)
TWO_QUESTIONS = """
flow: questions
format: 1
languages: [en]
start: first
intents:
  one: {phrases: [one]}
  two: {phrases: [two]}
nodes:
  first: {menu: "One?", choices: [{intent: one, press: 1, goto: second}]}
  second: {menu: "Two?", choices: [{intent: two, press: 2, goto: end}]}
  end: {hangup: Bye.}
"""


async def place(server: ServerProcess, call_sid: str, steps: Sequence[Step], flow: str = "echo") -> Placed:
    """A call into the server over real sockets, to its end."""
    identity = CallIdentity(call_sid=call_sid)
    plan = CallPlan(f"{server.url}/voice/incoming?flow={flow}", Signer(Route(server.url)), patience=QUICK)
    async with NetworkCarriage() as carriage:
        return await call_over(carriage, SystemClock(), steps, replace(plan, identity=identity))


def reasons(server: ServerProcess, call_sid: str) -> list[str]:
    """Why the call ended, each time that the journal says so; the last line must be one of them."""
    events = server.events(call_sid)
    assert events[-1]["event"] == "call_ended"
    return [event["reason"] for event in events if event["event"] == "call_ended"]


async def in_call(server: ServerProcess, call_sid: str) -> None:
    """Until the agent speaks."""

    async def speaks() -> bool:
        return any(event["event"] == "said" for event in server.events(call_sid))

    await until(speaks, 10, f"the agent speaks in {call_sid}")


# Told to stop


async def not_ready(server: ServerProcess) -> None:
    async def is_draining() -> bool:
        return (await server.get("/health/ready")).status_code == 503

    await until(is_draining, 1, "the server is not ready any more")


async def test_sigterm_lets_the_call_finish(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    flows.mkdir()
    (flows / "questions.yaml").write_text(TWO_QUESTIONS)
    async with serving(
        tmp_path, {**SCRIPTED, "FLOWS_DIR": str(flows), "DEFAULT_FLOW": "questions"}
    ) as server:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(place(server, "CA1", [Press("1"), Press("2")], "questions"))
            await in_call(server, "CA1")
            server.signal(signal.SIGTERM)
            await not_ready(server)
            refused = await place(server, "CA2", [], "questions")
        assert refused.report.ended == "busy"
        assert running.result().report.faults() == []
        assert running.result().report.ended == "server_hung_up"
        assert await server.ended(5) == 0
        assert reasons(server, "CA1") == ["end"]
        assert server.events("CA2") == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_everything_at_once(tmp_path: Path, number: signal.Signals) -> None:
    async with serving(tmp_path, SCRIPTED) as server, asyncio.TaskGroup() as group:
        group.create_task(place(server, "CA1", [StaySilent(60)]))
        await in_call(server, "CA1")
        server.signal(number)
        await not_ready(server)
        server.signal(number)
        assert await server.ended(6) == 0
        assert reasons(server, "CA1") == ["server stopped"]


async def test_a_server_that_nobody_talks_to_ends_at_once_and_says_so(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPTED) as server:
        server.signal(signal.SIGTERM)
        assert await server.ended(5) == 0
        assert "no new calls; nobody is talking, so it ends now" in server.log
        assert "may go on" not in server.log
        assert '"process"' not in server.log


async def test_the_drain_time_is_not_exceeded(tmp_path: Path) -> None:
    async with serving(tmp_path, {**SCRIPTED, "DRAIN_SECONDS": "1"}) as server, asyncio.TaskGroup() as group:
        group.create_task(place(server, "CA1", [StaySilent(60)]))
        await in_call(server, "CA1")
        server.signal(signal.SIGTERM)
        assert await server.ended(7) == 0
        assert reasons(server, "CA1") == ["server stopped"]


WARMING = """
import asyncio, uvicorn

async def startup(server, sockets=None):
    await asyncio.sleep(60)

uvicorn.Server.startup = startup
from app.cli import main
main()
"""


async def test_who_stops_it_twice_while_it_warms_up_does_not_wait(tmp_path: Path) -> None:
    variables = environment({**SCRIPTED, "PORT": "0", "DATA_DIR": str(tmp_path)})
    with log_path(tmp_path).open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WARMING, "serve", cwd=ROOT, env=variables, stderr=log
        )

    async def told(words: str) -> None:
        async def stands_in_the_log() -> bool:
            return words in log_path(tmp_path).read_text()

        await until(stands_in_the_log, 20, words)

    try:
        await told("warming up")
        process.send_signal(signal.SIGTERM)
        await told("it ends when it has warmed up")
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == -signal.SIGTERM
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize(
    ("key", "missing"),
    [("AZURE_SPEECH_KEY", "AZURE_SPEECH_REGION"), ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT")],
)
def test_a_key_without_its_address_is_told(key: str, missing: str, caplog: pytest.LogCaptureFixture) -> None:
    address = {"AZURE_SPEECH_REGION": "westeurope", "AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com"}[
        missing
    ]
    serving_module._announce(Settings.from_environment({key: "k", missing: address}))
    assert missing not in caplog.text
    serving_module._announce(Settings.from_environment({key: "k"}))
    assert f"{missing} " in caplog.text


def test_an_address_that_carriers_do_not_take_is_told(caplog: pytest.LogCaptureFixture) -> None:
    for scheme in ("https", "http"):
        assert "PUBLIC_URL" not in caplog.text
        url = f"{scheme}://voice.example"
        serving_module._announce(Settings.from_environment({"TWILIO_AUTH_TOKEN": "t", "PUBLIC_URL": url}))
    assert "PUBLIC_URL is not https: carriers open no stream to http://voice.example" in caplog.text


# Something in it breaks

BREAKABLE = """
import os, sys
from pathlib import Path
from app.call.registry import CallRegistry

async def look(registry):
    if Path(os.environ["DATA_DIR"], "break").exists():
        raise RuntimeError("a defect")

CallRegistry._look_at_all = look
from app.cli import main
main()
"""


async def test_a_defect_in_a_watch_ends_the_process(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPTED, command=[sys.executable, "-c", BREAKABLE, "serve"]) as server:
        (tmp_path / "break").touch()
        assert await server.ended(10) == 1
        assert "a part of the server has failed" in server.log


# Its flows are edited


async def test_a_call_keeps_its_flow_while_it_is_edited(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    flows.mkdir()
    file = flows / "questions.yaml"
    file.write_text(TWO_QUESTIONS)
    async with serving(
        tmp_path, {**SCRIPTED, "FLOWS_DIR": str(flows), "DEFAULT_FLOW": "questions"}
    ) as server:

        async def report() -> dict[str, Any]:
            found: dict[str, Any] = (await server.get("/health")).json()["flows"]["questions"]
            return found

        async def is_new() -> bool:
            return bool((await report())["version"] != old["version"])

        async def is_broken() -> bool:
            return bool((await report())["error"])

        old = await report()
        async with asyncio.TaskGroup() as group:
            steps: list[Step] = [StaySilent(5), Press("1"), Press("2")]
            first = group.create_task(place(server, "CA1", steps, "questions"))
            await in_call(server, "CA1")
            file.write_text(TWO_QUESTIONS.replace("Bye.", "Goodbye."))
            await until(is_new, 4, "the edit is published")
            assert not first.done()
            new = await report()
            file.write_text(TWO_QUESTIONS.replace("goto: end", "goto: nowhere"))
            await until(is_broken, 4, "the broken edit is told")
            second = await place(server, "CA2", [Press("1"), Press("2")], "questions")
        broken = await report()
        assert broken["version"] == new["version"]
        assert f"{file}:11:66 unknown node" in broken["error"]
        assert f"{file}:11:66 unknown node" in server.log
        assert said_last(server, "CA1") == (old["version"], "Bye.")
        assert said_last(server, "CA2") == (new["version"], "Goodbye.")
        assert [one.report.faults() for one in (first.result(), second)] == [[], []]


def said_last(server: ServerProcess, call_sid: str) -> tuple[str, str]:
    """The version that a call began with, and its last words."""
    said = [event["text"] for event in server.events(call_sid) if event["event"] == "said"]
    return server.events(call_sid)[0]["version"], said[-1]


# The other side is gone


async def gone_without_a_trace(server: ServerProcess, call_sid: str, before: tuple[int, int]) -> None:
    async def is_free() -> bool:
        return held(server) == before and await server.active_calls() == 0

    await until(is_free, 2, f"the call has ended and {before} descriptors and threads are held")
    assert reasons(server, call_sid) == ["connection lost"]


def held(server: ServerProcess) -> tuple[int, int]:
    """Descriptors and threads."""
    now = server.resources
    return now.descriptors, now.threads


async def held_at_rest(server: ServerProcess) -> tuple[int, int]:
    """What it holds after its first call, once that does not change any more."""
    await place(server, "CA1", [])
    seen: list[tuple[int, int]] = []

    async def is_steady() -> bool:
        seen.append(held(server))
        return len(seen) >= 5 and len(set(seen[-5:])) == 1

    await until(is_steady, 2, "the server is at rest")
    return seen[-1]


async def test_a_caller_who_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPTED) as server:
        before = await held_at_rest(server)
        command = [*CALLRELAY, "call", "echo", "--silence", "60", "--url", server.url]
        caller = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environment({}), stderr=subprocess.DEVNULL
        )

        async def has_called() -> bool:
            return len(journals(server)) == 2

        await until(has_called, 20, "the caller has called")
        (call_sid,) = journals(server) - {"CA1"}
        await in_call(server, call_sid)
        caller.kill()
        await caller.wait()
        await gone_without_a_trace(server, call_sid, before)


async def test_a_socket_that_breaks_leaves_nothing_behind(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPTED) as server:
        before = await held_at_rest(server)
        async with NetworkCarriage() as carriage:
            ring = f"{server.url}/voice/incoming?flow=echo"
            answer = await carriage.request("POST", ring, [("CallSid", "CA2")], {})
            token = answer.body.decode().partition('name="token" value="')[2].partition('"')[0]
            peer = Peer()
            url = f"ws{server.url.removeprefix('http')}/streams/twilio"
            peer.socket = await carriage.connect(url, {}, peer)
            peer.send(start("CA2", token))
            await in_call(server, "CA2")
            peer.socket.abort()
        await gone_without_a_trace(server, "CA2", before)


def journals(server: ServerProcess) -> set[str]:
    return {path.stem for path in (server.data_dir / "calls").glob("*.jsonl")}


# The server is gone


async def test_a_killed_server_leaves_whole_journals(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPTED) as server, asyncio.TaskGroup() as group:
        group.create_task(place(server, "CA1", [StaySilent(60)]))
        await in_call(server, "CA1")
        server.signal(signal.SIGKILL)
        assert await server.ended(2) == -signal.SIGKILL
    lines = path_of(tmp_path, "CA1").read_bytes().split(b"\n")
    whole = [json.loads(line)["event"] for line in lines[:-1]]
    assert whole[0] == "call_started"
    assert whole[-1] == "said"
    async with serving(tmp_path, SCRIPTED) as server:
        assert (await place(server, "CA2", [])).report.faults() == []
    listed = {call["call_sid"]: call["ended"] for call in past_calls(tmp_path)}
    assert listed == {"CA1": None, "CA2": "hangup"}


def past_calls(data_dir: Path) -> list[dict[str, Any]]:
    done = run(["calls", "--json"], {"DATA_DIR": str(data_dir)})
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


# It cannot start


def run(arguments: Sequence[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A command to its end."""
    return subprocess.run(
        [*CALLRELAY, *arguments],
        cwd=ROOT,
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("variables", "thing", "way_out"),
    [
        ({"PORT": "eighty"}, "PORT", "a whole number from 0 to 65535"),
        ({"FLOWS_DIR": "nowhere"}, "FLOWS_DIR: there is no directory 'nowhere'", "name one that holds flows"),
        ({"DATA_DIR": "/dev/null/data"}, "DATA_DIR: /dev/null/data", "name a folder that can be written to"),
        ({"HOST": "192.0.2.1"}, "HOST, PORT: cannot listen on 192.0.2.1:", "an address of this machine"),
        ({"XDG_CACHE_HOME": "/nowhere"}, "/nowhere/callrelay/weights/", "run scripts/install"),
    ],
)
def test_what_cannot_be_used_is_named_with_the_way_out(
    tmp_path: Path, variables: dict[str, str], thing: str, way_out: str
) -> None:
    told = why_it_does_not_start({"DATA_DIR": str(tmp_path), "PORT": "0", **variables})
    assert thing in told
    assert way_out in told


def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = why_it_does_not_start({"DATA_DIR": str(tmp_path), "PORT": port})
    assert f"127.0.0.1:{port}" in told
    assert "set PORT to a free port" in told


def why_it_does_not_start(variables: dict[str, str]) -> str:
    """The one line that says so."""
    done = run(["serve"], {"SPEECH_CHAIN": "embedded", **variables})
    assert done.returncode == 3, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("callrelay: ")
    return line


# Behind a proxy


async def test_who_comes_by_way_of_a_proxy_is_not_local(tmp_path: Path) -> None:
    async with serving(tmp_path, SCRIPTED) as server, NetworkCarriage() as carriage:

        async def status(headers: dict[str, str]) -> int:
            url, form = f"{server.url}/voice/incoming?flow=echo", [("CallSid", "CA1")]
            return (await carriage.request("POST", url, form, headers)).status

        assert await status({}) == 200
        assert await status({"X-Forwarded-For": "127.0.0.1"}) == 403
        assert await status({"Forwarded": "for=127.0.0.1"}) == 403


async def test_each_run_of_a_server_has_a_name_of_its_own_for_its_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names: list[str] = []

    class Noted:
        def __init__(self, workers: int, listener: int, environment: Mapping[str, str]) -> None:
            names.append(environment[RUN])

        async def run(self) -> int:
            return 0

    monkeypatch.setattr(serving_module, "Supervisor", Noted)
    for _ in range(2):
        await serving_module._supervised(2, 0, {})
    assert len(set(names)) == 2
