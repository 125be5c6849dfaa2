"""Flows are edited while calls go on."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.call.flow_store import FlowStore
from app.call.flow_watch import FlowWatch
from app.call.services import Speech
from app.clock import ManualClock, SystemClock
from app.errors import Refused
from app.flow import Flow, Library, build_library
from app.main import Relay
from app.orchestrator.preparing import Preparer
from app.orchestrator.speech_cache import SpeechCache
from app.simulator.asgi import AsgiCarriage
from app.simulator.faults import Faults
from app.simulator.steps import Press, StaySilent
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber, ScriptedVoiceDetector
from scripts.benches.server import until
from tests.call.relay import URL, RunningRelay, events, inline, running
from tests.call.services import flows_in
from tests.call.test_flow_reload import BROKEN, DESK, EDITED, SPOKEN, Directory
from tests.call.test_flow_store import write_wav
from tests.call.test_meaning import Similarity
from tests.simulator.calls import Placed

TOLD = {DESK: "We open at nine.", EDITED: "We open at half past eight."}
PUBLISHED_WITHIN_S = 2.5


# the watch


class Learner(Similarity):
    """Remembers what it was told, which is the last thing that is done with a version; `lessons` counts."""

    def __init__(self) -> None:
        super().__init__()
        self.known: list[str] = []
        self.lessons = 0

    async def prepare(self, sentences: Sequence[str]) -> None:
        self.known += sentences
        self.lessons += 1


async def soon(came_about: Callable[[], object], within_s: float = PUBLISHED_WITHIN_S) -> None:
    """Wait for what the watch brings about."""

    async def has_come() -> bool:
        return bool(came_about())

    await until(has_come, within_s, "it is published")


@asynccontextmanager
async def watching(
    store: FlowStore, cache: SpeechCache | None, learner: Learner, voice: ScriptedSynthesizer
) -> AsyncIterator[None]:
    speech = Speech(ScriptedVoiceDetector(), ScriptedTranscriber([]), voice, similarity=learner)
    watch = FlowWatch(store, speech, None if cache is None else Preparer(cache, voice), inline)
    await watch.begin()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(watch.run())
        await soon(lambda: learner.lessons)
        yield
        running.cancel()


async def test_new_words_are_spoken_and_learned_after_publication(tmp_path: Path) -> None:
    flows, learner, voice = Directory(tmp_path, desk=DESK), Learner(), ScriptedSynthesizer()
    cache = SpeechCache(100)
    async with watching(flows.store, cache, learner, voice):
        rendered = len(voice.spoken)
        assert "once more please" in learner.known
        flows.save("desk", EDITED.replace("once more please", "say that again please"))
        await soon(lambda: learner.lessons == 2)
    assert list(voice.spoken)[rendered:] == [TOLD[EDITED]]
    assert (TOLD[EDITED], voice.default_voice) in cache
    assert "say that again please" in learner.known


async def test_nothing_is_spoken_ahead_where_nothing_is_kept(tmp_path: Path) -> None:
    flows, learner, voice = Directory(tmp_path, desk=DESK), Learner(), ScriptedSynthesizer()
    async with watching(flows.store, None, learner, voice):
        flows.save("desk", EDITED.replace("once more please", "say that again please"))
        await soon(lambda: learner.lessons == 2)
    assert "say that again please" in learner.known
    assert list(voice.spoken) == []


async def test_a_newer_edit_does_not_wait_until_an_older_one_is_spoken(tmp_path: Path) -> None:
    flows, learner, voice = Directory(tmp_path, desk=DESK), Learner(), ScriptedSynthesizer()
    cache = SpeechCache(100)
    async with watching(flows.store, cache, learner, voice):
        voice.first_ms = 9_000
        flows.save("desk", DESK.replace("nine", "ten"))
        await soon(lambda: "We open at ten." in voice.spoken)
        flows.save("desk", EDITED)
        await soon(lambda: TOLD[EDITED] in voice.spoken)
        await soon(lambda: learner.lessons == 2, 11)
    assert TOLD[EDITED] in cache.texts
    assert "We open at ten." not in cache.texts


async def test_words_that_cannot_be_spoken_hold_up_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flows, learner, voice = Directory(tmp_path, desk=DESK), Learner(), ScriptedSynthesizer()
    async with watching(flows.store, SpeechCache(100), learner, voice):
        voice.fail = Refused("quota")
        flows.save("desk", EDITED)
        await soon(lambda: learner.lessons == 2)
        voice.fail = None
        flows.save("desk", DESK + "# once more\n")
        await soon(lambda: learner.lessons == 3)
    assert "flow desk: fixed words could not be rendered: quota" in caplog.text


async def test_words_that_could_not_be_spoken_are_tried_again_in_seconds(tmp_path: Path) -> None:
    flows, voice, cache = Directory(tmp_path, desk=DESK), ScriptedSynthesizer(), SpeechCache(100)
    voice.fail = Refused("quota")
    async with watching(flows.store, cache, Learner(), voice):
        await asyncio.sleep(8)
        tried = len(voice.spoken)
        voice.fail = None
        await asyncio.sleep(8)
        assert (TOLD[DESK], voice.default_voice) in cache
        assert ("One moment.", voice.default_voice) in cache
        spoken = len(voice.spoken)
        await asyncio.sleep(1000)
        assert len(voice.spoken) == spoken
    assert list(voice.spoken).count(TOLD[DESK]) <= 4
    assert tried < spoken


async def test_a_defect_in_publishing_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    flows = Directory(tmp_path, desk=DESK)
    good = flows.published("desk")

    def broken(*given: object) -> None:
        raise ZeroDivisionError("planted")

    async with watching(flows.store, None, Learner(), ScriptedSynthesizer()):
        with monkeypatch.context() as patch:
            patch.setattr("app.call.flow_store.build_library", broken)
            flows.save("desk", EDITED)
            await soon(lambda: "by a defect: ZeroDivisionError" in caplog.text)
            await asyncio.sleep(10)  # and not again
        assert caplog.text.count("by a defect: ZeroDivisionError") == 1
        assert flows.published("desk") is good
        flows.save("desk", EDITED + "# once more\n")
        await soon(lambda: flows.published("desk") is not good)


@pytest.mark.real_time
async def test_publishing_does_not_hold_up_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(flows_in(tmp_path, DESK), data_dir=tmp_path)
    speech = Speech(ScriptedVoiceDetector(), ScriptedTranscriber([]), ScriptedSynthesizer())
    relay = Relay(settings, SystemClock(), speech, {})
    begun, may_end = threading.Event(), threading.Event()

    def slow(*given: Any) -> Library:
        begun.set()
        assert may_end.wait(5)
        return build_library(*given)

    async def has_begun() -> bool:
        return begun.is_set()

    monkeypatch.setattr("app.call.flow_store.build_library", slow)
    async with AsgiCarriage(relay.app):
        (settings.flows_dir / "desk.yaml").write_text(EDITED, "utf-8")
        await until(has_begun, 4, "the edit is being compiled")
        may_end.set()


# the whole application


@asynccontextmanager
async def desk(clock: ManualClock, path: Path, text: str = DESK) -> AsyncIterator[RunningRelay]:
    settings = flows_in(path, text)
    async with running(clock, path, [], settings=settings) as relay:
        yield relay


def save(relay: RunningRelay, text: str) -> None:
    (relay.data_dir / "flows" / "desk.yaml").write_text(text, "utf-8")


async def health(relay: RunningRelay) -> dict[str, Any]:
    response = await relay.carriage.request("GET", f"{URL}/health", (), {})
    found: dict[str, Any] = json.loads(response.body)
    return found


async def desk_becomes(relay: RunningRelay, which: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Wait for what /health tells of the flow; returns all that it tells then."""

    async def has_become() -> bool:
        return bool(which((await health(relay))["flows"]["desk"]))

    await until(has_become, PUBLISHED_WITHIN_S, "it is published")
    return await health(relay)


async def during(relay: RunningRelay, after_s: float, change: Callable[[], None], **plan: Any) -> Placed:
    """A call of ten silent seconds and a key, and a change while it goes on."""
    async with asyncio.TaskGroup() as group:
        call = group.create_task(relay.call("desk", [StaySilent(10), Press("1")], **plan))
        await asyncio.sleep(after_s)
        change()
    return call.result()


def told(relay: RunningRelay, placed: Placed) -> tuple[str, str]:
    """The version that a call began with, and the last that it was told."""
    journal = relay.journal(placed)
    return events(journal, "call_started")[0]["version"], events(journal, "heard")[-1]["text"]


async def test_a_call_keeps_its_version_and_the_next_gets_the_new_one(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with desk(clock, tmp_path) as relay:
        old = (await health(relay))["flows"]["desk"]["version"]
        first = await during(relay, 3, lambda: save(relay, EDITED))
        new = (await health(relay))["flows"]["desk"]
        second = await relay.call("desk", [Press("1")])
    assert told(relay, first) == (old, TOLD[DESK])
    assert told(relay, second) == (new["version"], TOLD[EDITED])
    assert old != new["version"]
    assert new["error"] is None


async def test_a_broken_edit_during_a_call_is_seen_on_health_until_it_is_mended(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with desk(clock, tmp_path) as relay:
        first = await during(relay, 3, lambda: save(relay, BROKEN))
        broken = await health(relay)
        second = await relay.call("desk", [Press("1")])
        save(relay, DESK)
        mended = await desk_becomes(relay, lambda flow: not flow["error"])
    assert told(relay, first) == told(relay, second)
    assert "desk.yaml:12:41 unknown node" in broken["flows"]["desk"]["error"]
    assert (broken["status"], mended["status"]) == ("degraded", "healthy")
    assert mended["flows"]["desk"] == {"version": told(relay, first)[0], "error": None}


async def test_a_call_whose_line_was_lost_comes_back_to_its_version(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with desk(clock, tmp_path) as relay:
        lost = Faults(lose_at_ms=6000)
        placed = await during(relay, 2, lambda: save(relay, EDITED), faults=lost)
    journal = relay.journal(placed)
    assert "connection lost" in [event["reason"] for event in events(journal, "stream_ended")]
    assert told(relay, placed)[1] == TOLD[DESK]


TRANSFERRING = DESK.replace(
    "  told: {", "  dialling: {transfer: '+15550123', no_answer: told}\n  told: {"
).replace("goto: told", "goto: dialling")


async def test_a_call_that_comes_back_from_a_transfer_has_its_version(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with desk(clock, tmp_path, TRANSFERRING) as relay:
        edited = TRANSFERRING.replace("at nine", "at ten")
        placed = await during(relay, 3, lambda: save(relay, edited), dial_outcome="no-answer")
    assert len(events(relay.journal(placed), "transferred")) == 1
    assert told(relay, placed)[1] == TOLD[DESK]


async def test_a_call_plays_the_recordings_that_it_began_with(clock: ManualClock, tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    audio = tmp_path / "flows" / "nine.wav"
    write_wav(audio, 0.5, 9000)
    async with desk(clock, tmp_path, SPOKEN) as relay:
        first = await during(relay, 3, lambda: write_wav(audio, 3.0, 9000))
        second = await relay.call("desk", [StaySilent(10), Press("1")])
    assert second.report.seconds - first.report.seconds == pytest.approx(2.5, abs=0.2)
    assert told(relay, first)[0] != told(relay, second)[0]


def versions_in_memory() -> set[str]:
    return {one.version for one in gc.get_objects() if isinstance(one, Flow) and one.name == "desk"}


async def test_a_version_goes_when_its_last_call_ends(clock: ManualClock, tmp_path: Path) -> None:
    gc.collect()
    async with desk(clock, tmp_path) as relay:
        old = (await health(relay))["flows"]["desk"]["version"]
        async with asyncio.TaskGroup() as group:
            group.create_task(relay.call("desk", [StaySilent(10), Press("1")]))
            await asyncio.sleep(3)
            save(relay, EDITED)
            await desk_becomes(relay, lambda flow: flow["version"] != old)
            assert old in versions_in_memory()
        new = (await health(relay))["flows"]["desk"]["version"]
        gc.collect()
        assert versions_in_memory() == {new}


async def test_a_default_flow_that_goes_takes_calls_on(clock: ManualClock, tmp_path: Path) -> None:
    async with desk(clock, tmp_path) as relay:
        (tmp_path / "flows" / "desk.yaml").unlink()
        report = (await desk_becomes(relay, lambda flow: flow["error"]))["flows"]["desk"]
        placed = await relay.call("desk", [Press("1")])
    assert "goes on" in report["error"]
    assert told(relay, placed) == (report["version"], TOLD[DESK])
