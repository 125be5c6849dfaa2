"""Servers that break the protocol, each in its own way: the carrier drops what they send and writes it down."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable

import pytest

from app.clock import ManualClock
from app.simulator.stream import FAULTS_AT_MOST
from tests.simulator.calls import call_in_memory
from tests.simulator.servers import Line, Server, polite, tone

Misdeed = Callable[[Line], Awaitable[None]]


async def binary(line: Line) -> None:
    await line.send_bytes(tone(20))


async def no_json(line: Line) -> None:
    await line.send_raw("hello")


async def unknown_event(line: Line) -> None:
    await line.send("ping")


async def private_field(line: Line) -> None:
    await line.send("clear", reason="barge-in")


async def wrong_stream(line: Line) -> None:
    await line.send_raw(json.dumps({"event": "clear", "streamSid": "MZ0"}))


async def bad_base64(line: Line) -> None:
    await line.send("media", media={"payload": "%%%%"})


async def wav_header(line: Line) -> None:
    await line.play(b"RIFF\x24\x00\x00\x00WAVEfmt " + tone(20))


async def nameless_mark(line: Line) -> None:
    await line.send("mark", mark={})


async def no_stream_sid(line: Line) -> None:
    payload = base64.b64encode(tone(20)).decode()
    await line.send_raw(json.dumps({"event": "media", "media": {"payload": payload}}))


@pytest.mark.parametrize(
    ("misdeed", "complaint"),
    [
        (binary, "31950 a binary message of 160 bytes"),
        (no_json, "31951 no JSON: 'hello'"),
        (unknown_event, "31951 unknown event 'ping'"),
        (private_field, "31951 clear message with extra field 'reason'"),
        (wrong_stream, "31951 clear for stream 'MZ0'"),
        (bad_base64, "31951 media.payload is no base64: '%%%%'"),
        (wav_header, "31951 media.payload starts with a RIFF header"),
        (nameless_mark, "31951 'mark' object without 'name'"),
        (no_stream_sid, "31951 media message without 'streamSid'"),
    ],
)
async def test_a_misdeed_is_dropped_and_written_down(
    clock: ManualClock, misdeed: Misdeed, complaint: str
) -> None:
    async def agent(line: Line) -> None:
        async for message in line.messages():
            if message["event"] == "start":
                break
        await line.play(tone(300))
        await misdeed(line)
        await line.mark("after")
        async for _ in line.messages():
            pass

    server = Server(agent)
    report = (await call_in_memory(server, clock)).report
    assert len(report.protocol_errors) == 1
    assert report.protocol_errors[0].startswith(complaint)
    assert report.faults() == [f"protocol error: {report.protocol_errors[0]}"]
    assert [message["mark"]["name"] for message in server.lines[0].of("mark")] == ["after"]
    assert report.greeting.any_audio_ms == pytest.approx(0.0)


async def test_a_message_before_start_is_a_misdeed(clock: ManualClock) -> None:
    async def agent(line: Line) -> None:
        await line.send("clear")
        await polite()(line)

    report = (await call_in_memory(Server(agent), clock)).report
    assert len(report.protocol_errors) == 1
    assert report.protocol_errors[0].startswith("31951")


async def test_a_flood_of_misdeeds_is_cut_short(clock: ManualClock) -> None:
    async def agent(line: Line) -> None:
        async for message in line.messages():
            if message["event"] == "start":
                break
        for _ in range(1000):
            await no_json(line)
        await line.play(tone(300))
        async for _ in line.messages():
            pass

    report = (await call_in_memory(Server(agent), clock)).report
    assert len(report.protocol_errors) == FAULTS_AT_MOST


@pytest.mark.parametrize("code", [1011, 1008])
async def test_an_unfriendly_close_is_written_down(clock: ManualClock, code: int) -> None:
    report = (await call_in_memory(Server(lambda line: line.close(code)), clock)).report
    assert report.protocol_errors == [f"31921 the stream was closed with {code}"]


async def test_a_friendly_close_is_not(clock: ManualClock) -> None:
    report = (await call_in_memory(Server(lambda line: line.close(1000)), clock)).report
    assert report.protocol_errors == []
