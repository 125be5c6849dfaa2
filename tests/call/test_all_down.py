"""Everything that a call asks is down: something sensible is heard within two seconds, and the flow goes its way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.call.journal import path_of, read
from app.call.services import Speech
from app.clock import ManualClock
from app.errors import Refused
from app.main import Relay
from app.orchestrator.failover import FailoverModel
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from app.simulator.asgi import AsgiCarriage
from app.simulator.call import CallPlan
from app.simulator.steps import Press, Say, StaySilent, Step
from providers.local_answers import EmbeddedAnswers
from providers.local_still import StillWorkers
from providers.scripted import ScriptedSynthesizer, ScriptedTranscriber, ScriptedVoiceDetector
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import UNSIGNED, URL, events, inline
from tests.call.test_models import desk
from tests.simulator.calls import Placed, call_over

WITHIN_MS = 2000.0
BACK_WITHIN_S = 10.0
NO = Refused("down")


class Outage:
    """A relay whose cloud services refuse, or hang; what is on this machine works."""

    def __init__(self, clock: ManualClock, directory: Path, down: Reply, speech: bool, models: bool) -> None:
        self.clock, self.directory = clock, directory
        self.models = [ScriptedModel(lambda _: self.reply, name=name) for name in ("azure", "openai")]
        self.reply = down if models else Reply("We open at nine.")
        self.voice = ScriptedSynthesizer(name="azure", fail=NO if speech else None)
        self.ear = ScriptedTranscriber(["a question", "no"], name="azure")
        self.ear.refuses = NO if speech else None
        self.local = ScriptedSynthesizer(name="embedded")
        ears = [self.ear, ScriptedTranscriber(["a question", "no"], name="embedded")]
        self.speech = Speech(
            ScriptedVoiceDetector(0.01),
            FailoverTranscriber(ears, clock),
            FailoverSynthesizer([self.voice, self.local], clock),
        )
        self.model = FailoverModel(self.models, clock, standby=EmbeddedAnswers(StillWorkers()))

    async def call(self, after_s: float = 0.0) -> tuple[Placed, list[dict[str, Any]]]:
        settings = replace(desk(self.directory), data_dir=self.directory)
        relay = Relay(settings, self.clock, self.speech, {}, None, self.model, inline)
        async with AsgiCarriage(relay.app) as carriage:
            plan = CallPlan(f"{URL}/voice/incoming?flow=desk", UNSIGNED)
            steps: list[Step] = [Say("a question"), StaySilent(8), Press("0")]
            placed = await call_over(carriage, self.clock, steps, plan)
            await asyncio.sleep(after_s)
        return placed, list(read(path_of(self.directory, placed.report.call_sid)))


@pytest.mark.parametrize("down", [Reply(fault=NO), Reply(stall_at=0)], ids=["refuses", "hangs"])
@pytest.mark.parametrize(
    ("speech", "models"), [(False, True), (True, False), (True, True)], ids=["models", "speech", "everything"]
)
async def test_something_sensible_is_heard_and_the_flow_goes_on(
    clock: ManualClock, tmp_path: Path, down: Reply, speech: bool, models: bool
) -> None:
    outage = Outage(clock, tmp_path, down, speech, models)
    placed, journal = await outage.call()
    (turn, *_) = placed.report.turns
    assert turn.any_audio_ms is not None
    assert turn.any_audio_ms <= WITHIN_MS
    said = [event["text"] for event in events(journal, "said")]
    assert said[0] == "How can I help?"
    if models:  # no fact answers "a question", so who stands by chooses `unsure`
        way_out = next(
            event for event in events(journal, "said") if event["text"] == "I will fetch somebody."
        )
        assert way_out["ms"] - events(journal, "utterance")[0]["ms"] <= WITHIN_MS
        assert events(journal, "model")[-1]["model"] == "embedded"
    else:
        assert "We open at nine." in said
    assert placed.report.protocol_errors == []
    assert [event["event"] for event in journal].count("call_ended") == 1


async def test_what_is_back_is_noticed_within_ten_seconds(clock: ManualClock) -> None:
    down, voice = Reply(fault=NO), ScriptedSynthesizer(name="azure", fail=NO)
    model = ScriptedModel(lambda _: down, name="azure")
    ear = ScriptedTranscriber([], name="azure")
    ear.refuses = NO
    models = FailoverModel([model], clock)
    voices = FailoverSynthesizer([voice, ScriptedSynthesizer(name="embedded")], clock)
    ears = FailoverTranscriber([ear, ScriptedTranscriber([], name="embedded")], clock)
    chains = (models, voices, ears)
    for chain in chains:
        for _ in range(5):
            chain.providers["azure"].failed(NO)
        assert chain.report()["azure"]["state"] == "down"
    async with asyncio.TaskGroup() as group:
        watches = [group.create_task(chain.watch()) for chain in chains]
        await asyncio.sleep(33.3)
        assert {chain.report()["azure"]["state"] for chain in chains} == {"down"}
        down, voice.fail, ear.refuses = Reply("OK."), None, None
        await asyncio.sleep(BACK_WITHIN_S)
        assert {chain.report()["azure"]["state"] for chain in chains} == {"healthy"}
        for watch in watches:
            watch.cancel()
