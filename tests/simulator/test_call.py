"""Whole calls, in memory and virtual time."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from app.audio.g711 import rms
from app.clock import ManualClock
from app.simulator.caller import Patience
from app.simulator.carriage import NOT_READ
from app.simulator.faults import Faults
from app.simulator.line import LineModel
from app.simulator.report import RAN_TOGETHER, table
from app.simulator.steps import BargeIn, Expect, Press, Say, StaySilent, Step
from app.simulator.webhook import Route, Signer, sign
from tests.simulator.calls import PLAN, call_in_memory
from tests.simulator.servers import (
    CONNECT,
    END,
    END_OF_TURN_MS,
    URL,
    Line,
    Server,
    ends_of_turns,
    polite,
    tone,
)

HELLO = Say("hello there")


async def started(line: Line) -> None:
    async for message in line.messages():
        if message["event"] == "start":
            return


async def to_the_end(line: Line) -> None:
    async for _ in line.messages():
        pass


async def test_a_call_is_placed_answered_and_ended(clock: ManualClock) -> None:
    server = Server(polite(thinks_s=0.05))
    report = (await call_in_memory(server, clock, [HELLO, Say("goodbye")])).report
    assert report.ended == "caller_hung_up"
    assert report.began_at == ManualClock().wall()
    assert [turn.caller for turn in report.turns] == [{"text": "hello there"}, {"text": "goodbye"}]
    for turn in report.turns:
        assert turn.any_audio_ms == pytest.approx(END_OF_TURN_MS + 50)
        assert turn.answer_audio_ms == turn.any_audio_ms
    assert report.faults() == []
    (line,) = server.lines
    assert [message["event"] for message in line.received[:3]] == ["connected", "start", "media"]
    assert line.received[-1]["event"] == "stop"
    assert line.of("start")[0]["start"]["customParameters"] == {"token": "t1"}


async def test_frames_come_every_twenty_milliseconds_without_drift(clock: ManualClock) -> None:
    arrived = []

    async def agent(line: Line) -> None:
        async for message in line.messages():
            if message["event"] == "media":
                arrived.append((clock.now(), message))
            if len(arrived) == 500:
                break
        await line.close()

    await call_in_memory(Server(agent), clock, plan=replace(PLAN, patience=Patience(greeting_s=60)))
    began = arrived[0][0]
    for number, (at, message) in enumerate(arrived):
        assert at == pytest.approx(began + number * 0.02, abs=1e-6)
        assert message["sequenceNumber"] == str(number + 2)
        assert message["media"]["chunk"] == str(number + 1)
        assert message["media"]["timestamp"] == str((number + 1) * 20)
        assert len(message["media"]["payload"]) == 216


async def test_marks_come_back_when_their_audio_was_heard(clock: ManualClock) -> None:
    came = {}

    async def agent(line: Line) -> None:
        await started(line)
        await line.mark("idle")
        began = clock.now()
        await line.play(tone(500))
        await line.mark("half")
        await line.play(tone(500))
        await line.mark("whole")
        async for message in line.messages():
            if message["event"] == "mark":
                came[message["mark"]["name"]] = clock.now() - began
            if len(came) == 3:
                break
        await line.close()

    await call_in_memory(Server(agent), clock)
    assert came["idle"] == 0.0
    assert came["half"] == pytest.approx(0.5, abs=0.0201)
    assert came["whole"] == pytest.approx(1.0, abs=0.0201)


async def test_clear_silences_the_agent_and_returns_its_marks_in_order(clock: ManualClock) -> None:
    names = []

    async def agent(line: Line) -> None:
        await started(line)
        await line.play(tone(2000))
        for name in "abc":
            await line.mark(name)
        await asyncio.sleep(0.7)
        await line.send("clear")
        await line.mark("cleared")
        async for message in line.messages():
            if message["event"] == "mark":
                names.append(message["mark"]["name"])

    placed = await call_in_memory(Server(agent), clock)
    assert names == ["a", "b", "c", "cleared"]
    assert placed.call.recording is not None
    assert placed.call.recording.agent.seconds == pytest.approx(0.7, abs=0.001)


async def test_the_caller_waits_until_the_agent_has_finished(clock: ManualClock) -> None:
    placed = await call_in_memory(Server(polite(greeting_ms=3000)), clock, [HELLO])
    assert placed.report.turns[0].began_s == pytest.approx(3.5, abs=0.03)


async def test_a_pause_within_buffered_speech_is_not_its_end(clock: ManualClock) -> None:
    async def agent(line: Line) -> None:
        await started(line)
        await line.play(tone(500) + b"\xff" * 8 * 700 + tone(500))
        await to_the_end(line)

    placed = await call_in_memory(Server(agent), clock, [HELLO])
    assert placed.report.turns[0].began_s == pytest.approx(2.2, abs=0.03)


async def test_an_agent_that_does_not_greet_is_spoken_to_all_the_same(clock: ManualClock) -> None:
    placed = await call_in_memory(Server(polite(greeting_ms=0)), clock, [HELLO])
    assert placed.report.turns[0].began_s == pytest.approx(5.0, abs=0.05)
    assert placed.report.greeting.any_audio_ms is None
    assert placed.report.faults() == []


async def test_no_answer_does_not_hold_and_the_call_goes_on(clock: ManualClock) -> None:
    placed = await call_in_memory(Server(to_the_end), clock, [HELLO, Say("anybody there")])
    assert [turn.answer_audio_ms for turn in placed.report.turns] == [None, None]
    assert placed.report.turns[1].began_s - (placed.report.turns[0].t0_s or 0) == pytest.approx(15, abs=0.1)
    assert placed.report.faults() == ["turn 1: no answer", "turn 2: no answer"]


async def test_keys_are_pressed_one_by_one_and_timed_from_the_last(clock: ManualClock) -> None:
    pressed = []

    async def agent(line: Line) -> None:
        await started(line)
        await line.play(tone(200))
        async for message in line.messages():
            if message["event"] == "dtmf":
                pressed.append(message["dtmf"])
            if len(pressed) == 3:
                pressed.append({})
                await asyncio.sleep(0.1)
                await line.play(tone(300))

    placed = await call_in_memory(Server(agent), clock, [Press("4*2")])
    assert pressed[:3] == [{"track": "inbound_track", "digit": digit} for digit in "4*2"]
    assert placed.report.turns[0].caller == {"dtmf": "4*2"}
    assert placed.report.turns[0].any_audio_ms == pytest.approx(100)


async def test_silence_is_kept_whatever_the_agent_says(clock: ManualClock) -> None:
    async def agent(line: Line) -> None:
        await started(line)
        await line.play(tone(500))
        await asyncio.sleep(3)
        await line.play(tone(500))
        await to_the_end(line)

    placed = await call_in_memory(Server(agent), clock, [StaySilent(4.0), Say("here I am")], PLAN)
    silent, spoken = placed.report.turns
    assert silent.caller == {"silence": 4.0}
    assert silent.any_audio_ms is None
    assert spoken.began_s - silent.began_s == pytest.approx(4.0, abs=0.03)
    assert placed.report.faults() == ["turn 2: no answer"]


async def test_a_caller_barges_in_and_the_answer_is_not_the_old_speech(clock: ManualClock) -> None:
    async def agent(line: Line) -> None:
        messages = line.messages()
        async for message in messages:
            if message["event"] == "start":
                break
        await line.play(tone(10_000))
        async for _ in ends_of_turns(messages, line):
            await line.send("clear")
            await asyncio.sleep(0.1)
            await line.play(tone(500))

    placed = await call_in_memory(Server(agent), clock, [BargeIn(800, "stop")])
    (turn,) = placed.report.turns
    assert turn.began_s == pytest.approx(0.8, abs=0.03)
    assert turn.any_audio_ms == pytest.approx(END_OF_TURN_MS + 100)
    assert placed.report.gaps == []


async def test_an_answer_that_follows_the_question_without_a_pause_is_not_timed(clock: ManualClock) -> None:
    async def agent(line: Line) -> None:
        await started(line)
        await line.play(tone(2000) + tone(1000))
        await asyncio.sleep(10)
        await line.play(tone(500))
        await to_the_end(line)

    placed = await call_in_memory(Server(agent), clock, [BargeIn(800, "stop"), Say("go on")], PLAN)
    first, second = placed.report.turns
    assert first.ran_together
    assert (first.any_audio_ms, first.answer_audio_ms) == (None, None)
    assert second.began_s == pytest.approx(3 + PLAN.patience.unsure_ms / 1000, abs=0.05)
    assert placed.report.faults() == []
    rows = "\n".join(table(placed.report))
    assert re.search(r"stop .* \?  +\?\n", rows)
    assert RAN_TOGETHER in rows


@pytest.mark.parametrize(("late_ms", "told"), [(90.0, False), (240.0, True)])
async def test_a_machine_that_was_too_busy_is_told(clock: ManualClock, late_ms: float, told: bool) -> None:
    placed = await call_in_memory(Server(polite()), clock, [HELLO])
    placed.report.late_ms = late_ms
    assert ("too busy to be a caller, 240 ms late" in "\n".join(table(placed.report))) == told
    assert placed.report.as_json()["late_ms"] == late_ms


async def test_a_call_that_is_not_taken_has_that_one_fault(clock: ManualClock) -> None:
    documents = {"/voice": ['<Response><Reject reason="busy"/></Response>']}
    placed = await call_in_memory(Server(polite(), documents), clock, [HELLO])
    fault = "the server did not take the call: busy"
    assert placed.report.faults() == [fault]
    assert list(table(placed.report))[1:] == [f"  ✗ {fault}"]


async def test_an_agent_that_cuts_in_is_timed_as_too_early(clock: ManualClock) -> None:
    async def agent(line: Line) -> None:
        await started(line)
        await line.play(tone(500))
        await asyncio.sleep(1.2)
        await line.play(tone(2000))
        await to_the_end(line)

    placed = await call_in_memory(Server(agent), clock, [Say("a sentence of some length")])
    (turn,) = placed.report.turns
    assert turn.any_audio_ms == pytest.approx((1.2 - (turn.t0_s or 0)) * 1000, abs=1)


async def test_a_stumbling_agent_has_a_gap(clock: ManualClock) -> None:
    async def agent(line: Line) -> None:
        await started(line)
        await line.play(tone(400))
        await asyncio.sleep(0.6)
        await line.play(tone(400))
        await to_the_end(line)

    placed = await call_in_memory(Server(agent), clock)
    assert [round(gap.seconds, 3) for gap in placed.report.gaps] == [0.2]
    assert placed.report.faults() == ["the agent stumbled at 0.40 s for 200 ms"]


async def test_an_agent_that_stands_still_behind_a_mark_has_finished_and_before_it_has_a_gap(
    clock: ManualClock,
) -> None:
    async def agent(line: Line) -> None:
        await started(line)
        await line.play(tone(400))
        await line.mark("said")
        await asyncio.sleep(1.6)
        await line.play(tone(400))
        await asyncio.sleep(1.6)
        await line.play(tone(400))
        await to_the_end(line)

    placed = await call_in_memory(Server(agent), clock, [StaySilent(8.0)])
    assert [round(gap.seconds, 3) for gap in placed.report.gaps] == [1.2]


async def test_the_server_hangs_up_and_its_action_decides(clock: ManualClock) -> None:
    async def agent(line: Line) -> None:
        await started(line)
        await line.play(tone(100))
        await asyncio.sleep(0.2)
        await line.close()

    documents = {"/voice": [CONNECT], "/after": ["<Response><Say>Goodbye.</Say><Hangup/></Response>"]}
    server = Server(agent, documents)
    placed = await call_in_memory(server, clock, [HELLO])
    assert placed.report.ended == "server_hung_up"
    assert [path for path, _, _ in server.requests] == ["/voice", "/after"]
    assert placed.report.faults() == ["the call was over before the caller could take the last 1 step(s)"]
    assert "the carrier says: Goodbye." in [event.text for event in placed.events]


async def test_a_transfer_that_nobody_answers_comes_back_to_a_new_stream(clock: ManualClock) -> None:
    streams = []

    async def agent(line: Line) -> None:
        await started(line)
        streams.append(line.stream_sid)
        await line.play(tone(300))
        if len(streams) == 1:
            await asyncio.sleep(0.4)
            await line.close()
        else:
            await polite(answer_ms=200)(line)

    dial = '<Response><Dial timeout="20" action="/dialled">+14155550123</Dial></Response>'
    documents = {"/voice": [CONNECT], "/after": [dial, END], "/dialled": [CONNECT]}
    server = Server(agent, documents)
    plan = replace(PLAN, dial_outcome="no-answer")
    placed = await call_in_memory(server, clock, [HELLO], plan)
    paths = [path for path, _, _ in server.requests]
    assert paths == ["/voice", "/after", "/dialled", "/after"]
    assert server.requests[2][1]["DialCallStatus"] == "no-answer"
    assert [form["CallStatus"] for _, form, _ in server.requests] == [
        "ringing",
        "in-progress",
        "in-progress",
        "completed",
    ]
    assert len(set(streams)) == 2
    assert placed.report.turns[0].began_s > 20
    assert [line.of("start")[0]["sequenceNumber"] for line in server.lines] == ["1", "1"]


async def test_hanging_up_is_told_to_the_action_and_the_status_callback(clock: ManualClock) -> None:
    documents = {"/voice": [CONNECT], "/after": [END], "/status": [END]}
    server = Server(polite(), documents)
    await call_in_memory(server, clock, plan=replace(PLAN, status_callback=f"{URL}/status"))
    seen = [(path, form["CallStatus"]) for path, form, _ in server.requests]
    assert seen == [("/voice", "ringing"), ("/after", "completed"), ("/status", "completed")]
    assert server.requests[-1][1]["CallDuration"] == "1"


async def test_stream_status_callbacks_tell_the_beginning_and_the_end(clock: ManualClock) -> None:
    connect = CONNECT.replace('url="/stream"', 'url="/stream" name="n" statusCallback="/events"')
    server = Server(polite(), {"/voice": [connect], "/after": [END], "/events": [END]})
    await call_in_memory(server, clock)
    told = [form for path, form, _ in server.requests if path == "/events"]
    assert [form["StreamEvent"] for form in told] == ["stream-started", "stream-stopped"]
    assert {form["StreamSid"] for form in told} == {server.lines[0].stream_sid}


async def test_a_network_that_is_lost_says_no_stop_and_the_call_goes_on(clock: ManualClock) -> None:
    server = Server(polite())
    placed = await call_in_memory(server, clock, plan=replace(PLAN, faults=Faults(lose_at_ms=700)))
    assert server.lines[0].of("stop") == []
    assert placed.report.ended == "server_hung_up"
    assert [path for path, _, _ in server.requests] == ["/voice", "/after"]


async def test_a_server_that_does_not_read_is_cut_off(clock: ManualClock) -> None:
    async def agent(line: Line) -> None:
        await asyncio.sleep(600)

    plan = replace(PLAN, patience=Patience(greeting_s=600))
    placed = await call_in_memory(Server(agent), clock, plan=plan)
    assert placed.report.protocol_errors == [f"31921 the stream was closed with 1006: {NOT_READ}"]


async def test_everything_is_signed_for_the_public_address(clock: ManualClock) -> None:
    connect = CONNECT.replace('url="/stream"', 'url="wss://voice.example.com/stream"')
    server = Server(polite(), {"/voice": [connect], "/after": [END]})
    signer = Signer(Route(URL, "https://voice.example.com"), "secret", sign_sockets=True)
    placed = await call_in_memory(server, clock, plan=replace(PLAN, signer=signer))
    assert placed.report.faults() == []
    for path, form, headers in server.requests:
        expected = sign("secret", f"https://voice.example.com{path}", form.items())
        assert headers["x-twilio-signature"] == expected
        assert headers["host"] == "voice.example.com"
    (handshake,) = server.handshakes
    assert handshake["x-twilio-signature"] == sign("secret", "wss://voice.example.com/stream")


async def test_an_action_by_get_carries_its_fields_in_the_address(clock: ManualClock) -> None:
    connect = CONNECT.replace('action="/after"', 'action="/after?a=b" method="GET"')
    server = Server(polite(), {"/voice": [connect], "/after": [END]})
    await call_in_memory(server, clock)
    path, form, _ = server.requests[-1]
    assert (path, form["a"], form["CallStatus"]) == ("/after", "b", "completed")


async def test_nobody_to_call_is_no_call(clock: ManualClock) -> None:
    placed = await call_in_memory(Server(polite(), {"/other": [END]}), clock)
    assert placed.report.cannot_run == f"{URL}/voice answered HTTP 404"


async def test_a_refused_handshake_lets_the_document_go_on(clock: ManualClock) -> None:
    connect = CONNECT.replace("<Connect action", "<Connect ignored").replace(
        "</Connect>", "</Connect><Say>Sorry.</Say>"
    )
    server = Server(polite(), {"/voice": [connect]})
    server.refuse_streams = True
    placed = await call_in_memory(server, clock)
    assert placed.report.protocol_errors == [
        "31920 ws://127.0.0.1:8000/stream: the handshake was answered with HTTP 403"
    ]
    assert "the carrier says: Sorry." in [event.text for event in placed.events]


async def test_expectations_are_held_against_the_answer_before(clock: ManualClock) -> None:
    steps: list[Step] = [
        HELLO,
        Expect(within_ms=300),
        Expect(within_ms=100, contains="xyz", node="ask", place="s.yaml:3:1"),
    ]
    placed = await call_in_memory(Server(polite()), clock, steps)
    assert placed.report.faults() == [
        "turn 1: s.yaml:3:1: expected node 'ask', but it is unknown: no journal at hand tells of it",
        "turn 1: s.yaml:3:1: expected 'xyz' in None",
        "turn 1: s.yaml:3:1: expected an answer within 100 ms, it took 250 ms",
    ]


async def test_what_is_expected_first_is_expected_of_the_greeting(clock: ManualClock) -> None:
    placed = await call_in_memory(Server(polite(greeting_ms=0)), clock, [Expect(within_ms=1000), HELLO])
    assert placed.report.faults() == ["greeting: expected an answer within 1000 ms, it never came"]


async def test_the_recording_has_the_caller_left_and_the_agent_right(clock: ManualClock) -> None:
    placed = await call_in_memory(Server(polite()), clock, [HELLO])
    recording, (turn,) = placed.call.recording, placed.report.turns
    assert recording is not None
    t0 = turn.t0_s or 0.0
    assert recording.caller.between(turn.began_s, t0) == tone(60 * len("hello there"))
    onset = t0 + (turn.any_audio_ms or 0.0) / 1000
    assert recording.agent.between(onset, onset + 0.8) == tone(800)
    assert recording.agent.between(turn.began_s, onset).strip(b"\xff") == b""


async def test_a_noisy_line_does_not_change_what_is_measured(clock: ManualClock) -> None:
    plan = replace(PLAN, line=LineModel(noise_dbm0=-55.0, echo_db=-25.0))
    placed = await call_in_memory(Server(polite()), clock, [HELLO, Say("and again")], plan)
    assert [turn.any_audio_ms for turn in placed.report.turns] == pytest.approx([250, 250])


async def test_the_agent_is_heard_again_on_a_line_with_echo(clock: ManualClock) -> None:
    plan = replace(PLAN, line=LineModel(echo_db=-25.0, echo_ms=120.0))
    placed = await call_in_memory(Server(polite(greeting_ms=500)), clock, plan=plan)
    recording, began = placed.call.recording, (placed.report.greeting.any_audio_ms or 0.0) / 1000
    assert recording is not None
    assert rms(recording.caller.between(began, began + 0.1)) == 0
    echo = rms(recording.caller.between(began + 0.13, began + 0.6)) / rms(tone(500))
    assert echo == pytest.approx(10 ** (-25 / 20), rel=0.05)


async def test_what_is_still_on_its_way_arrives_before_the_stop(clock: ManualClock) -> None:
    server = Server(polite())
    await call_in_memory(server, clock, plan=replace(PLAN, faults=Faults(delay_ms=300)))
    (line,) = server.lines
    assert line.received[-1]["event"] == "stop"
    numbers = [int(message["sequenceNumber"]) for message in line.received[1:]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 40


async def test_an_answer_may_come_on_the_stream_after_a_long_transfer(clock: ManualClock) -> None:
    async def agent(line: Line) -> None:
        if len(server.lines) == 1:
            messages = line.messages()
            async for _ in ends_of_turns(messages, line):
                return await line.close()
        else:
            await started(line)
            await asyncio.sleep(1)
            await line.play(tone(300))
            await to_the_end(line)
        return None

    dial = '<Response><Dial timeout="20" action="/dialled">+14155550123</Dial></Response>'
    server = Server(agent, {"/voice": [CONNECT], "/after": [dial, END], "/dialled": [CONNECT]})
    plan = replace(PLAN, dial_outcome="no-answer")
    report = (await call_in_memory(server, clock, [HELLO], plan)).report
    assert report.turns[0].any_audio_ms == pytest.approx(21_000 + END_OF_TURN_MS, abs=30)
    assert report.faults() == []


async def test_the_agents_last_words_are_told_when_it_hangs_up_at_once(clock: ManualClock) -> None:
    async def agent(line: Line) -> None:
        await started(line)
        await line.play(tone(400))
        await asyncio.sleep(0.4)
        await line.close()

    placed = await call_in_memory(Server(agent), clock)
    assert [event.text for event in placed.events if event.who == "agent"] == ["(0.4 s)"]


async def test_an_agent_that_never_stops_is_not_listened_to_for_ever(clock: ManualClock) -> None:
    async def agent(line: Line) -> None:
        await started(line)
        while True:
            await line.play(tone(1000))
            await asyncio.sleep(1)

    plan = replace(PLAN, patience=Patience(monologue_s=10))
    report = (await call_in_memory(Server(agent), clock, [HELLO], plan)).report
    assert report.turns[0].began_s == pytest.approx(10, abs=0.05)
    assert report.seconds < 26


async def test_what_is_heard_is_told_and_kept_with_its_turn(clock: ManualClock) -> None:
    class Counting:
        async def hear(self, audio: bytes, language: str) -> str:
            await asyncio.sleep(0.05)
            return f"{round(len(audio) / 8)} ms"

    placed = await call_in_memory(Server(polite()), clock, [HELLO], hearing=Counting())
    assert placed.report.greeting.heard == "700 ms"
    assert placed.report.turns[0].heard == "1000 ms"
    assert [event.text for event in placed.events if event.who == "agent"] == [
        "700 ms  (0.5 s)",
        "1000 ms  (0.8 s)",
    ]
    assert placed.events[-1].text == "the caller hangs up"


async def test_what_happens_is_told_in_its_order(clock: ManualClock) -> None:
    class Slow:
        async def hear(self, audio: bytes, language: str) -> str:
            await asyncio.sleep(3 if len(audio) < 6000 else 0.1)
            return "words"

    acts: list[Step] = [HELLO, BargeIn(300, "stop"), Press("1"), StaySilent(1)]
    placed = await call_in_memory(Server(polite()), clock, acts, hearing=Slow())
    moments = [event.at_s for event in placed.events]
    assert moments == sorted(moments)
    assert [event.who for event in placed.events][:4] == ["call", "agent", "caller", "agent"]
