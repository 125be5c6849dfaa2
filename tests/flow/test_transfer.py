"""Warm transfers: who answers hears a summary first."""

from __future__ import annotations

import pytest

from app.flow import load
from app.flow.effects import Transfer
from tests.flow.caller import Caller
from tests.flow.test_loading import faults

FLOW = """\
flow: warm
format: 1
languages: [en, es]
start: who
slots: {name: {type: text}, pin: {type: digits, sensitive: true}}
nodes:
  who: {collect: name, ask: Who?, next: desk}
  desk: {transfer: "+15550123", warm: true, summary: "{{ name }} is calling.", no_answer: who}
"""


def transfer(text: str, language: str = "en") -> Transfer:
    last = Caller(load(text, "warm.yaml"), language=language).say("Ana").last
    assert isinstance(last, Transfer)
    return last


def test_the_summary_is_for_who_answers() -> None:
    whisper = transfer(FLOW).whisper
    assert whisper
    assert (whisper.text, whisper.key, whisper.language) == ("Ana is calling.", "desk.summary", "en")
    assert Caller(load(FLOW, "warm.yaml")).say("Ana").heard == ""


def test_without_one_they_hear_who_calls() -> None:
    text = FLOW.replace('summary: "{{ name }} is calling.", ', "")
    whisper = transfer(text, "es").whisper
    assert whisper
    assert whisper.text.startswith("Una llamada del mas uno")
    assert transfer(text.replace("warm: true, ", "")).whisper is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("warm: true, ", "", "nobody hears the summary"),
        ("{{ name }} is", "{{ pin }} is", '"pin" is sensitive'),
    ],
)
def test_fault(old: str, new: str, message: str) -> None:
    found = faults(FLOW.replace(old, new))
    assert any(message in fault.message for fault in found), "\n".join(map(str, found))
