from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.clock import ManualClock
from app.settings import Settings
from app.simulator.asgi import AsgiSocket
from app.simulator.carriage import ConnectFailed, Socket
from app.simulator.webhook import Route, Signer
from tests.call.relay import FLOWS, URL, RunningRelay, running
from tests.call.services import flows_in

STREAM = "ws://127.0.0.1:8000/streams/twilio"
PUBLIC = "https://voice.example.com"
TOKEN = "test-auth-token"
PRODUCTION = Settings(flows_dir=FLOWS, public_url=PUBLIC, twilio_auth_token=TOKEN)


class Peer:
    """The carrier's end of a socket, by hand."""

    def __init__(self) -> None:
        self.socket: Socket | None = None
        self.received: list[dict[str, Any]] = []
        self.close_code: int | None = None
        self.is_closed = asyncio.Event()

    def message(self, data: str | bytes) -> None:
        self.received.append(json.loads(data))

    def closed(self, code: int, reason: str) -> None:
        self.close_code = code
        self.is_closed.set()

    def send(self, message: str | dict[str, Any]) -> None:
        assert self.socket
        self.socket.send(message if isinstance(message, str) else json.dumps(message))


def start(call_sid: str, token: str | None) -> dict[str, Any]:
    parameters = {} if token is None else {"token": token}
    return {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": "MZ1",
        "start": {
            "accountSid": "AC1",
            "callSid": call_sid,
            "streamSid": "MZ1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        },
    }


async def ring(relay: RunningRelay, call_sid: str, path: str = "/voice/incoming?flow=echo") -> str:
    """Post the webhook; returns the stream's token."""
    answer = await relay.post(path, ("CallSid", call_sid))
    found = re.search(r'name="token" value="([^"]+)"', answer.body.decode())
    assert found
    return found[1]


@asynccontextmanager
async def connected(relay: RunningRelay, headers: dict[str, str] | None = None) -> AsyncIterator[Peer]:
    peer = Peer()
    peer.socket = await relay.carriage.connect(STREAM, headers or {}, peer)
    try:
        yield peer
    finally:
        peer.socket.close()


async def refused(relay: RunningRelay, message: str | dict[str, Any]) -> int | None:
    """The close code that answers the first message of a stream."""
    async with connected(relay) as peer:
        peer.send(message)
        await peer.is_closed.wait()
    return peer.close_code


MEDIA = {
    "event": "media",
    "sequenceNumber": "1",
    "streamSid": "MZ1",
    "media": {"track": "inbound", "chunk": "1", "timestamp": "20", "payload": "/////w=="},
}


async def test_the_right_token_opens_the_call(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        token = await ring(relay, "CA1")
        async with connected(relay) as peer:
            peer.send(start("CA1", token))
            await asyncio.sleep(1)
    assert peer.received[0]["event"] == "media"


@pytest.mark.parametrize("given", ["", "made-up", None])
async def test_an_absent_or_invented_token_is_refused(
    clock: ManualClock, tmp_path: Path, given: str | None
) -> None:
    async with running(clock, tmp_path, []) as relay:
        await ring(relay, "CA1")
        assert await refused(relay, start("CA1", given)) == 1008
        assert relay.transcriber.opened == 0


async def test_a_used_token_is_refused(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        token = await ring(relay, "CA1")
        async with connected(relay) as peer:
            peer.send(start("CA1", token))
            await asyncio.sleep(0.1)
            assert await refused(relay, start("CA1", token)) == 1008
            assert not peer.is_closed.is_set()


async def test_a_newer_stream_takes_the_place_of_a_dead_one(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        async with connected(relay) as dead, connected(relay) as newer:
            dead.send(start("CA1", await ring(relay, "CA1")))
            await asyncio.sleep(1)
            newer.send(start("CA1", await ring(relay, "CA1", "/voice/stream-ended")))
            await dead.is_closed.wait()
            await asyncio.sleep(1)
            assert newer.received
            assert not newer.is_closed.is_set()
        await relay.relay.registry.all_ended()
    assert (tmp_path / "calls" / "CA1.jsonl").read_text().count("call_ended") == 1


async def test_a_token_of_another_call_is_refused(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        token = await ring(relay, "CA1")
        await ring(relay, "CA2")
        assert await refused(relay, start("CA2", token)) == 1008


async def test_an_old_token_is_refused(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        token = await ring(relay, "CA1")
        await asyncio.sleep(30)
        await ring(relay, "CA1")
        await asyncio.sleep(31)
        assert relay.relay.registry.get("CA1")
        assert await refused(relay, start("CA1", token)) == 1008


async def test_a_stream_that_does_not_start_is_closed(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay, connected(relay) as peer:
        peer.send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        await peer.is_closed.wait()
    assert peer.close_code == 1008
    assert clock.now() == pytest.approx(5)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (MEDIA, 1008),
        ("not json", 1007),
        ('{"x":' + "[" * 50_000, 1008),
        ('{"event":"' + "x" * 70_000 + '"}', 1009),
    ],
)
async def test_what_is_no_beginning_is_refused(
    clock: ManualClock, tmp_path: Path, message: str | dict[str, Any], code: int
) -> None:
    async with running(clock, tmp_path, []) as relay:
        assert await refused(relay, message) == code
        assert relay.transcriber.opened == 0


async def test_a_protocol_error_ends_its_own_call_alone(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        tokens = [await ring(relay, sid) for sid in ("CA1", "CA2")]
        async with connected(relay) as good, connected(relay) as bad:
            good.send(start("CA1", tokens[0]))
            bad.send(start("CA2", tokens[1]))
            bad.send(start("CA2", tokens[1]))
            await bad.is_closed.wait()
            assert bad.close_code == 1008
            assert relay.relay.registry.get("CA1")
            assert not relay.relay.registry.get("CA2")


async def test_a_half_open_stream_is_probed_and_given_up(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        token = await ring(relay, "CA1")
        async with connected(relay) as peer:
            peer.send(start("CA1", token))
            await peer.is_closed.wait()
        await relay.relay.registry.all_ended()
    assert clock.now() <= 20
    assert any(message.get("mark") == {"name": "probe"} for message in peer.received)


LONG = f"""\
flow: long
format: 1
languages: [en]
start: one
nodes:
  one: {{hangup: "{"a long story, " * 20}and so on."}}
"""


@pytest.mark.parametrize("at_s", [0.5, 3.7, 4.8])
async def test_a_carrier_that_does_not_read_is_given_up_two_seconds_later(
    clock: ManualClock, tmp_path: Path, at_s: float
) -> None:
    """Also where the probe of a silent stream, after 5 s, has to wait as well."""
    async with running(clock, tmp_path, [], settings=flows_in(tmp_path, LONG)) as relay:
        token = await ring(relay, "CA1", "/voice/incoming?flow=long")
        async with connected(relay) as peer:
            peer.send(start("CA1", token))
            await asyncio.sleep(at_s)
            assert isinstance(peer.socket, AsgiSocket)
            peer.socket.stop_reading()
            await relay.relay.registry.all_ended()
            assert 2.0 <= clock.now() - at_s <= 2.2
    assert '"reason":"carrier does not read"' in (tmp_path / "calls" / "CA1.jsonl").read_text()


@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-For": "1.2.3.4"}, {"Via": "1.1 x"}, {"Host": "evil.example"}]
)
async def test_without_a_token_only_local_callers_stream(
    clock: ManualClock, tmp_path: Path, headers: dict[str, str]
) -> None:
    async with running(clock, tmp_path, []) as relay:
        with pytest.raises(ConnectFailed) as refusal:
            async with connected(relay, headers):
                pass
    assert refusal.value.status == 403


async def test_a_wrong_signature_on_the_handshake_is_refused(clock: ManualClock, tmp_path: Path) -> None:
    wrong = Signer(Route(URL, PUBLIC), "another-token", sign_sockets=True).socket(STREAM)
    async with running(clock, tmp_path, [], settings=PRODUCTION) as relay:
        with pytest.raises(ConnectFailed) as refusal:
            async with connected(relay, wrong):
                pass
    assert refusal.value.status == 403


async def test_a_right_signature_on_the_handshake_is_let_in(clock: ManualClock, tmp_path: Path) -> None:
    right = Signer(Route(URL, PUBLIC), TOKEN, sign_sockets=True).socket(STREAM)
    async with running(clock, tmp_path, [], settings=PRODUCTION) as relay, connected(relay, right) as peer:
        assert peer.socket
