"""Who sees what operators see, and that it tells nothing of callers who should not be told of."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from app.clock import ManualClock
from app.settings import Settings
from app.simulator.carriage import Response
from app.simulator.steps import Press, Say
from tests.call.relay import FLOWS, URL, RunningRelay, running
from tests.call.services import SECRET, flows_in

TOKEN = "planted-console-token"
SECURED = Settings(flows_dir=FLOWS, default_flow="echo", console_token=TOKEN)
PAGES = ("/metrics", "/console", "/console/state", "/cache")


async def get(relay: RunningRelay, path: str, headers: dict[str, str] | None = None) -> Response:
    return await relay.carriage.request("GET", f"{URL}{path}", (), headers or {})


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize("path", PAGES)
async def test_local_callers_need_no_token(clock: ManualClock, tmp_path: Path, path: str) -> None:
    async with running(clock, tmp_path, [], settings=SECURED) as relay:
        assert (await get(relay, path)).status == 200


@pytest.mark.parametrize("path", PAGES)
async def test_nobody_else_is_let_in_without_a_token(clock: ManualClock, tmp_path: Path, path: str) -> None:
    async with running(clock, tmp_path, []) as relay:
        answer = await get(relay, path, {"x-forwarded-for": "10.0.0.1"})
    assert answer.status == 403
    assert "CONSOLE_TOKEN is not set" in answer.body.decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (basic(f"anybody:{TOKEN}"), 200),
        (basic(f":{TOKEN}"), 200),
        (None, 401),
        ("Bearer ", 401),
        ("Bearer wrong", 401),
        (basic(f"{TOKEN}:"), 401),
        ("Basic not-base64!", 401),
        (f"Digest {TOKEN}", 401),
        (TOKEN, 401),
    ],
)
@pytest.mark.parametrize("path", PAGES)
async def test_the_token_lets_in(
    clock: ManualClock, tmp_path: Path, path: str, authorization: str | None, status: int
) -> None:
    headers = {"via": "1.1 proxy"} | ({"authorization": authorization} if authorization else {})
    async with running(clock, tmp_path, [], settings=SECURED) as relay:
        answer = await get(relay, path, headers)
    assert answer.status == status
    assert TOKEN not in answer.body.decode()


async def test_calls_are_counted(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["good morning", "thank you"]) as relay:
        await relay.call("echo", [Say("good morning"), Say("thank you")])
        figures = (await get(relay, "/metrics")).body.decode()
    assert 'callrelay_calls_total{flow="echo"} 1.0' in figures
    assert 'callrelay_calls_ended_total{flow="echo",reason="hangup"} 1.0' in figures
    assert 'callrelay_turns_total{flow="echo"} 2.0' in figures
    assert 'callrelay_answer_audio_seconds_count{kind="made",language="en"} 2.0' in figures
    assert 'callrelay_stage_seconds_count{stage="endpoint"} 2.0' in figures
    assert 'callrelay_prompts_total{ready="yes"} 1.0' in figures
    assert "callrelay_calls_active 0.0" in figures
    assert "callrelay_quality_score 0.8" in figures  # everything but in time


async def test_the_console_shows_a_call_while_it_goes_on(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["good morning"]) as relay:
        await relay.post(
            "/voice/incoming?flow=echo", ("CallSid", "CA1"), ("From", "+14155550100"), ("To", "+1")
        )
        live = json.loads((await get(relay, "/console/state")).body)["calls"]["live"]
    assert [(call["sid"], call["flow"], call["language"]) for call in live] == [("CA1", "echo", "en")]
    assert "4155550100" not in json.dumps(live)


async def test_the_console_shows_past_calls(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["good morning"]) as relay:
        await relay.call("echo", [Say("good morning")])
        state = json.loads((await get(relay, "/console/state")).body)
    (past,) = state["calls"]["past"]
    assert {"who": "caller", "text": "good morning"} in past["words"]
    assert (past["answered"], past["ended"], state["calls"]["live"]) == (1, "hangup", [])
    assert state["health"]["performance"]["qualityScore"] == past["quality"]


async def test_no_secret_shows_anywhere(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, [], settings=flows_in(tmp_path, SECRET)) as relay:
        await relay.call("secret", [Press("7391")])
        shown = [(await get(relay, path)).body.decode() for path in PAGES]
    assert '"keys"' in shown[2]
    assert not any("7391" in page or '"text":"7"' in page for page in shown)


async def test_the_page_is_self_contained_and_runs_nothing_else(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        page = (await get(relay, "/console")).body.decode()
    assert "://" not in page
    assert "innerHTML" not in page
    assert " style=" not in page
    assert " on" + "click" not in page
