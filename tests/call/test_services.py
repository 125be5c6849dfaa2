"""Services that are asked during a call: what the caller hears, does and never loses meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.clock import ManualClock
from app.simulator.steps import BargeIn, Press, Say, StaySilent, Step
from tests.call.relay import RunningRelay, events, running
from tests.call.services import FakeServices, flows_in, unacknowledged

DESK = """\
flow: desk
format: 1
languages: [en]
start: top
slots: {free: {type: list}, word: {type: text}, code: {type: digits, length: 4, sensitive: true}}
nodes:
  top: {confirm: Shall I look it up?, yes: look, no: bye}
  look:
    http: "GET https://api.example/free?from={{ caller.number }}"
    timeout: 10s
    waiting: One moment, I am looking.
    save: {free: free}
    ok: found
    failed: sorry
  found: {confirm: Found it. Shall I book it?, yes: book, no: more}
  book: {http: "POST https://api.example/book", timeout: 5s, waiting: Booking it., ok: booked, failed: sorry}
  booked: {say: It is booked., next: more}
  more: {confirm: Anything else?, yes: top, no: bye}
  sorry: {say: The calendar does not answer., next: more}
  bye: {hangup: Goodbye.}
"""


def said(relay: RunningRelay, journal: list[dict[str, object]]) -> list[object]:
    return [event["text"] for event in events(journal, "said")]


async def test_a_quick_answer_needs_no_words_of_waiting(clock: ManualClock, tmp_path: Path) -> None:
    services = FakeServices(clock, {"/free": [{"free": ["a"]}]}, lambda path: 0.1)
    async with running(
        clock, tmp_path, ["yes", "no", "no"], settings=flows_in(tmp_path, DESK), http=services
    ) as relay:
        placed = await relay.call("desk", [Say("yes"), Say("no"), Say("no")])
    journal = relay.journal(placed)
    assert said(relay, journal) == [
        "Shall I look it up?",
        "Found it. Shall I book it?",
        "Anything else?",
        "Goodbye.",
    ]
    (asked,) = events(journal, "http")
    assert (asked["node"], asked["method"], asked["host"], asked["status"]) == (
        "look",
        "GET",
        "api.example",
        200,
    )
    assert asked["ms"] == pytest.approx(100, abs=1)
    written = (tmp_path / "calls" / f"{placed.report.call_sid}.jsonl").read_text()
    assert "/free" not in written
    assert services.closed


async def test_who_waits_never_hears_silence_for_long(clock: ManualClock, tmp_path: Path) -> None:
    services = FakeServices(clock, {"/free": [{"free": ["a"]}]}, lambda path: 9.0)
    async with running(
        clock, tmp_path, ["yes", "no", "no"], settings=flows_in(tmp_path, DESK), http=services
    ) as relay:
        placed = await relay.call("desk", [Say("yes"), StaySilent(12), Say("no"), Say("no")])
    journal = relay.journal(placed)
    waited = [event for event in events(journal, "said") if event["node"] == "look"]
    assert len(waited) == 3
    assert waited[0]["cached"]
    asked_ms = events(journal, "utterance")[0]["ms"]
    assert 250 <= waited[0]["ms"] - asked_ms <= 400
    heard = [event["ms"] for event in events(journal, "heard")]
    for event in waited[1:]:
        last_heard = max(ms for ms in heard if ms <= event["ms"])
        assert event["ms"] - last_heard <= 2100
    (turn, *_) = events(journal, "turn")
    assert turn["timeline"]["stages"]["service"][1] > 9000


async def test_a_service_that_is_late_leads_on(clock: ManualClock, tmp_path: Path) -> None:
    services = FakeServices(clock, {"/free": [None]}, lambda path: 60.0)
    async with running(
        clock, tmp_path, ["yes", "no"], settings=flows_in(tmp_path, DESK), http=services
    ) as relay:
        placed = await relay.call("desk", [Say("yes"), StaySilent(14), Say("no")])
    journal = relay.journal(placed)
    assert [event["reason"] for event in events(journal, "http")] == ["timeout"]
    assert "The calendar does not answer." in said(relay, journal)


async def test_keys_pressed_while_a_service_is_asked_are_kept(clock: ManualClock, tmp_path: Path) -> None:
    services = FakeServices(clock, {"/free": [{}], "/book": [None]}, lambda path: 3.0)
    settings = flows_in(tmp_path, DESK)
    async with running(clock, tmp_path, [], settings=settings, http=services) as relay:
        placed = await relay.call("desk", [Press("122"), StaySilent(9)])
    nodes = [event["node"] for event in events(relay.journal(placed), "node_entered")]
    assert nodes == ["top", "look", "found", "more", "bye"]
    assert len(services.requests) == 1


async def test_words_said_while_a_service_is_asked_count_if_they_answer(
    clock: ManualClock, tmp_path: Path
) -> None:
    services = FakeServices(clock, {"/free": [{}]}, lambda path: 6.0)
    settings = flows_in(tmp_path, DESK)
    steps: list[Step] = [
        Say("yes"),
        BargeIn(200, "hello hello"),
        BargeIn(100, "no thanks"),
        StaySilent(5),
        Say("no"),
    ]
    script = ["yes", "are you there", "no", "no"]
    async with running(clock, tmp_path, script, settings=settings, http=services) as relay:
        placed = await relay.call("desk", steps)
    journal = relay.journal(placed)
    nodes = [event["node"] for event in events(journal, "node_entered")]
    assert nodes == ["top", "look", "found", "more", "bye"]
    heard = [(event["text"], event["rung"]) for event in events(journal, "utterance")]
    assert heard == [("yes", "choice"), ("are you there", None), ("no", "choice"), ("no", "choice")]
    assert events(journal, "flow_event") == []


async def test_a_caller_who_hangs_up_stops_the_asking(clock: ManualClock, tmp_path: Path) -> None:
    services = FakeServices(clock, {"/free": [{}]}, lambda path: 9.0)
    async with running(clock, tmp_path, ["yes"], settings=flows_in(tmp_path, DESK), http=services) as relay:
        placed = await relay.call("desk", [Say("yes")])
    journal = relay.journal(placed)
    assert len(services.cancelled) == 1
    assert events(journal, "http")[0]["status"] is None
    assert [event["reason"] for event in events(journal, "call_ended")] == ["hangup"]


@pytest.mark.parametrize("goes_on", [True, False])
async def test_a_turn_that_is_taken_back_has_sent_nothing_that_writes(
    clock: ManualClock, tmp_path: Path, goes_on: bool
) -> None:
    services = FakeServices(clock, {"/book": [None]})
    steps: list[Step] = [Say("yes"), StaySilent(3), Say("no")]
    script = ["yes", "no"]
    if goes_on:
        steps, script = [Say("yes"), BargeIn(50, "oh no"), StaySilent(3), Say("no")], ["yes", "oh no", "no"]
    text = DESK.replace("start: top", "start: found").replace(
        "waiting: Booking it.", "waiting: {sequence: [Wait]}"
    )
    async with running(clock, tmp_path, script, settings=flows_in(tmp_path, text), http=services) as relay:
        placed = await relay.call("desk", steps)
    journal = relay.journal(placed)
    assert len(events(journal, "taken_back")) == goes_on
    assert len(services.requests) == (not goes_on)
    if not goes_on:
        assert services.asked[0][0] * 1000 - events(journal, "utterance")[0]["ms"] > 300


AHEAD = """\
flow: ahead
format: 1
languages: [en]
start: hello
slots: {name: {type: text}, day: {type: text}}
nodes:
  hello: {say: "Welcome to the practice, and thank you for calling us today.", next: who}
  who:
    http: "GET https://crm.example/who?phone={{ caller.number }}"
    prefetch: call_start
    save: {name: name}
    ok: top
    failed: top
  top: {confirm: "Hello {{ name }}. Again?", yes: who, no: bye}
  bye: {hangup: Goodbye.}
"""


async def test_what_was_asked_ahead_is_there_at_once_and_used_once(
    clock: ManualClock, tmp_path: Path
) -> None:
    services = FakeServices(clock, {"/who": [{"name": "Ana"}, {"name": "Eva"}]}, lambda path: 1.0)
    settings = unacknowledged(flows_in(tmp_path, AHEAD))
    async with running(clock, tmp_path, ["yes", "no"], settings=settings, http=services) as relay:
        placed = await relay.call("ahead", [Say("yes"), Say("no")])
    journal = relay.journal(placed)
    assert [event["ahead"] for event in events(journal, "http")] == [True, False]
    waiting = "One moment, please."
    spoken = [text for text in said(relay, journal) if text != waiting]
    assert spoken[1:] == ["Hello Ana. Again?", "Hello Eva. Again?", "Goodbye."]
    assert placed.report.gaps == []
