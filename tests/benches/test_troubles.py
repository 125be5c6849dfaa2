"""Each trouble of a soak is what it says: the server answers it as it is documented to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.clock import ManualClock
from app.settings import Settings
from app.simulator.call import CallPlan
from app.simulator.carriage import Form, Listener, Response
from app.simulator.steps import StaySilent
from app.simulator.webhook import Route, Signer
from scripts.benches.soak_calls import AUTH_TOKEN
from scripts.benches.troubles import TROUBLES, Trouble, TroubledCarriage, WrongAnswer
from tests.call.relay import FLOWS, URL, RunningRelay, running
from tests.simulator.calls import Placed, call_over

CLOSED_WITH = {
    "JSON that is cut off": 1007,
    "JSON that is too deep": 1008,
    "a number of 5,000 digits": 1008,
    "half a character": 1007,
    "nothing but such audio": 1008,
    "70 KB at once": 1009,
    "a binary message": 1003,
    "audio before the start": 1008,
    "a second start": 1008,
    "a flood": 1008,
    "no token": 1008,
    # aborted: who does not read cannot be told
    "a carrier that does not read": 1006,
}
COUNTED = {
    "audio that is no base64": {"bad_audio": 2},
    "odd audio": {"bad_audio": 3},
    "too much audio": {"bad_audio": 2},
    "an unknown event": {"unknown_event": 1},
    "another stream's stop": {"wrong_stream": 1},
    "numbers that begin anew": {"sequence_restart": 1},
}
REASONS = {"a line that is half open": "no media", "a carrier that does not read": "carrier does not read"}


async def placed(relay: RunningRelay, clock: ManualClock, trouble: Trouble) -> Placed:
    plan = CallPlan(f"{URL}/voice/incoming?flow=greeting", Signer(Route(URL), AUTH_TOKEN))
    return await call_over(
        TroubledCarriage(relay.carriage, trouble), clock, [StaySilent(trouble.silent_s or 4.0)], plan
    )


def last_stream(journal: list[dict[str, Any]]) -> dict[str, Any]:
    return [event for event in journal if event["event"] == "stream_ended"][-1]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
async def test_a_trouble_is_answered_as_documented(
    tmp_path: Path, clock: ManualClock, trouble: Trouble
) -> None:
    settings = Settings(flows_dir=FLOWS, default_flow="echo", twilio_auth_token=AUTH_TOKEN)
    async with running(clock, tmp_path, [], settings=settings) as relay:
        call = await placed(relay, clock, trouble)
        journal = relay.journal(call)
        code = CLOSED_WITH.get(trouble.name)
        closes = [error for error in call.report.protocol_errors if error.startswith("31921")]
        assert bool(closes) == (code is not None), closes
        assert all(f"closed with {code}" in close for close in closes), closes
        absent = [error for error in call.report.protocol_errors if error.startswith("31920")]
        assert bool(absent) == (trouble.name == "no stream")
        for what, least in COUNTED.get(trouble.name, {}).items():
            assert last_stream(journal)["repaired"][what] >= least
        if trouble.name in REASONS:
            assert last_stream(journal)["reason"] == REASONS[trouble.name]
        if trouble.name == "no stop":
            assert last_stream(journal)["reason"] == "connection lost"


class OpenDoor:
    """Implements `Carriage` and `Socket`: a server that lets everybody in, and ends each stream as if all was well."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.listeners: list[Listener] = []

    async def request(self, method: str, url: str, form: Form, headers: Mapping[str, str]) -> Response:
        return Response(self.statuses.pop(0) if self.statuses else 200, "text/xml", b"<Response/>")

    async def connect(self, url: str, headers: Mapping[str, str], listener: Listener) -> OpenDoor:
        self.listeners.append(listener)
        return self

    def send(self, message: str | bytes) -> None: ...

    def stop_reading(self) -> None: ...

    def close(self, code: int = 1000) -> None: ...

    def abort(self) -> None: ...

    async def wait_closed(self) -> None:
        for listener in self.listeners:
            listener.closed(1000, "")


class Deaf:
    """Implements `Listener`."""

    def message(self, data: str | bytes) -> None: ...

    def closed(self, code: int, reason: str) -> None: ...


async def test_who_is_let_in_that_must_not_be_is_noticed() -> None:
    webhooks = TroubledCarriage(OpenDoor(), Trouble("forged", webhooks="forged"))
    with pytest.raises(WrongAnswer, match="forged webhook was answered with HTTP 200"):
        await webhooks.request("POST", URL, [], {})
    repeated = TroubledCarriage(OpenDoor(200, 500), Trouble("repeated", webhooks="repeated"))
    with pytest.raises(WrongAnswer, match="repeated webhook was answered with HTTP 500"):
        await repeated.request("POST", URL, [], {})
    handshake = TroubledCarriage(OpenDoor(), Trouble("forged", streams="forged"))
    with pytest.raises(WrongAnswer, match="forged handshake"):
        await handshake.connect(URL, {}, Deaf())
    twice = await TroubledCarriage(OpenDoor(), Trouble("twice", streams="twice")).connect(URL, {}, Deaf())
    twice.send("{}")
    with pytest.raises(WrongAnswer, match="ended with 1000"):
        await twice.wait_closed()
