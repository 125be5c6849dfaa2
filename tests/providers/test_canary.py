"""Planted: a key, words of a caller, digits. Every provider and failover goes well and goes wrong in every way, with
all that can be logged being logged; and nothing that was planted is in any log, error or repr, nor in the journal of a
question whose answer is a secret.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.clock import ManualClock, SystemClock
from app.errors import BrokenStream, ProviderError
from app.ops.logs import configure_logging
from app.orchestrator.failover import FailoverModel
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from app.simulator.steps import Press, Say, StaySilent
from providers import dsp
from providers.azure_speech import AzureSpeech
from providers.azure_synthesizer import AzureSynthesizer
from providers.azure_transcriber import AzureTranscriber
from providers.base import Hypothesis, Message, ModelRequest, Synthesizer, Transcriber
from providers.openai_speech import openai_client
from providers.openai_synthesizer import OpenAISynthesizer
from providers.openai_transcriber import OpenAITranscriber
from providers.scripted import Heard, ScriptedSynthesizer, ScriptedTranscriber, hum
from providers.scripted_model import Reply, ScriptedModel
from tests.call.relay import events, running
from tests.call.services import flows_in
from tests.providers import loopback
from tests.providers.azure_fake import AzureFake, Phrase
from tests.providers.fakes.model_service import MALFORMED, Answer, Fault, serving
from tests.providers.loopback import Fault as SpeechFault
from tests.providers.model_subjects import BOOK, SDKS, model_of
from tests.providers.openai_fake import OpenAIFake

KEY = "planted-key"
WORDS = "planted words of mine 49291234 and so on"
PLANTED = ("planted", "49291234", "4929", "1234")
# The caller and the scripted hold what they have been told to say; languages hold numbers of their own.
UNSUSPECTED = ("app.simulator", "providers.scripted", "app.flow.languages")
REQUEST = ModelRequest(
    WORDS,
    [Message("caller", WORDS)],
    "en",
    50,
    facts=WORDS,
    outcomes={"done": "all is said"},
    tools=[BOOK],
    begun=WORDS,
)
SPEECH = hum("words to hear")
SILENCE = dsp.SILENCE * 200 * dsp.BYTES_PER_MS
FRAME = 20 * dsp.BYTES_PER_MS


@dataclass
class Told(logging.Handler):
    """Everything that was told to anybody."""

    lines: list[str] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(logging.DEBUG)

    def __hash__(self) -> int:
        return id(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {self.format(record)}")

    def note(self, *things: object) -> None:
        """Something that is shown, or an error and all behind it."""
        for thing in things:
            self.lines.append(f"{thing!r} {thing}")
            if isinstance(thing, BaseException):
                self.note(*(one for one in (thing.__cause__, thing.__context__) if one))

    def look_around(self) -> None:
        """Everything of ours that there is at this moment, as it would be shown."""
        for thing in gc.get_objects():
            room = str(type(thing).__module__)
            if room.startswith(("app.", "providers.")) and not room.startswith(UNSUSPECTED):
                self.lines.append(repr(thing))

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """All the time, once a second."""
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._look_for_ever())
            yield
            watch.cancel()

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(1)
            self.look_around()

    def clean(self) -> None:
        """Raises where something planted is in it."""
        assert self.lines
        found = [line for line in self.lines if any(planted in line for planted in PLANTED)]
        assert not found


@pytest.fixture
def told() -> Iterator[Told]:
    """With the log as talkative as a server's can be made. What other tests left is not looked at."""
    root, own = logging.getLogger(), logging.getLogger("callrelay")
    before, levels, root.handlers = root.handlers, (root.level, own.level), []
    configure_logging("debug", "text")
    root.handlers = [heard := Told()]
    gc.collect()
    gc.freeze()
    yield heard
    gc.unfreeze()
    root.handlers = before
    root.setLevel(levels[0])
    own.setLevel(levels[1])


ANSWERS = [
    Answer([WORDS, " and", " more"]),
    Answer(tool=("book", f'{{"day": "{WORDS}"}}')),
    *(Answer(status=status) for status in (400, 401, 404, 429, 500)),
    *(
        Answer([WORDS] * 3, fault=Fault(kind, at))  # type: ignore[arg-type]
        for kind in ("die", "end", *MALFORMED)
        for at in (0, 2)
    ),
]


@pytest.mark.real_time
@pytest.mark.parametrize("sdk", SDKS)
async def test_models(sdk: str, told: Told) -> None:
    other = SDKS[SDKS.index(sdk) - 1]
    for answer in ANSWERS:
        async with serving(sdk, answer) as first, serving(other, answer) as second:
            chain = FailoverModel([model_of(first), model_of(second)], SystemClock())
            told.note(chain, REQUEST, *chain.providers.values())
            model = chain.watched(told.note)
            await chain.warm_up()
            try:
                async with aclosing(model.reply(REQUEST)) as events:
                    async for event in events:
                        told.note(event)
                    told.look_around()
            except ProviderError as error:
                told.note(error)
            told.note(chain.report())
            await chain.aclose()
    told.clean()


SPEECH_FAULTS = [
    None,
    *(SpeechFault("refused", status=status) for status in (400, 401, 404, 429, 503)),
    *(SpeechFault("dies", at) for at in (0, 2, 5)),
    *(SpeechFault("stalls", at) for at in (0, 2)),
    *(SpeechFault("malformed", at) for at in (0, 2)),
]


@dataclass
class Services:
    """Azure and OpenAI, whose faults are the same."""

    azure: AzureFake = field(default_factory=lambda: AzureFake([Phrase(WORDS)], word_ms=60))
    openai: OpenAIFake = field(default_factory=lambda: OpenAIFake([WORDS] * 99))
    ears: list[Transcriber] = field(default_factory=list)
    voices: list[Synthesizer] = field(default_factory=list)

    def have(self, fault: SpeechFault | None) -> None:
        self.azure.fault = self.azure.synthesis_fault = self.openai.fault = self.openai.speech_fault = fault


@asynccontextmanager
async def services() -> AsyncIterator[Services]:
    found = Services()
    with (
        loopback.serving(found.azure.app) as azure_port,
        loopback.serving(found.openai.app) as openai_port,
    ):
        service = AzureSpeech(KEY, endpoint=f"ws://127.0.0.1:{azure_port}")
        client = openai_client(KEY, f"http://127.0.0.1:{openai_port}/v1")
        voice = AzureSynthesizer(service)
        found.ears = [AzureTranscriber(service), OpenAITranscriber(client, "m")]
        found.voices = [voice, OpenAISynthesizer(client, "m", "v")]
        yield found
        await voice.aclose()
        await client.close()
    await service.aclose()


@pytest.mark.real_time
async def test_voices(told: Told) -> None:
    async with services() as there:
        for fault in SPEECH_FAULTS:
            there.have(fault)
            last = ScriptedSynthesizer(fail=BrokenStream("died", emitted=WORDS), name="local")
            chain = FailoverSynthesizer([*there.voices, last], SystemClock())
            watched = chain.watched(told.note)
            await asyncio.gather(*(_speak(voice, told) for voice in [watched, *there.voices]))
            told.note(*there.voices, chain, chain.report())
    told.clean()


async def _speak(voice: Synthesizer, told: Told) -> None:
    try:
        async for _ in voice.synthesize(WORDS, voice.voice("en") or voice.default_voice):
            pass
        told.look_around()
    except ProviderError as error:
        told.note(error)


@pytest.mark.real_time
async def test_ears(told: Told) -> None:
    async with services() as there:
        for fault in SPEECH_FAULTS:
            there.have(fault)
            last = ScriptedTranscriber([WORDS] * 9, name="local")
            chain = FailoverTranscriber([*there.ears, last], SystemClock())
            watched = chain.watched(told.note)
            await asyncio.gather(*(_utterance(ear, told) for ear in [watched, *there.ears]))
            told.note(*there.ears, chain, chain.report())
    told.clean()


async def _utterance(transcriber: Transcriber, told: Told) -> None:
    try:
        stream = await transcriber.open("en", on_partial=told.note, hints=[WORDS])
        for audio, then in ((SILENCE, stream.utterance_started), (SPEECH, stream.utterance_paused)):
            for at in range(0, len(audio), FRAME):
                stream.push(audio[at : at + FRAME])
                await asyncio.sleep(0.002)
            then()
        try:
            told.note(await stream.hypothesis())
            told.look_around()
            told.note(await stream.finish())
        finally:
            told.note(stream, stream.failure)
            await stream.aclose()
    except ProviderError as error:
        told.note(error)


FLOW = """\
flow: pin
format: 1
languages: [en]
start: ask
slots: {pin: {type: digits, length: 8, sensitive: true}}
nodes:
  ask: {collect: pin, ask: Your number?, next: bye}
  bye: {hangup: Goodbye.}
"""


TALK = """\
flow: talk
format: 1
languages: [en]
start: talk
nodes:
  talk: {llm: Answer., outcomes: {done: bye}, failed: bye}
  bye: {hangup: Goodbye.}
"""


def spoken(text: str) -> Heard:
    """Word by word, beginning at once."""
    words = text.split()
    return Heard(text, tuple((300.0 * count, " ".join(words[: count + 1])) for count in range(len(words))))


async def test_what_a_caller_says_while_they_say_it(clock: ManualClock, tmp_path: Path, told: Told) -> None:
    model = ScriptedModel(lambda request: Reply("Yes.", first_ms=1500))
    settings = flows_in(tmp_path, TALK)
    async with running(clock, tmp_path, [spoken(WORDS)] * 2, settings=settings, model=model) as relay:
        async with told.looking():
            placed = await relay.call("talk", [Say("x" * 100), Say("x" * 100), StaySilent(3)])
    assert len(events(relay.journal(placed), "utterance")) == 2
    told.clean()


async def test_the_journal_of_a_secret(clock: ManualClock, tmp_path: Path, told: Told) -> None:
    said = [spoken("planted words of no use"), spoken("49291234")]
    for steps in ([Say("planted words"), Say("49291234")], [Press("49291234")]):
        async with running(clock, tmp_path, said, settings=flows_in(tmp_path, FLOW)) as relay:
            async with told.looking():
                placed = await relay.call("pin", steps)
            journal = relay.journal(placed)
        assert any(event["event"] == "slot" for event in journal)
        told.note(*(event for event in journal if event["event"] != "stream_ended"))
    told.clean()


def test_a_leak_would_be_noticed(told: Told) -> None:
    logging.getLogger("callrelay").debug("%s", Hypothesis(WORDS, "en", True, 0.0))
    told.clean()
    logging.getLogger("callrelay").debug("%s", WORDS)
    with pytest.raises(AssertionError):
        told.clean()
