"""The demo services: the shipped flows run against them over real sockets, and bad requests are refused."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn

from app.call.http_client import HttpClient
from app.clock import SystemClock
from app.designer.files import directory_texts
from app.flow import Library, build_library
from app.flow.effects import CallService
from scripts.demo.__main__ import APIS
from scripts.demo.service import FULL_EVERY, PATIENTS, demo_backend, known
from tests.flow.caller import Caller
from tests.flow.conftest import FLOWS

pytestmark = pytest.mark.real_time

# a Friday in office hours
NOW = datetime(2026, 11, 13, 20, tzinfo=UTC)
Act = Callable[[Caller], Caller]


@asynccontextmanager
async def backend() -> AsyncIterator[str]:
    """Its host and port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(demo_backend(NOW.date()), log_level="critical", lifespan="off")
        running = uvicorn.Server(config)
        async with asyncio.TaskGroup() as group:
            group.create_task(running.serve([listener]))
            try:
                yield f"127.0.0.1:{listener.getsockname()[1]}"
            finally:
                running.should_exit = True


def flows(host: str) -> Library:
    return build_library(directory_texts(FLOWS), dict.fromkeys(APIS, f"http://{host}"))


async def drive(flow: str, host: str, *acts: Act) -> Caller:
    """A call, its services asked for real; `acts` are what the caller does."""
    client = HttpClient(SystemClock(), [host])
    number = next(iter(PATIENTS))
    caller = Caller(flows(host).flows[flow], now=NOW, number=number)
    try:
        for act in (lambda one: one, *acts):
            act(caller)
            while isinstance(caller.last, CallService):
                answer = await client.ask(caller.last.request, caller.last.timeout_ms)
                caller.give(replace(answer, now=NOW))
    finally:
        await client.aclose()
    return caller


def says(text: str) -> Act:
    return lambda caller: caller.say(text)


def presses(keys: str) -> Act:
    return lambda caller: caller.press(keys)


async def test_an_appointment_is_booked_found_again_and_cancelled() -> None:
    async with backend() as host:
        booked = await drive("clinic", host, *map(presses, ("1", "1118", "1400", "02141985", "1")))
        assert "Hello, Ana." in booked.all_heard
        assert "appointment_booked" in booked.events
        taken = await drive("clinic", host, *map(presses, ("1", "1118", "1400")))
        assert taken.node == "ask_time"
        cancelled = await drive("clinic", host, presses("2"), presses("1"))
        assert "November seventeenth, at nine thirty. Shall I cancel it?" in cancelled.all_heard
        assert "appointment_cancelled" in cancelled.events
        second = await drive("clinic", host, presses("2"), presses("1"))
        assert "November eighteenth, at two o'clock" in second.all_heard
        none = await drive("clinic", host, presses("2"))
        assert none.node == "ask_callback"


async def test_a_table_is_booked_and_taken() -> None:
    acts = (
        *map(presses, ("1", "4#", "1118", "1930")),
        says("no"),
        says("Ana Gray"),
        says("this number"),
        says("yes"),
    )
    async with backend() as host:
        booked = await drive("restaurant", host, *acts)
        assert "table_booked" in booked.events
        taken = await drive("restaurant", host, *acts[:4])
        assert taken.node == "ask_time"
        assert "six o'clock and nine o'clock" in taken.all_heard


async def test_the_days_that_it_calls_full_are() -> None:
    (line,) = (line for line in known(NOW.date()) if "Nothing is free" in line)
    days = [NOW.date() + timedelta(days=ahead) for ahead in range(2 * FULL_EVERY)]
    async with backend() as host, httpx.AsyncClient(trust_env=False) as http:
        for day in days:
            free = (await http.get(f"http://{host}/free?day={day.isoformat()}")).json()["times"]
            assert bool(free) is (f"{day:%A %d %B}" not in line)


async def test_a_card_is_activated_once() -> None:
    acts = [presses(keys) for keys in ("1", "4321", "02141985", "1")]
    async with backend() as host:
        wrong = await drive("card_activation", host, presses("1"), presses("9999"), presses("02141985"))
        assert "doesn't match" in wrong.all_heard
        assert "card_activated" in (await drive("card_activation", host, *acts)).events
        assert "active already" in (await drive("card_activation", host, *acts[:3])).all_heard


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/patients", None, 400),
        ("GET", "/free?day=soon", None, 400),
        ("GET", "/tables?day=2026-11-17&party=many", None, 400),
        ("POST", "/bookings", [], 400),
        ("POST", "/bookings", {"day": "2026-11-17"}, 400),
        ("POST", "/bookings", {"phone": "", "day": "2026-11-17", "time": "09:30", "dob": ""}, 409),
        (
            "POST",
            "/tables",
            dict.fromkeys(("party", "day", "time", "name", "phone", "wishes"), "2026-11-17"),
            409,
        ),
        ("DELETE", "/bookings/b99", None, 404),
        ("POST", "/cards/activations", {"card": "card-9"}, 404),
        ("POST", "/cards/search", {"last_four": "1", "born": ""}, 200),
    ],
)
async def test_what_cannot_be_done_is_refused(method: str, path: str, body: Any, status: int) -> None:
    transport = httpx.ASGITransport(demo_backend(date(2026, 11, 13)))
    async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
        answer = await client.request(method, path, json=body)
    assert answer.status_code == status
