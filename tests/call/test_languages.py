"""A caller who changes language in mid-call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from app.call.hearing import Hearing
from app.clock import ManualClock
from app.errors import TimedOut
from app.settings import Settings
from app.simulator.steps import Say
from app.simulator.webhook import CallIdentity
from providers.base import Hypothesis
from providers.scripted import Heard, ScriptedTranscriber, ScriptedTranscriptionStream
from tests.call.relay import FLOWS, events, running

ENGLISH = Heard("good morning to you", language="en")
SPANISH = Heard("quiero una cita para mañana", language="es")
FRENCH = Heard("je voudrais un rendez-vous", language="fr")
CALLER = [Say("good morning"), Say("quiero una cita"), Say("je voudrais")]


def once(*heard: Heard):  # type: ignore[no-untyped-def]
    """One utterance after the other, whichever stream hears it."""
    left = iter(heard)
    return lambda _: next(left)


async def test_a_call_follows_its_caller_from_english_to_spanish_to_french(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with running(clock, tmp_path, once(ENGLISH, SPANISH, FRENCH)) as relay:
        placed = await relay.call("echo", CALLER)
    journal = relay.journal(placed)
    texts = [heard.text for heard in (ENGLISH, SPANISH, FRENCH)]
    assert placed.report.faults() == []
    assert [event["text"] for event in events(journal, "utterance")] == texts
    assert [event["text"] for event in events(journal, "said")][1:] == texts
    changes = [(event["left"], event["taken"]) for event in events(journal, "language")]
    assert changes == [("en", "es"), ("es", "fr")]
    assert relay.transcriber.opened == 3


async def test_words_tell_the_language_where_the_recogniser_does_not(
    clock: ManualClock, tmp_path: Path
) -> None:
    said = [Heard("quiero una cita"), Heard("mañana por la mañana")]
    async with running(clock, tmp_path, once(*said)) as relay:
        placed = await relay.call("echo", CALLER[:2])
    changes = [(event["left"], event["taken"]) for event in events(relay.journal(placed), "language")]
    assert changes == [("en", "es")]


async def test_a_call_stays_in_its_language_when_told_to(clock: ManualClock, tmp_path: Path) -> None:
    settings = Settings(flows_dir=FLOWS, default_flow="echo", language_detection=False)
    async with running(clock, tmp_path, once(ENGLISH, SPANISH), settings=settings) as relay:
        placed = await relay.call("echo", CALLER[:2])
    assert events(relay.journal(placed), "language") == []


GERMAN = [Heard("ich möchte gern einen Termin"), Heard("am liebsten morgen Vormittag, bitte")]


async def test_a_caller_of_no_language_of_the_flow_is_told_so_once_and_the_fallback_goes_on(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with running(clock, tmp_path, once(*GERMAN, *GERMAN, ENGLISH)) as relay:
        placed = await relay.call("echo&language=es", [Say("…")] * 5)
    journal = relay.journal(placed)
    spoken = [event["text"] for event in events(journal, "said")]
    sorry = "Es tut mir leid, wir sprechen hier kein Deutsch."
    assert spoken.count(sorry) == 1
    assert spoken.index(sorry) == 2
    assert spoken[-1] == ENGLISH.text
    changes = [(event["left"], event["heard"], event["taken"]) for event in events(journal, "language")]
    assert changes[0] == ("es", "de", "en")


@pytest.mark.parametrize(
    ("number", "language"), [("+15550100", "en"), ("+33155500100", "fr"), ("+4955501000", "en")]
)
async def test_a_call_begins_in_the_language_of_its_callers_country(
    clock: ManualClock, tmp_path: Path, number: str, language: str
) -> None:
    async with running(clock, tmp_path, once()) as relay:
        placed = await relay.call("echo", identity=CallIdentity(from_number=number))
    assert events(relay.journal(placed), "call_started")[0]["language"] == language


@pytest.mark.parametrize("ends", ["finish", "discard"])
async def test_a_change_in_mid_utterance_loses_no_word_of_it(ends: str) -> None:
    transcriber = ScriptedTranscriber(["the first", "the second"])
    hearing = Hearing(transcriber, ["en", "es"])
    await hearing.switch("en")
    hearing.utterance_started()
    hearing.push(b"\xff" * 160)
    await hearing.switch("es")
    hearing.push(b"\xff" * 160)
    if ends == "discard":
        hearing.discard()
        hearing.utterance_started()
        assert (await hearing.finish()).text == "the second"
    else:
        assert (await hearing.finish()).text == "the first"
    hearing.utterance_started()
    assert (await hearing.finish()).language == "es"
    await hearing.aclose()
    await asyncio.sleep(0)
    assert [stream.closed for stream in transcriber._streams] == [True] * len(transcriber._streams)


class SlowToOpen(ScriptedTranscriber):
    """Takes two seconds to begin to listen."""

    async def open(
        self, language: str, *, on_partial: Callable[[Hypothesis], None], **others: Sequence[str]
    ) -> ScriptedTranscriptionStream:
        await asyncio.sleep(2.0)
        return await super().open(language, on_partial=on_partial)


async def test_the_greeting_does_not_wait_for_the_ear_and_no_word_is_lost(
    clock: ManualClock, tmp_path: Path
) -> None:
    transcriber = SlowToOpen(["good morning"])
    async with running(clock, tmp_path, [], transcriber=transcriber) as relay:
        placed = await relay.call("echo", [Say("good morning")])
    journal = relay.journal(placed)
    assert events(journal, "said")[0]["ms"] < 1000
    assert [event["text"] for event in events(journal, "utterance")] == ["good morning"]


async def test_what_is_said_before_the_ear_is_open_is_heard_then(clock: ManualClock) -> None:
    transcriber = SlowToOpen(["good morning"])
    hearing = Hearing(transcriber)
    async with asyncio.TaskGroup() as group:
        group.create_task(hearing.switch("en"))
        await asyncio.sleep(0.5)
        hearing.push(b"x" * 160)
        hearing.utterance_started()
        hearing.utterance_paused()
        assert (await hearing.finish()).text == "good morning"
    (stream,) = transcriber._streams
    assert stream.pushed_bytes == 160
    await hearing.aclose()


class SlowToClose(ScriptedTranscriptionStream):
    async def aclose(self) -> None:
        await asyncio.sleep(0.8)
        await super().aclose()


async def test_the_words_do_not_wait_for_the_last_languages_stream(clock: ManualClock) -> None:
    transcriber = ScriptedTranscriber(["good morning", "quiero una cita"], final_ms=300)
    hearing = Hearing(transcriber, ["en", "es"])
    await hearing.switch("en")
    hearing._open = SlowToClose(lambda number: "good morning", "en", hearing._partial, 300.0)
    hearing.utterance_started()
    await hearing.switch("es")
    began = clock.now()
    assert (await hearing.finish()).text == "good morning"
    assert clock.now() - began == pytest.approx(0.3)
    await hearing.aclose()


async def test_a_late_final_does_not_cut_the_next_utterance(clock: ManualClock) -> None:
    transcriber = ScriptedTranscriber(["one", "two"], final_ms=500)
    hearing = Hearing(transcriber, ["en", "es"])
    await hearing.switch("en")
    hearing.utterance_started()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(hearing.finish())
        await asyncio.sleep(0.1)
        hearing.utterance_started()
    assert first.result().text == "one"
    await hearing.switch("es")
    assert (await hearing.finish()).text == "two"
    await hearing.aclose()


async def test_words_that_were_taken_for_want_of_final_ones_are_not_taken_again(clock: ManualClock) -> None:
    lost, failures = TimedOut("down"), list[str]()
    script = [Heard("on monday", ((300, "on monday"),), error=lost), Heard("for two", error=lost)]
    hearing = Hearing(ScriptedTranscriber(script))
    await hearing.switch("en")
    hearing.utterance_started()
    await asyncio.sleep(0.4)
    words = [await hearing.final_words(lambda what, error: failures.append(what))]
    hearing._partial(Hypothesis("on monday please", "en", False, 500.0))  # later than it was waited for
    hearing.utterance_started()
    words.append(await hearing.final_words(lambda what, error: failures.append(what)))
    assert [one.text for one in words] == ["on monday", ""]
    assert len(failures) == 2
    await hearing.aclose()
