"""Flows are edited while the server runs."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.audio import g711
from app.call.flow_store import FlowStore, PublishedFlow
from app.call.flow_watch import FlowWatch
from app.call.services import Speech
from app.clock import ManualClock
from app.errors import Refused
from app.flow import Flow
from app.orchestrator.speech_cache import SpeechCache
from app.simulator.faults import Faults
from app.simulator.steps import Press, StaySilent
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber, ScriptedVoiceDetector
from tests.call.relay import URL, RunningRelay, events, inline, running
from tests.call.services import flows_in
from tests.call.test_flow_store import write_wav
from tests.call.test_meaning import Similarity
from tests.simulator.calls import Placed

DESK = """\
flow: desk
format: 1
languages: [en]
start: ask
intents:
  repeat: {phrases: [again], examples: [once more please]}
  hours: {phrases: [hours]}
nodes:
  ask:
    menu: Do you want our hours?
    choices:
      - {intent: hours, press: 1, goto: told}
      - {intent: repeat, press: 2, goto: ask}
  told: {say: We open at nine., hangup: true}
"""
EDITED = DESK.replace("at nine", "at half past eight")
BROKEN = DESK.replace("goto: told", "goto: nowhere")
TOLD = {DESK: "We open at nine.", EDITED: "We open at half past eight."}
PUBLISHED_WITHIN_S = 2.5


class Directory:
    """A folder of flows, and the store that looks at it."""

    def __init__(self, path: Path, **files: str) -> None:
        self.path = path
        for name, text in files.items():
            self.save(name, text)
        self.store = FlowStore(path, {})

    def save(self, name: str, text: str) -> None:
        (self.path / f"{name.replace('_', '.')}.yaml").write_text(text, "utf-8")

    def looked_twice(self) -> bool:
        """Whether one of two looks found something new to publish."""
        return any([self.store.refresh(), self.store.refresh()])

    def published(self, name: str) -> PublishedFlow:
        found = self.store.get(name)
        assert found
        return found

    def report(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.store.report()[name]
        return found


# the store


def test_nothing_is_published_while_nothing_changes(tmp_path: Path) -> None:
    flows = Directory(tmp_path, desk=DESK)
    before = flows.published("desk")
    assert not flows.looked_twice()
    flows.save("desk_test", "flow: desk")
    flows.save("desk", f"{DESK}")
    assert not flows.looked_twice()
    assert flows.published("desk") is before


def test_an_edit_is_published_once_it_rests(tmp_path: Path) -> None:
    flows = Directory(tmp_path, desk=DESK)
    before = flows.report("desk")
    flows.save("desk", EDITED[:-40])
    assert not flows.store.refresh()
    flows.save("desk", EDITED)
    assert not flows.store.refresh()
    assert flows.report("desk") == before
    assert flows.store.refresh()
    assert flows.report("desk")["version"] != before["version"]
    assert not flows.looked_twice()


def test_flows_come_and_go(tmp_path: Path) -> None:
    flows = Directory(tmp_path, desk=DESK)
    flows.save("shop", DESK.replace("flow: desk", 'flow: shop\nnumbers: ["+15550111"]'))
    assert flows.looked_twice()
    assert flows.store.names == ["desk", "shop"]
    assert flows.store.name_for("+15550111") == "shop"
    (tmp_path / "shop.yaml").unlink()
    assert not flows.looked_twice()
    assert flows.store.names == ["desk"]
    assert flows.store.name_for("+15550111") is None
    assert "shop" not in flows.store.report()


def test_a_broken_edit_changes_nothing_and_says_where(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flows = Directory(tmp_path, desk=DESK)
    good, place = flows.published("desk"), f"{tmp_path}/desk.yaml:12:41"
    flows.save("desk", BROKEN)
    assert not flows.looked_twice()
    assert flows.published("desk") is good
    assert flows.report("desk") == {"version": good.flow.version, "error": flows.store.faults["desk"]}
    assert flows.store.faults["desk"].startswith(place)
    assert caplog.text.count(place) == 1
    assert f"version {good.flow.version} goes on" in caplog.text
    flows.save("desk", BROKEN.replace("ask:", "asked:"))
    assert not flows.looked_twice()
    assert flows.published("desk") is good
    flows.save("desk", EDITED)
    assert flows.looked_twice()
    assert flows.report("desk")["error"] is None


def test_a_fault_that_stays_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    flows = Directory(tmp_path, desk=DESK)
    flows.save("desk", BROKEN)
    flows.looked_twice()
    flows.save("shop", DESK.replace("flow: desk", "flow: shop"))
    assert flows.looked_twice()
    assert caplog.text.count("desk.yaml:12:41") == 1


def test_what_was_broken_from_the_start_is_published_when_it_is_mended(tmp_path: Path) -> None:
    flows = Directory(tmp_path, desk=BROKEN)
    assert flows.report("desk")["version"] is None
    flows.save("desk", DESK)
    assert flows.looked_twice()
    assert flows.report("desk")["error"] is None


@pytest.mark.parametrize("text", [None, BROKEN, DESK.replace("start:", "outcomes: [done]\nstart:")])
def test_the_default_flow_goes_on_in_its_last_good_version(tmp_path: Path, text: str | None) -> None:
    flows = Directory(tmp_path, desk=DESK, shop=DESK.replace("flow: desk", "flow: shop"))
    flows.store.require("desk")
    good = flows.published("desk")
    if text:
        flows.save("desk", text)
    else:
        (tmp_path / "desk.yaml").unlink()
    assert not flows.looked_twice()
    assert flows.published("desk") is good
    assert "desk.yaml:" in flows.report("desk")["error"]
    flows.save("desk", DESK)
    assert not flows.looked_twice()
    assert flows.report("desk") == {"version": good.flow.version, "error": None}


def test_a_directory_that_is_lost_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    flows = Directory(folder, desk=DESK, shop=DESK.replace("flow: desk", "flow: shop"))
    folder.rename(tmp_path / "elsewhere")
    assert not flows.looked_twice()
    assert flows.store.names == ["desk", "shop"]
    assert "shop.yaml" in flows.report("shop")["error"]
    (tmp_path / "elsewhere").rename(folder)
    assert not flows.looked_twice()
    assert flows.store.faults == {}


OVERLAY = """\
flow: desk
language: es
prompts:
  ask.menu: ¿Quiere saber el horario?
  told.say: Abrimos a las {}.
intents:
  hours: {{phrases: [horario]}}
  repeat: {{phrases: [otra vez]}}
"""
HELPFUL = """\
flow: desk
format: 1
languages: [en]
start: help
nodes:
  help:
    llm: Help the caller.
    facts: facts/prices.md
    outcomes: {done: bye}
    failed: bye
  bye: {say: Goodbye., hangup: true}
"""
CALLING = """\
flow: desk
format: 1
languages: [en]
start: inner
nodes:
  inner: {call: polite, outcomes: {done: bye}, failed: bye}
  bye: {say: Goodbye., hangup: true}
"""
POLITE = """\
flow: polite
format: 1
languages: [en]
outcomes: [done]
start: greet
nodes:
  greet: {say: Good day., outcome: done}
"""


def test_a_translation_is_part_of_the_version(tmp_path: Path) -> None:
    spanish = DESK.replace("[en]", "[en, es]")
    flows = Directory(tmp_path, desk=spanish, desk_es=OVERLAY.format("nueve"))
    assert flows.store.faults == {}
    before = flows.published("desk")
    flows.save("desk_es", OVERLAY.format("ocho y media"))
    assert flows.looked_twice()
    assert flows.published("desk").flow.version != before.flow.version
    flows.save("desk_es", OVERLAY.format("diez") + "  - what\n")
    assert not flows.looked_twice()
    assert "desk.es.yaml:9:" in flows.report("desk")["error"]


def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    flows = Directory(tmp_path, desk=DESK.replace("[en]", "[en, es]"), desk_es=OVERLAY.format("nueve"))
    good, spanish = flows.published("desk"), tmp_path / "desk.es.yaml"
    spanish.unlink()
    spanish.symlink_to(spanish)
    assert not flows.looked_twice()
    assert flows.published("desk") is good
    assert "desk.es.yaml:1:1 the file cannot be read" in flows.report("desk")["error"]
    spanish.unlink()
    assert flows.looked_twice()
    assert flows.report("desk")["error"] is None
    flows.save("desk_es", OVERLAY.format("nueve"))
    assert flows.looked_twice()
    assert flows.report("desk") == {"version": good.flow.version, "error": None}


@pytest.mark.parametrize("kind", ["md", "txt"])
def test_facts_are_part_of_the_version(tmp_path: Path, kind: str) -> None:
    facts = tmp_path / "facts" / f"prices.{kind}"
    facts.parent.mkdir()
    facts.write_text("A visit costs ten dollars.")
    flows = Directory(tmp_path, desk=HELPFUL.replace(".md", f".{kind}"))
    assert flows.store.faults == {}
    before = flows.published("desk")
    facts.write_text("A visit costs twelve dollars.")
    assert flows.looked_twice()
    edited = flows.published("desk")
    assert edited.flow.version != before.flow.version
    facts.unlink()
    assert not flows.looked_twice()
    assert flows.published("desk") is edited
    assert f"facts/prices.{kind}" in flows.report("desk")["error"]


def test_a_subflow_is_part_of_the_version_of_its_callers(tmp_path: Path) -> None:
    flows = Directory(tmp_path, desk=CALLING, polite=POLITE)
    before = flows.published("desk")
    flows.save("polite", POLITE.replace("Good day.", "Good morning."))
    assert flows.looked_twice()
    edited = flows.published("desk")
    assert edited.flow.version != before.flow.version
    flows.save("polite", POLITE.replace("outcome: done", "outcome: doen"))
    assert not flows.looked_twice()
    assert flows.published("desk") is edited
    assert "polite.yaml:7:" in flows.report("polite")["error"]
    assert "desk.yaml:6:" in flows.report("desk")["error"]


SPOKEN = DESK.replace("say: We open at nine.", "say: {audio: nine.wav, text: We open at nine.}")


def test_recordings_are_part_of_the_version(tmp_path: Path) -> None:
    write_wav(tmp_path / "nine.wav", 0.5, 9000)
    flows = Directory(tmp_path, desk=SPOKEN)
    before = flows.published("desk")
    write_wav(tmp_path / "nine.wav", 1.0, 9000)
    assert flows.looked_twice()
    edited = flows.published("desk")
    lengths = [g711.duration_ms(one.recordings["nine.wav"]) for one in (before, edited)]
    assert lengths == [500, 1000]
    assert edited.flow.version != before.flow.version


def test_a_recording_that_goes_changes_nothing_and_is_told(tmp_path: Path) -> None:
    write_wav(tmp_path / "nine.wav", 0.5, 9000)
    flows = Directory(tmp_path, desk=SPOKEN)
    good = flows.published("desk")
    (tmp_path / "nine.wav").rename(tmp_path / "away.wav")
    assert not flows.looked_twice()
    assert flows.published("desk") is good
    assert 'desk.yaml:14:23 there is no audio file "nine.wav"' in flows.report("desk")["error"]
    flows.save("desk", SPOKEN.replace("start: ask", "start: asked"))
    assert not flows.looked_twice()
    assert flows.published("desk") is good
    flows.save("desk", SPOKEN)
    (tmp_path / "away.wav").rename(tmp_path / "nine.wav")
    assert not flows.looked_twice()
    assert flows.report("desk") == {"version": good.flow.version, "error": None}


# the watch


class Learner(Similarity):
    """Remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.known: list[str] = []

    async def prepare(self, sentences: Sequence[str]) -> None:
        self.known += sentences


@asynccontextmanager
async def watching(
    store: FlowStore, cache: SpeechCache | None, learner: Learner, voice: ScriptedSynthesizer
) -> AsyncIterator[None]:
    speech = Speech(ScriptedVoiceDetector(), ScriptedTranscriber([]), voice, similarity=learner)
    watch = FlowWatch(store, speech, cache, inline)
    await watch.render()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(watch.run())
        await asyncio.sleep(0.1)
        yield
        running.cancel()


async def test_new_words_are_spoken_and_learned_after_publication(tmp_path: Path) -> None:
    flows, learner, voice = Directory(tmp_path, desk=DESK), Learner(), ScriptedSynthesizer()
    cache = SpeechCache(100)
    async with watching(flows.store, cache, learner, voice):
        rendered = len(voice.spoken)
        assert "once more please" in learner.known
        flows.save("desk", EDITED.replace("once more please", "say that again please"))
        await asyncio.sleep(PUBLISHED_WITHIN_S)
    assert list(voice.spoken)[rendered:] == [TOLD[EDITED]]
    assert (TOLD[EDITED], voice.default_voice) in cache
    assert "say that again please" in learner.known


async def test_nothing_is_spoken_ahead_where_nothing_is_kept(tmp_path: Path) -> None:
    flows, learner, voice = Directory(tmp_path, desk=DESK), Learner(), ScriptedSynthesizer()
    async with watching(flows.store, None, learner, voice):
        flows.save("desk", EDITED.replace("once more please", "say that again please"))
        await asyncio.sleep(PUBLISHED_WITHIN_S)
    assert "say that again please" in learner.known
    assert list(voice.spoken) == []


async def test_a_newer_edit_does_not_wait_until_an_older_one_is_spoken(tmp_path: Path) -> None:
    flows, voice = Directory(tmp_path, desk=DESK), ScriptedSynthesizer()
    cache = SpeechCache(100)
    async with watching(flows.store, cache, Learner(), voice):
        voice.first_ms = 60_000
        flows.save("desk", DESK.replace("nine", "half past seven"))
        await asyncio.sleep(PUBLISHED_WITHIN_S)
        flows.save("desk", EDITED)
        await asyncio.sleep(PUBLISHED_WITHIN_S)
        await asyncio.sleep(61)
    assert TOLD[EDITED] in cache.texts
    assert "We open at half past seven." not in cache.texts


async def test_words_that_cannot_be_spoken_hold_up_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flows, voice = Directory(tmp_path, desk=DESK), ScriptedSynthesizer()
    async with watching(flows.store, SpeechCache(100), Learner(), voice):
        voice.fail = Refused("quota")
        flows.save("desk", EDITED)
        await asyncio.sleep(PUBLISHED_WITHIN_S)
        voice.fail = None
        flows.save("desk", DESK + "# once more\n")
        await asyncio.sleep(PUBLISHED_WITHIN_S)
    assert "flow desk: fixed words could not be rendered: quota" in caplog.text


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
            await asyncio.sleep(10)
        assert caplog.text.count("by a defect: ZeroDivisionError") == 1
        assert flows.published("desk") is good
        flows.save("desk", EDITED + "# once more\n")
        await asyncio.sleep(PUBLISHED_WITHIN_S)
    assert flows.published("desk") is not good


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
        await asyncio.sleep(PUBLISHED_WITHIN_S)
        mended = await health(relay)
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
            await asyncio.sleep(PUBLISHED_WITHIN_S)
            assert old in versions_in_memory()
        new = (await health(relay))["flows"]["desk"]["version"]
        gc.collect()
        assert versions_in_memory() == {new}


async def test_a_default_flow_that_goes_takes_calls_on(clock: ManualClock, tmp_path: Path) -> None:
    async with desk(clock, tmp_path) as relay:
        (tmp_path / "flows" / "desk.yaml").unlink()
        await asyncio.sleep(PUBLISHED_WITHIN_S)
        report = (await health(relay))["flows"]["desk"]
        placed = await relay.call("desk", [Press("1")])
    assert "goes on" in report["error"]
    assert told(relay, placed) == (report["version"], TOLD[DESK])
