"""A call that changes its language changes its route: who hears, who answers and how, and whose voice it has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.call.journal import path_of, read
from app.call.services import Speech
from app.clock import ManualClock
from app.main import Relay
from app.orchestrator.failover import FailoverModel
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from app.orchestrator.routes import read_routes
from app.simulator.asgi import AsgiCarriage
from app.simulator.call import CallPlan
from app.simulator.steps import Say
from providers.base import ModelRequest
from providers.scripted import Heard, ScriptedSynthesizer, ScriptedTranscriber, ScriptedVoiceDetector
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import UNSIGNED, URL, events, inline
from tests.call.services import flows_in
from tests.simulator.calls import call_over

FLOW = """\
flow: chat
format: 1
languages: [en, es, fr]
start: talk
nodes:
  talk:
    llm: Answer.
    opening: Hello.
    outcomes: {done: bye}
    failed: bye
  bye: {hangup: Goodbye.}
"""
ROUTES = """\
en: {transcribers: [azure], models: [azure], synthesizers: [azure], formality: Manner en.}
es: {transcribers: [openai], models: [openai], synthesizers: [openai], formality: Manner es.}
fr: {models: [anthropic], synthesizers: [embedded], formality: Manner fr.}
"""
HEARD = {
    "en": Heard("good morning, I have a question about parking", language="en"),
    "es": Heard("quiero una cita para mañana por la mañana", language="es"),
    "fr": Heard("je voudrais un rendez-vous demain matin", language="fr"),
}
SERVED = {"en": "azure", "es": "openai", "fr": "anthropic"}


async def test_a_call_that_goes_from_english_to_spanish_to_french(clock: ManualClock, tmp_path: Path) -> None:
    routes = read_routes(ROUTES, "routes.yaml")
    asked = dict[
        int, tuple[str, ModelRequest]
    ]()  # by turn: what counts is asked last, a guess may have come before
    said = [*HEARD.values(), HEARD["fr"]]

    def hear(_: int) -> Heard:
        return said[min(len(asked), 4) - 1]  # the opening was asked for first

    def model(name: str) -> ScriptedModel:
        def reply(request: ModelRequest) -> Reply:
            asked[len(request.messages)] = (name, request)
            return Reply(f"answer of {name}")

        return ScriptedModel(reply, name=name)

    ears = [ScriptedTranscriber(hear, name=name) for name in ("azure", "openai", "embedded")]
    voices = [ScriptedSynthesizer(name=name) for name in ("azure", "openai", "embedded")]
    speech = Speech(
        ScriptedVoiceDetector(0.01),
        FailoverTranscriber(ears, clock, routes),
        FailoverSynthesizer(voices, clock, routes),
    )
    models = FailoverModel([model(name) for name in SERVED.values()], clock, routes)
    settings = replace(flows_in(tmp_path, FLOW), data_dir=tmp_path)
    relay = Relay(settings, clock, speech, {}, None, models, inline)
    async with AsgiCarriage(relay.app) as carriage:
        plan = CallPlan(f"{URL}/voice/incoming?flow=chat", UNSIGNED)
        placed = await call_over(carriage, clock, [Say("something to be heard")] * 4, plan)
    journal = list(read(path_of(tmp_path, placed.report.call_sid)))
    assert [event["text"] for event in events(journal, "utterance")] == [one.text for one in said]
    served = [(name, request.language, request.style) for name, request in asked.values()]
    assert served[1:4] == [(SERVED[code], code, f"Manner {code}.") for code in HEARD]
    assert [ear.opened for ear in ears] == [2, 1, 3]  # English and French, Spanish, and what stands by
    spoken = {voice.name: [text for text in voice.spoken if text.startswith("answer")] for voice in voices}
    assert spoken["azure"] == ["answer of azure"] * 2
    assert spoken["openai"] == ["answer of openai"]
    assert set(spoken["embedded"]) == {"answer of anthropic"}
