"""Files of flows change, come and go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.audio import g711
from app.call.flow_store import FlowStore, PublishedFlow
from tests.call.test_flow_store import write_wav

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


def test_a_flow_that_goes_on_keeps_its_numbers(tmp_path: Path) -> None:
    numbered = DESK.replace("start:", 'numbers: ["+15550111"]\nstart:')
    flows = Directory(tmp_path, desk=numbered, shop=numbered.replace("flow: desk", "flow: shop"))
    flows.store.require("desk")
    (tmp_path / "desk.yaml").unlink()
    assert not flows.looked_twice()
    assert flows.store.name_for("+15550111") == "desk"


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
