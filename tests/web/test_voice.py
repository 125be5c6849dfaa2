from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.clock import ManualClock
from app.flow.effects import Say as FlowSay
from app.flow.effects import Transfer
from app.settings import Settings
from app.simulator.faults import Faults
from app.simulator.steps import Press, StaySilent
from app.simulator.webhook import Route, Signer
from tests.call.relay import FLOWS, URL, running

CALL = (("CallSid", "CA1"), ("From", "+14155550100"), ("To", "+18005550199"), ("CallerName", ""))
PUBLIC = "https://voice.example.com"
TOKEN = "test-auth-token"
PRODUCTION = Settings(flows_dir=FLOWS, public_url=PUBLIC, twilio_auth_token=TOKEN)
SIGNED = Signer(Route(URL, PUBLIC), TOKEN)


async def test_a_local_call_is_connected_to_a_stream(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        answer = await relay.post("/voice/incoming?flow=echo", *CALL)
    assert (answer.status, answer.content_type) == (200, "text/xml; charset=utf-8")
    twiml = answer.body.decode()
    assert 'action="http://127.0.0.1:8000/voice/stream-ended"' in twiml
    assert 'url="ws://127.0.0.1:8000/streams/twilio"' in twiml
    assert re.search(r'<Parameter name="token" value="[\w-]{20,}"', twiml)


async def test_the_carrier_sees_public_addresses_only(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, [], settings=PRODUCTION) as relay:
        answer = await relay.post("/voice/incoming?flow=echo", *CALL, signer=SIGNED)
    twiml = answer.body.decode()
    assert f'action="{PUBLIC}/voice/stream-ended"' in twiml
    assert 'url="wss://voice.example.com/streams/twilio"' in twiml
    assert "127.0.0.1" not in twiml


@pytest.mark.parametrize("path", ["incoming?flow=echo", "stream-ended", "dial-ended", "whisper", "status"])
@pytest.mark.parametrize("signer", [Signer(Route(URL)), Signer(Route(URL, PUBLIC), "another-token")])
async def test_an_absent_or_forged_signature_is_refused(
    clock: ManualClock, tmp_path: Path, path: str, signer: Signer
) -> None:
    async with running(clock, tmp_path, [], settings=PRODUCTION) as relay:
        answer = await relay.post(f"/voice/{path}", *CALL, signer=signer)
        assert len(relay.relay.registry) == 0
    assert answer.status == 403


async def test_a_signature_for_another_form_is_refused(clock: ManualClock, tmp_path: Path) -> None:
    url = f"{URL}/voice/incoming?flow=echo"
    async with running(clock, tmp_path, [], settings=PRODUCTION) as relay:
        replayed = SIGNED.webhook(url, CALL)
        answer = await relay.carriage.request("POST", url, [*CALL[:-1], ("CallerName", "x")], replayed)
    assert answer.status == 403


@pytest.mark.parametrize("name", ["nobody", "../echo", "/etc/passwd", "echo.yaml", "%00"])
async def test_a_flow_is_looked_up_and_never_a_path(clock: ManualClock, tmp_path: Path, name: str) -> None:
    async with running(clock, tmp_path, []) as relay:
        answer = await relay.post(f"/voice/incoming?flow={name}", *CALL)
    assert answer.status == 404
    assert "there is no flow '" in answer.body.decode()


async def test_a_misspelt_flow_is_guessed(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        answer = await relay.post("/voice/incoming?flow=ecoh", *CALL)
    assert "there is no flow 'ecoh'; did you mean \"echo\"?" in answer.body.decode()


async def test_a_language_that_the_flow_does_not_speak_is_named(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        answer = await relay.post("/voice/incoming?flow=echo&language=de", *CALL)
    assert answer.status == 404
    assert "'echo' speaks en, es, fr, it, not 'de'" in answer.body.decode()


@pytest.mark.parametrize("call_sid", ["", "../x", "٣", "é", "C" * 100])
async def test_a_form_of_no_call_is_refused(clock: ManualClock, tmp_path: Path, call_sid: str) -> None:
    async with running(clock, tmp_path, []) as relay:
        answer = await relay.post("/voice/incoming?flow=echo", ("CallSid", call_sid))
    assert answer.status == 422


async def test_a_locked_token_store_makes_the_line_busy(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        with closing(sqlite3.connect(tmp_path / "state.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            answer = await relay.post("/voice/incoming?flow=echo", *CALL)
        assert len(relay.relay.registry) == 0
    assert b'<Reject reason="busy"' in answer.body


async def test_a_locked_token_store_does_not_end_a_live_call(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        await relay.post("/voice/incoming?flow=echo", *CALL)
        with closing(sqlite3.connect(tmp_path / "state.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            answer = await relay.post("/voice/stream-ended", *CALL)
        assert relay.relay.registry.sids == ["CA1"]
        assert b"/voice/stream-ended</Redirect>" in answer.body
        again = await relay.post("/voice/stream-ended", *CALL)
    assert b"<Stream" in again.body


async def test_a_huge_form_is_refused(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        answer = await relay.post("/voice/incoming?flow=echo", *CALL, ("x", "x" * 70_000))
    assert answer.status == 413


async def test_a_webhook_repeated_by_the_carrier_opens_no_second_call(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with running(clock, tmp_path, []) as relay:
        await relay.post("/voice/incoming?flow=echo", *CALL)
        again = await relay.post("/voice/incoming?flow=echo", *CALL)
        assert len(relay.relay.registry) == 1
    assert b"<Stream" in again.body
    journal = (tmp_path / "calls" / "CA1.jsonl").read_text()
    assert journal.count("call_started") == 1
    assert journal.count("call_ended") == 1


async def test_a_draining_server_refuses_new_calls_in_twiml(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        relay.relay.admission.draining = True
        answer = await relay.post("/voice/incoming?flow=echo", *CALL)
        health = await relay.carriage.request("GET", f"{URL}/health/ready", (), {})
    assert b'<Reject reason="busy"' in answer.body
    assert health.status == 503
    assert not (tmp_path / "calls").exists()


async def test_a_full_server_refuses_new_calls_in_twiml(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        relay.relay.admission.capacity = 1
        await relay.post("/voice/incoming?flow=echo", *CALL)
        answer = await relay.post("/voice/incoming?flow=echo", ("CallSid", "CA2"))
    assert b'<Reject reason="busy"' in answer.body


async def test_a_call_whose_stream_never_comes_ends(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        await relay.post("/voice/incoming?flow=echo", *CALL)
        await relay.relay.registry.all_ended()
    assert clock.now() == pytest.approx(60)
    assert "no stream came" in (tmp_path / "calls" / "CA1.jsonl").read_text()


async def test_a_webhook_replayed_after_the_call_is_refused(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        placed = await relay.call("echo", [StaySilent(1)])
        answer = await relay.post("/voice/incoming?flow=echo", ("CallSid", placed.report.call_sid))
        assert answer.status == 403
        assert relay.journal(placed)[-1]["event"] == "call_ended"


async def test_a_webhook_repeated_during_the_call_changes_nothing(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(relay.call("echo", [StaySilent(100)]))
            await asyncio.sleep(5)
            (sid,) = relay.relay.registry.sids
            for path in ["incoming?flow=echo", "dial-ended"] * 3:
                answer = await relay.post(f"/voice/{path}", ("CallSid", sid))
                assert answer.status == 403
                assert b"token" not in answer.body
        placed = task.result()
    assert relay.journal(placed)[-1]["reason"] == "hangup"
    assert placed.report.seconds > 100


async def test_a_journal_that_cannot_be_written_makes_the_line_busy(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with running(clock, tmp_path, []) as relay:
        (tmp_path / "calls").write_text("in the way")
        answer = await relay.post("/voice/incoming?flow=echo", *CALL)
    assert b'<Reject reason="busy"' in answer.body


async def test_a_stream_that_never_opens_is_not_asked_for_for_ever(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with running(clock, tmp_path, []) as relay:
        answers = [(await relay.post("/voice/incoming?flow=echo", *CALL)).body]
        for _ in range(3):
            answers.append((await relay.post("/voice/stream-ended", *CALL)).body)
        assert len(relay.relay.registry) == 0
    assert [b"<Stream" in answer for answer in answers] == [True, True, True, False]
    assert b"<Say" in answers[-1]
    assert b"<Hangup" in answers[-1]


async def test_the_carrier_may_report_any_call_at_any_time(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        ended = await relay.post("/voice/stream-ended", ("CallSid", "CA9"), ("CallStatus", "in-progress"))
        dialled = await relay.post("/voice/dial-ended", ("CallSid", "CA9"), ("DialCallStatus", "busy"))
        status = await relay.post("/voice/status", ("CallSid", "CA9"), ("CallStatus", "completed"))
    assert b"<Hangup" in ended.body
    assert b"<Hangup" in dialled.body
    assert status.status == 204


async def test_a_call_whose_line_was_lost_hears_what_it_missed(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        placed = await relay.call("greeting", [Press("1"), StaySilent(3)], faults=Faults(lose_at_ms=10_000))
        journal = relay.journal(placed)
    said = [event["node"] for event in journal if event["event"] == "said"]
    assert said[:5] == ["welcome", "menu", "hours", "hours", "more"]
    assert [event["event"] for event in journal].count("call_ended") == 1


async def test_who_answers_a_warm_transfer_hears_the_summary_first(
    clock: ManualClock, tmp_path: Path
) -> None:
    summary = FlowSay("Ana <calls>.", "desk", "desk.summary", "en")
    async with running(clock, tmp_path, []) as relay:
        await relay.post("/voice/incoming?flow=echo", *CALL)
        (sid,) = relay.relay.registry.sids
        call = relay.relay.registry.get(sid)
        assert call
        call.next_step = Transfer("desk", "sip:desk@example.com", 20, summary)
        dialled = await relay.post("/voice/stream-ended", *CALL)
        heard = await relay.post(f"/voice/whisper?call={sid}", ("CallSid", "CA77"))
        other = await relay.post("/voice/whisper?call=CA78", ("CallSid", "CA77"))
        relay.relay.registry.end(call, "test")
    assert (
        f'<Sip url="http://127.0.0.1:8000/voice/whisper?call={sid}">sip:desk@example.com</Sip>'.encode()
        in dialled.body
    )
    assert b'<Say language="en">Ana &lt;calls&gt;.</Say>' in heard.body
    assert b"<Say" not in other.body
