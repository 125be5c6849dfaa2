"""Transfers and messages: what leaves the stream, and comes back."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.call.message import Message
from app.clock import ManualClock
from app.settings import Settings
from app.simulator.call import CallPlan
from app.simulator.carriage import Carriage, Form, Listener, Response, Socket
from app.simulator.steps import BargeIn, Press, Say, StaySilent, Step
from providers.scripted import ScriptedSynthesizer
from tests.call.relay import UNSIGNED, URL, events, running
from tests.call.services import FakeServices, flows_in
from tests.simulator.calls import call_over


@pytest.fixture
def clock() -> ManualClock:
    """A Friday in office hours."""
    return ManualClock(datetime(2026, 11, 13, 16, tzinfo=UTC))


async def test_a_transfer_that_is_answered_ends_the_call(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, []) as relay:
        placed = await relay.call("clinic", [Press("0"), StaySilent(20)], dial_outcome="answered")
    journal = relay.journal(placed)
    assert [event["to"] for event in events(journal, "transferred")] == ["+15555550123"]
    assert [event["reason"] for event in events(journal, "call_ended")] == ["transferred"]


@pytest.mark.parametrize("outcome", ["no-answer", "busy", "failed"])
async def test_a_transfer_that_nobody_takes_comes_back_to_the_flow(
    clock: ManualClock, tmp_path: Path, outcome: str
) -> None:
    async with running(clock, tmp_path, []) as relay:
        placed = await relay.call("clinic", [Press("0"), StaySilent(60)], dial_outcome=outcome)
    journal = relay.journal(placed)
    nodes = [event["node"] for event in events(journal, "node_entered")]
    assert nodes[nodes.index("operator") :][:4] == ["operator", "connect", "nobody", "voicemail"]
    assert [event["event"] for event in journal].count("call_started") == 1
    assert [event["event"] for event in journal].count("call_ended") == 1


class SlowWebhooks:
    """A carriage whose carrier takes its time between the end of a stream and the webhook that tells of it."""

    def __init__(self, carriage: Carriage, delay_s: float) -> None:
        self._carriage = carriage
        self._delay_s = delay_s

    async def request(self, method: str, url: str, form: Form, headers: Mapping[str, str]) -> Response:
        if url.endswith("/voice/stream-ended"):
            await asyncio.sleep(self._delay_s)
        return await self._carriage.request(method, url, form, headers)

    async def connect(self, url: str, headers: Mapping[str, str], listener: Listener) -> Socket:
        return await self._carriage.connect(url, headers, listener)


async def test_a_transfer_waits_for_a_slow_webhook(clock: ManualClock, tmp_path: Path) -> None:
    plan = CallPlan(f"{URL}/voice/incoming?flow=clinic", UNSIGNED, dial_outcome="answered")
    async with running(clock, tmp_path, []) as relay:
        slow = SlowWebhooks(relay.carriage, 4.0)
        placed = await call_over(slow, clock, [Press("0"), StaySilent(20)], plan)
    journal = relay.journal(placed)
    assert [event["reason"] for event in events(journal, "call_ended")] == ["transferred"]


async def test_a_message_is_taken_after_the_tone_until_a_long_silence(
    clock: ManualClock, tmp_path: Path
) -> None:
    steps: list[Step] = [Press("0"), Say("this is my message for the front desk")]
    async with running(clock, tmp_path, ["anything"] * 5) as relay:
        placed = await relay.call("clinic", steps, dial_outcome="busy")
    journal = relay.journal(placed)
    (recorded,) = events(journal, "recorded")
    assert recorded["seconds"] == pytest.approx(2.7, abs=0.3)
    with wave.open(str(tmp_path / "recordings" / recorded["file"])) as file:
        assert file.getnframes() / 8000 == pytest.approx(recorded["seconds"], abs=0.1)
    assert events(journal, "node_entered")[-1]["node"] == "goodbye"
    assert "message_recorded" in [event["name"] for event in events(journal, "flow_event")]


async def test_who_hangs_up_in_a_message_has_left_it(clock: ManualClock, tmp_path: Path) -> None:
    steps: list[Step] = [Press("0"), Say("please call me back")]
    async with running(clock, tmp_path, ["anything"] * 5) as relay:
        placed = await relay.call("clinic", steps, dial_outcome="busy")
    (recorded,) = events(relay.journal(placed), "recorded")
    assert recorded["seconds"] > 1


async def test_a_message_ends_with_a_key(clock: ManualClock, tmp_path: Path) -> None:
    async with running(clock, tmp_path, ["anything"] * 5) as relay:
        placed = await relay.call("clinic", [Press("0"), Press("#")], dial_outcome="busy")
    journal = relay.journal(placed)
    assert len(events(journal, "recorded")) == 1
    assert placed.report.turns[-1].any_audio_ms == pytest.approx(20, abs=60)


MESSAGE = """\
flow: desk
format: 1
languages: [en]
start: top
intents: {leave: {phrases: [a message]}}
nodes:
  top: {menu: How can I help?, choices: [{intent: leave, press: 1, goto: message}]}
  message: {record: "Please say after the tone who you are, and we call you back.", max: 10s, next: bye}
  bye: {hangup: Goodbye.}
"""


async def test_a_key_that_means_nothing_does_not_take_the_tone_away(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with running(clock, tmp_path, [], settings=flows_in(tmp_path, MESSAGE)) as relay:
        placed = await relay.call("desk", [Press("15"), StaySilent(1)])
    journal = relay.journal(placed)
    assert [event["digits"] for event in events(journal, "dtmf")] == ["1", "5"]
    assert events(journal, "said")[-1]["text"] == "(tone)"


async def test_a_full_disk_ends_the_message_and_not_the_call(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Message, audio: bytes, silence_ms: float) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Message, "add", full)
    async with running(clock, tmp_path, ["anything"] * 5) as relay:
        placed = await relay.call("clinic", [Press("0"), StaySilent(3)], dial_outcome="busy")
    journal = relay.journal(placed)
    assert "No space left" in events(journal, "error")[0]["text"]
    assert events(journal, "node_entered")[-1]["node"] == "goodbye"


async def test_a_call_that_changes_its_language_is_heard_and_spoken_in_it(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with running(clock, tmp_path, ["habla español"]) as relay:
        placed = await relay.call("clinic", [Say("habla español"), Say("otra vez")])
    journal = relay.journal(placed)
    assert [event["language"] for event in events(journal, "utterance")] == ["en", "es"]
    assert any("Quiere" in event["text"] or "¿" in event["text"] for event in events(journal, "said"))


SENSITIVE = """\
flow: pin
format: 1
languages: [en]
start: ask
slots:
  pin: {type: digits, length: 4, sensitive: true}
nodes:
  ask:
    collect: pin
    ask: What is your PIN?
    confirm_value: always
    next: done
  done: {say: "Your PIN is {{ pin | digits }}.", hangup: true}
"""


@pytest.mark.parametrize("step", [Say("it is four seven one one"), Press("4711")])
async def test_what_is_sensitive_is_nowhere_but_in_the_air(
    clock: ManualClock, tmp_path: Path, step: Step, caplog: pytest.LogCaptureFixture
) -> None:
    flows = tmp_path / "flows"
    flows.mkdir()
    (flows / "pin.yaml").write_text(SENSITIVE)
    settings = Settings(flows_dir=flows, default_flow="pin")
    synthesizer = ScriptedSynthesizer()
    async with running(clock, tmp_path, ["4711", "yes"], synthesizer, settings=settings) as relay:
        placed = await relay.call("pin", [step, Say("yes")])
        cached = relay.relay.speech_cache.texts
    written = (tmp_path / "calls" / f"{placed.report.call_sid}.jsonl").read_text()
    spoken = " ".join(synthesizer.spoken)
    assert "four seven one one" in spoken
    for leaked in ("4711", "4 7 1 1", "4, 7, 1, 1", "four seven"):
        assert leaked not in written
        assert leaked not in caplog.text
        assert not any(leaked in text for text in cached)


AFTER_A_SECRET = """\
flow: pin
format: 1
languages: [en]
start: pin
slots: {pin: {type: digits, length: 4, sensitive: true}}
nodes:
  pin: {collect: pin, ask: Your PIN?, next: %s}
  look: {http: "GET https://api.example/free", timeout: 10s, ok: more, failed: more}
  more: {confirm: Anything else?, yes: pin, no: bye}
  bye: {hangup: Goodbye.}
"""


VOICE: list[Step] = [
    Say("four seven one one"),
    BargeIn(700, "eight eight nine nine"),
    StaySilent(6),
    Say("no"),
]
KEYS: list[Step] = [Press("471199"), StaySilent(3), Say("no")]


@pytest.mark.parametrize(
    ("steps", "script", "next_node"),
    [(KEYS, ["no"], "look"), (KEYS, ["no"], "more"), (VOICE, ["4711", "8899", "no"], "look")],
)
async def test_the_rest_of_a_secret_is_told_to_nobody_and_answers_nothing_else(
    clock: ManualClock, tmp_path: Path, steps: list[Step], script: list[str], next_node: str
) -> None:
    services = FakeServices(clock, {"/free": [{}]}, lambda path: 3.0)
    settings = flows_in(tmp_path, AFTER_A_SECRET % next_node)
    async with running(clock, tmp_path, script, settings=settings, http=services) as relay:
        placed = await relay.call("pin", steps)
    journal = relay.journal(placed)
    texts = [event["text"] for event in events(journal, "utterance")]
    assert {"8899", "4711"}.isdisjoint(texts)
    assert all(event["digits"] == "•••" for event in events(journal, "dtmf"))
    assert "no_match" not in [event["name"] for event in events(journal, "flow_event")]
    assert events(journal, "call_ended")[0]["reason"] == "bye"
