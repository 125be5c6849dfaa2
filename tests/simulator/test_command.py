"""`callrelay call`, as it is typed."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.simulator.command import command, steps_in_order
from app.simulator.enrichment import Enrichment
from app.simulator.placing import CallOptions, webhook_address
from app.simulator.steps import PlayRecording, Press, Say, StaySilent
from app.simulator.turns import CallReport
from app.simulator.webhook import Route
from tests.simulator.servers import CONNECT, END, Agent, Server, polite
from tests.simulator.test_network import listening
from tests.simulator.test_recording import wav

DEAF = ("--language", "xx")


class Relay(Server):
    """A server where `callrelay call` expects one."""

    def __init__(self, agent: Agent) -> None:
        voice = {"/voice/incoming": [CONNECT], "/after": [END], "/voice/status": [END]}
        super().__init__(agent, voice)


@contextmanager
def running(server: Server) -> Iterator[str]:
    """The server in a thread of its own, since the command brings its own event loop."""
    ready, stop, addresses = threading.Event(), asyncio.Event(), []
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with listening(server) as address:
            addresses.append(address)
            loops.append(asyncio.get_running_loop())
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    try:
        yield addresses[0]
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join()


def run(*arguments: str | Path, obj: Any = None) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], obj=obj)


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    return wav(tmp_path / "hello.wav", 8000, 1, 440.0)


@pytest.mark.real_time
def test_a_call_that_holds(hello: Path, tmp_path: Path) -> None:
    server = Relay(polite(greeting_ms=200))
    with running(server) as url:
        result = run("echo", *DEAF, "--url", url, "--audio", hello, "--save", tmp_path / "kept", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["ended"] == "caller_hung_up"
    assert document["gaps"] == 0
    assert document["protocol_errors"] == []
    (turn,) = document["turns"]
    assert turn["caller"] == {"audio": str(hello)}
    assert turn["agent"] == {"text": None, "heard": None}
    assert turn["any_audio_ms"] == turn["answer_audio_ms"] == pytest.approx(270, abs=80)
    assert turn["stages"] == {}
    assert json.loads((tmp_path / "kept" / "call.json").read_text()) == document
    assert (tmp_path / "kept" / "call.wav").stat().st_size > 40_000
    assert "caller" in (tmp_path / "kept" / "transcript.txt").read_text()
    assert "caller" in result.stderr
    path, form, _ = server.requests[0]
    assert (path, form["flow"], form["language"]) == ("/voice/incoming", "echo", "xx")
    assert server.requests[-1][0] == "/voice/status"


@pytest.mark.real_time
def test_a_call_for_people(hello: Path) -> None:
    with running(Relay(polite(greeting_ms=200))) as url:
        result = run(f"{url}/voice/incoming", *DEAF, "--audio", hello, "--from", "+15550001111")
    assert result.exit_code == 0, result.stderr
    assert "▶ hello.wav" in result.stdout
    assert "✓ held" in result.stdout


class _Journal(Enrichment):
    def enrich(self, report: CallReport) -> None:
        report.turns[0].node = "ask_day"
        report.turns[0].agent_text = "Which day, please?"
        report.turns[0].answer_audio_ms = 900.0


@pytest.mark.real_time
def test_the_journal_says_more_and_expectations_are_held_against_it(hello: Path, tmp_path: Path) -> None:
    script = tmp_path / "s.yaml"
    script.write_text(
        "steps:\n"
        "  - audio: hello.wav\n"
        "  - expect: {node: ask_day, contains: which DAY please}\n"
        "  - expect: {within_ms: 800}\n"
    )
    with running(Relay(polite(greeting_ms=200))) as url:
        result = run("echo", *DEAF, "--url", url, "--script", script, obj=_Journal())
    assert result.exit_code == 1
    assert "ask_day" in result.stdout
    assert f"turn 1: {script}:4:13: expected an answer within 800 ms, it took 900 ms" in result.stdout
    assert "expected node" not in result.stdout
    assert "expected 'which" not in result.stdout


def test_nobody_there_says_how_to_start(hello: Path) -> None:
    result = run("echo", "--url", "http://127.0.0.1:1", "--audio", hello)
    assert result.exit_code == 3
    assert "scripts/serve" in result.stderr
    assert "--url" in result.stderr
    assert result.stdout == ""


@pytest.mark.real_time
def test_a_language_that_the_server_refuses_is_told_once(hello: Path) -> None:
    server = Relay(polite())
    with running(server) as url:
        result = run(f"{url}/nowhere", *DEAF, "--audio", hello)
    assert result.exit_code == 3
    (told,) = result.stderr.splitlines()
    assert "answered HTTP 404" in told


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("echo", "--url", "127.0.0.1:8000", "--silence", "1"), "write http://127.0.0.1:8000"),
        ((), "Missing argument"),
        (("what is this",), "neither a flow's name nor"),
        (("echo", "--dtmf", "12y"), "'y' is no key"),
        (("echo", "--silence", "long"), "'long' is not a valid float"),
        (("echo", "--audio", "nowhere.wav"), "nowhere.wav: there is no such audio file"),
        (("echo", "--script", "nowhere.yaml"), "nowhere.yaml:1:1 there is no such script file"),
        (("echo", "--loudness", "3"), "No such option"),
    ],
)
def test_used_wrongly(arguments: tuple[str, ...], fault: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert fault in result.stderr
    assert result.stdout == ""


def test_steps_keep_the_order_of_the_command_line(tmp_path: Path) -> None:
    script = tmp_path / "s.yaml"
    script.write_text("steps: [{dtmf: '3'}, {say: three}]")
    arguments = ["--dtmf", "1", "--silence=0.5", "--say", "a", "echo", "--dtmf", "2", "--script", str(script)]
    context = command.make_context("call", [*arguments, "--audio", "x.wav", "--say", "b"])
    assert steps_in_order(context) == [
        Press("1"),
        StaySilent(0.5),
        Say("a"),
        Press("2"),
        Press("3"),
        Say("three"),
        PlayRecording(Path("x.wav")),
        Say("b"),
    ]


def test_the_webhook_of_a_flow() -> None:
    options = CallOptions("echo", url="http://127.0.0.1:8000/", language="es", public_url="https://v.example")
    assert webhook_address(options) == (
        "http://127.0.0.1:8000/voice/incoming?flow=echo&language=es",
        Route("http://127.0.0.1:8000", "https://v.example"),
    )


def test_the_webhook_of_another_server_is_what_it_is() -> None:
    options = CallOptions("https://other.example/hook?x=1", "", public_url="https://v.example")
    assert webhook_address(options) == (
        "https://other.example/hook?x=1",
        Route("https://other.example", None),
    )
