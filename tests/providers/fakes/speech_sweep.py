"""Speech over the real SDKs of services that fail as told, with an engine on this machine behind them: what was said or
understood in the end, and when.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from app.clock import SystemClock
from app.orchestrator.chain import Switch
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from app.orchestrator.listening import SILENT_MS
from providers import dsp
from providers.azure_speech import AzureSpeech
from providers.azure_synthesizer import AzureSynthesizer
from providers.azure_transcriber import AzureTranscriber
from providers.base import Synthesizer, Transcriber, Voice
from providers.openai_speech import openai_client
from providers.openai_synthesizer import OpenAISynthesizer
from providers.openai_transcriber import OpenAITranscriber
from providers.scripted import hum
from tests.providers.azure_fake import AzureFake, Phrase
from tests.providers.loopback import Fault, no_such_name, serving
from tests.providers.openai_fake import OpenAIFake, pcm_of

SDKS = ("azure", "openai")
STATUSES = {"429": 429, "500": 500, "502": 502}
UNREACHABLE = ("no connection", "no such name")
AT_ANY_CHUNK = ("dies", "stalls", "malformed")
ROWS = (*STATUSES, *UNREACHABLE, *AT_ANY_CHUNK)
SILENT_ROW = "silent"  # of ears: connected, and never a word

# The one that Azure's SDK asks the system for can be no name at all, so that nobody is asked for it.
NO_NAME = {"azure": f"{'no' * 40}.invalid", "openai": "nowhere.invalid"}
WORD_MS = 150
FRAME = 20 * dsp.BYTES_PER_MS
SILENCE = dsp.SILENCE * 400 * dsp.BYTES_PER_MS
BEFORE_THE_AUDIO = 3  # messages of Azure's: the turn's start, the answer's, where the words lie
OPENAI_SESSION = 3  # messages: the session is there, is as asked for, and the audio is taken


def voice_indexes(row: str, sdk: str, text: str) -> range:
    """The chunks at which a fault can strike; Azure counts its audio from 0. OpenAI's has no form that could be bad."""
    if row not in AT_ANY_CHUNK:
        return range(1)
    if sdk == "openai":
        return range(0 if row == "malformed" else _chunks(pcm_of(hum(text)), OpenAIFake.chunk_bytes))
    return range(-BEFORE_THE_AUDIO, _chunks(hum(text), AzureFake.chunk_ms * dsp.BYTES_PER_MS) + 1)


def ear_indexes(row: str, sdk: str, text: str) -> range:
    """The messages at which a fault can strike while the caller speaks, or while their words are awaited."""
    if row not in AT_ANY_CHUNK:
        return range(1)
    words = len(text.split())
    return range(OPENAI_SESSION + words + 1 if sdk == "openai" else 1 + words)


def _chunks(audio: bytes, size: int) -> int:
    return -(-len(audio) // size)


@dataclass
class Service:
    """What is spoken and heard over, and the fake behind it."""

    fake: AzureFake | OpenAIFake
    voice: Synthesizer
    ear: Transcriber

    def break_voice(self, row: str, at: int) -> None:
        if isinstance(self.fake, AzureFake):
            self.fake.synthesis_fault = _fault(row, at)
        else:
            self.fake.speech_fault = _fault(row, at)


def _fault(row: str, at: int) -> Fault | None:
    if row in STATUSES:
        return Fault("refused", status=STATUSES[row])
    return Fault(row, at) if row in AT_ANY_CHUNK else None  # type: ignore[arg-type]


@asynccontextmanager
async def service(row: str, sdk: str, fake: AzureFake | OpenAIFake) -> AsyncIterator[Service]:
    """Reached as the row allows."""
    with _address(row, sdk, fake) as address:
        if isinstance(fake, AzureFake):
            azure = AzureSpeech("k", endpoint=f"ws://{address}")
            voice = AzureSynthesizer(azure)
            yield Service(fake, voice, AzureTranscriber(azure))
            await voice.aclose()
            await azure.aclose()
        else:
            client = openai_client("k", f"http://{address}/v1")
            yield Service(fake, OpenAISynthesizer(client, "m", "v"), OpenAITranscriber(client, "m"))
            await client.close()


@contextmanager
def _address(row: str, sdk: str, fake: AzureFake | OpenAIFake) -> Iterator[str]:
    if row == "no connection":
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        yield f"127.0.0.1:{port}"
    elif row == "no such name":
        with no_such_name(NO_NAME[sdk]):
            yield f"{NO_NAME[sdk]}:80"
    else:
        with serving(fake.app) as port:
            yield f"127.0.0.1:{port}"


@dataclass(frozen=True, slots=True)
class Spoken:
    """Of one utterance: how much was heard of the first voice, words that nobody said, or that were said again after
    they had been heard to their end, and milliseconds from the fault until the client of the service told of it or was
    given up, from there to the question to the standby, from there to its first sound, and of all.

    None where nobody else was asked.
    """

    heard_ms: float
    lost: int = 0
    twice: int = 0
    signal_ms: float | None = None
    switch_ms: float | None = None
    standby_ms: float | None = None
    gap_ms: float | None = None


class _Noting:
    """A voice of the chain: what it was asked last, when, when it spoke first, and when it was over."""

    def __init__(self, voice: Synthesizer) -> None:
        self._voice = voice
        self.asked: str | None = None
        self.asked_s = self.spoke_s = self.left_s = 0.0
        self.name = voice.name
        self.healthy = True
        self.default_voice = voice.default_voice

    def voice(self, language: str) -> Voice | None:
        return self._voice.voice(language)

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        self.asked, self.asked_s, self.spoke_s = text, time.monotonic(), 0.0
        try:
            async with aclosing(self._voice.synthesize(text, voice)) as chunks:
                async for chunk in chunks:
                    self.spoke_s = self.spoke_s or time.monotonic()
                    yield chunk
        finally:
            self.left_s = time.monotonic()

    async def warm_up(self) -> None:
        """Whoever lends the voice does."""

    async def aclose(self) -> None:
        """Whoever lends the voice does."""


async def spoken(row: str, sdk: str, at: int, local: Synthesizer, text: str) -> Spoken:
    """A text, said by a chain of two voices, the first of which is `sdk` and fails at chunk `at`."""
    fake, standby = AzureFake() if sdk == "azure" else OpenAIFake(), _Noting(local)
    async with service(row, sdk, fake) as there:
        first = _Noting(there.voice)
        chain = FailoverSynthesizer([first, standby], SystemClock())
        if row in AT_ANY_CHUNK:
            await _said_by_the_first(chain, text, standby)  # so that it is connected, and its rate known
        there.break_voice(row, at)
        began_s = time.monotonic()
        heard_ms = await _said_by_the_first(chain, text, standby)
    if standby.asked is None:
        return Spoken(heard_ms)
    fault_s = fake.faulted_at or began_s
    stages = (fault_s, first.left_s, standby.asked_s, standby.spoke_s)
    times = [*itertools.pairwise(stages), (fault_s, standby.spoke_s)]
    lost, twice = _missed(text, standby.asked, heard_ms, sdk == "azure")
    return Spoken(heard_ms, lost, twice, *((to_s - from_s) * 1000 for from_s, to_s in times))


async def _said_by_the_first(chain: FailoverSynthesizer, text: str, standby: _Noting) -> float:
    """How many milliseconds of speech came before somebody else was asked."""
    count = 0
    async for chunk in chain.synthesize(text, chain.default_voice):
        count += len(chunk) if standby.asked is None else 0
    return count / dsp.BYTES_PER_MS


def _missed(text: str, rest: str, heard_ms: float, tells_words: bool) -> tuple[int, int]:
    """Words that were not heard to their end and are not in the rest; words that were, and are.

    Where a voice does not tell of its words, one of which half was heard counts as heard: see `SpeakingRate`.
    """
    words = text.split()
    gone_on_at = len(words) - len(rest.split())
    ends_ms = list(itertools.accumulate(len(hum(word)) / dsp.BYTES_PER_MS for word in words))
    starts_ms = [0.0, *ends_ms]
    begun = sum((start + end) / 2 <= heard_ms for start, end in zip(starts_ms, ends_ms, strict=False))
    over = sum(end <= heard_ms for end in ends_ms)
    return max(0, gone_on_at - (over if tells_words else begun)), max(0, over - gone_on_at)


@dataclass(frozen=True, slots=True)
class Understood:
    """Of one utterance: its words, who took over, and milliseconds from the first observable signal to that, to the
    first words after it, and from the question for the words to the words.

    A signal before the caller spoke is counted from when they began. None where nobody took over, or had to.
    """

    text: str
    taken: Sequence[str]
    switch_ms: float | None
    words_ms: float
    final_ms: float


async def understood(
    row: str, sdk: str, at: int, local: Transcriber, speech: bytes, text: str, word_ms: int = WORD_MS
) -> Understood:
    """An utterance, heard by a chain of two ears, the first of which is `sdk` and fails at message `at`."""
    fault, words, switched = _fault(row, at), list[float](), list[tuple[float, Switch]]()
    fake: AzureFake | OpenAIFake = OpenAIFake([text] * 9, fault=fault)
    if sdk == "azure":
        fake = AzureFake([Phrase(text)], word_ms=word_ms, fault=fault, silent=row == SILENT_ROW)
    async with service(row, sdk, fake) as there:
        chain = FailoverTranscriber([there.ear, local], SystemClock())
        watched = chain.watched(lambda switch: switched.append((time.monotonic(), switch)))
        stream = await watched.open("en", on_partial=lambda _: words.append(time.monotonic()))
        await _paced(stream.push, SILENCE)
        stream.utterance_started()
        spoke_s = time.monotonic()
        await _paced(stream.push, speech)
        stream.utterance_paused()
        asked_s = time.monotonic()
        await stream.hypothesis()
        said = (await stream.finish()).text
        final_s = time.monotonic()
        await stream.aclose()
    silent_s = spoke_s + SILENT_MS / 1000 if row == SILENT_ROW else spoke_s
    signal_s = max(fake.faulted_at or silent_s, spoke_s)
    first_s = next(at_s for at_s in [*words, final_s] if at_s >= signal_s)
    return Understood(
        said,
        [switch.taken for _, switch in switched],
        (switched[0][0] - signal_s) * 1000 if switched else None,
        (first_s - signal_s) * 1000,
        (final_s - asked_s) * 1000,
    )


async def _paced(push: Any, audio: bytes) -> None:
    """At the pace of speech."""
    for at in range(0, len(audio), FRAME):
        push(audio[at : at + FRAME])
        await asyncio.sleep(0.02)
