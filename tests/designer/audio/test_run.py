"""Tests of flows, aloud: what is understood is held against the same expectations as text is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.call.services import Speech
from app.cli import cli
from app.designer.audio.run import run_aloud
from app.flow import load
from app.flow.rehearsal.run import Result
from app.flow.rehearsal.script import read_script
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber, ScriptedVoiceDetector
from tests.flow.conftest import FLOWS
from tests.flow.shop import CODE, LOOK, SLOTS, as_steps

FLOW = (
    """\
flow: shop
format: 1
languages: [en]
start: look
"""
    + SLOTS
    + """\
intents:
  buy:    {phrases: ["buy [one]"]}
  advice: {phrases: [advice]}
  agent:  {phrases: [a person]}
globals:
  agent: {press: 0, goto: person}
nodes:
"""
    + LOOK
    + """\
  menu:
    menu: We have {{ stock }} left. Do you want to buy one, or advice?
    again: To buy, press 1. For advice, press 2.
    choices:
      - {intent: buy, press: 1, goto: code}
      - {intent: advice, press: 2, goto: advice}
"""
    + CODE
    + """\
    next: order
  order:
    http: POST https://example.com/orders
    body: {stock: "{{ stock }}"}
    ok: goodbye
    failed: person
  advice:
    llm: Answer in one sentence.
    opening: Gladly.
    outcomes: {answered: goodbye}
    failed: person
  person:
    transfer: "+15550100"
    say: I'll get somebody.
    no_answer: message
  message:
    record: Speak after the tone.
    next: goodbye
  goodbye:
    hangup: Goodbye.
"""
)
HEAD = """\
flow: shop
now: 2026-11-13T10:00:00-05:00
mocks:
  look:   {json: {stock: 3}, delay: 2s}
  order:  {status: 201}
  advice: {says: Oil it., outcome: answered}
tests:
  - name: one
"""


def aloud(tmp_path: Path, steps: str, *heard: str, more: str = "") -> Result:
    """Play one test to a recogniser that hears just that."""
    path = tmp_path / "shop.yaml"
    path.write_text(FLOW, "utf-8")
    script = read_script(f"{HEAD}{more}{as_steps(steps)}", "shop.test.yaml")
    (result,) = run_aloud(path, load(FLOW, str(path)), script.tests, hearing(heard))
    return result


def hearing(words: Sequence[str]) -> Speech:
    transcriber = ScriptedTranscriber(lambda number: words[number] if number < len(words) else "")
    return Speech(ScriptedVoiceDetector(), transcriber, ScriptedSynthesizer())


def failures(result: Result) -> list[str]:
    return [str(one) for one in result.failures]


def test_what_is_heard_counts_and_not_what_was_said(tmp_path: Path) -> None:
    steps = """
        bot: {node: look, contains: Let me look}
        bot: {node: menu, contains: We have 3 left}
        caller: can I buy one
        bot: {node: code, contains: Which code, slots: {stock: 3}}
    """
    held = aloud(tmp_path, steps, "Buy one.")
    assert failures(held) == []
    assert [(one.said, one.heard) for one in held.heard] == [("can I buy one", ("Buy one.",))]
    misheard = aloud(tmp_path, steps, "Bye-bye, son.")
    assert misheard.failures[0].place.line == 13
    assert 'the call is at "menu", not at "code"' in misheard.failures[0].message


def test_keys_silence_and_services(tmp_path: Path) -> None:
    steps = """
        silence: 1
        bot: {node: menu, contains: press 1}
        dtmf: "1"
        dtmf: "4711"
        bot: {node: goodbye, contains: Goodbye}
        expect: {ended: true, events: [no_input], http: {look: 1, order: 1}, sent: {order: {stock: 3}}}
    """
    assert failures(aloud(tmp_path, steps)) == []


def test_a_transfer_and_a_message(tmp_path: Path) -> None:
    steps = """
        caller: a person
        bot: {node: person, contains: get somebody}
        transfer: no_answer
        bot: {node: message, contains: after the tone}
        caller: please call me back
        expect: {node: goodbye, ended: true, events: [transfer_no_answer, message_recorded]}
    """
    assert failures(aloud(tmp_path, steps, "a person")) == []


def test_a_model_and_a_service_that_is_late(tmp_path: Path) -> None:
    steps = """
        dtmf: "2"
        bot: {node: advice, contains: [Gladly, Oil it]}
        expect: {node: goodbye, events: [outcome_answered]}
    """
    assert failures(aloud(tmp_path, steps)) == []
    late = aloud(tmp_path, "bot: {node: person}", more="    mocks: {look: {timeout: true}}\n")
    assert failures(late) == []


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ('dtmf: "0"\ntransfer: completed\ndtmf: "1"', "the call has ended"),
        ("transfer: busy", 'nobody is being called at node "menu"'),
        ('dtmf: "0"\ncaller: hello', "the caller is being connected"),
        ('{dtmf: "1", during: code}', 'the call is at "menu", not at "code"'),
        ("expect: {http: {look: 2}}", 'the service of "look" was asked 1 times, not 2'),
    ],
)
def test_what_does_not_hold_is_told_at_its_step(tmp_path: Path, steps: str, message: str) -> None:
    found = aloud(tmp_path, steps)
    assert [one.place.line for one in found.failures] == [9 + len(steps.splitlines())]
    assert message in found.failures[0].message


def test_a_service_without_a_mock_fails_the_test(tmp_path: Path) -> None:
    found = aloud(tmp_path, "bot: {node: person}", more="    mocks: {look: {says: Yes.}}\n")
    assert 'node "look" has no mock' in found.failures[0].message


def test_the_engines_on_this_machine_hear_what_their_voice_says(tmp_path: Path) -> None:
    tests = "flow: greeting\nnow: 2026-11-13T10:00:00-05:00\ntests:\n  - name: by voice\n    steps:\n"
    tests += "      - caller: where are you located\n      - bot: {node: location, contains: Mill Lane}\n"
    (tmp_path / "greeting.yaml").write_text((FLOWS / "greeting.yaml").read_text("utf-8"), "utf-8")
    (tmp_path / "greeting.test.yaml").write_text(tests, "utf-8")
    ran = CliRunner().invoke(cli, ["flow", "test", str(tmp_path / "greeting.yaml"), "--audio"])
    assert ran.exit_code == 0, ran.output
    assert '"where are you located" was heard as: ' in ran.output


def test_what_cannot_be_spoken_is_left_out_and_says_why(tmp_path: Path) -> None:
    steps = "caller: nonsense\nbot: {node: code}"
    found = aloud(tmp_path, steps, more="    text_only: a name that nobody can spell\n")
    assert (found.held, found.left_out) == (True, "a name that nobody can spell")
    unclear = aloud(tmp_path, "{caller: buy one, confidence: 0.3}")
    assert "confidence" in unclear.left_out
