"""The services of a soak, which fail in every way that services do: at random, and all at once now and then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from random import Random

from app.call.http_client import Answer
from app.call.services import Speech
from app.clock import Clock
from app.errors import BrokenStream, RateLimited, Refused, TimedOut
from app.flow.effects import ServiceRequest
from app.flow.inputs import ServiceAnswered, ServiceFailed
from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from app.orchestrator.failover_transcriber import FailoverTranscriber
from providers.base import ModelRequest, OutcomeChosen, ToolCall, Voice
from providers.scripted import Heard, ScriptedSynthesizer, ScriptedTranscriber, ScriptedVoiceDetector
from providers.scripted_model import Reply, ScriptedModel
from scripts.benches.word_by_word import Certain

# what is down for some seconds of every minute, in turn
OUTAGES = (
    ("model 1",),
    ("model 1", "model 2"),
    ("voice 1",),
    ("voice 1", "voice 2"),
    ("ear 1",),
    ("ear 1", "ear 2"),
    ("service",),
)
OUTAGE_S = 5.0
THREAD_S = 0.02
SERVICE_S = 0.4
WORDS = (
    "buy something",
    "a question",
    "leave a message",
    "my code",
    "somebody",
    "repeat",
    "goodbye",
    "one two three",
    "four five",
    "yes",
    "no",
    "the other thing",
    "",
)
SENTENCES = ("We have plenty of them.", "That one is sold out, I am afraid.", "Do you want another?")
EARS_FAIL: tuple[Callable[[str], Heard], ...] = (
    lambda text: Heard(text, error=TimedOut("no words come")),
    lambda text: Heard(text, breaks_ms=100.0),
    lambda text: Heard(text, silent_ms=50.0),
)
MODELS_FAIL: tuple[Callable[[str], Reply], ...] = (
    lambda text: Reply(text, fault=RateLimited("slower", retry_after_s=2.0)),
    lambda text: Reply(text, fault=Refused("HTTP 500")),
    lambda text: Reply(text, fault=BrokenStream("cut off"), fault_at=2),
    lambda text: Reply(text, stall_at=0),
    lambda text: Reply(text, stall_at=2),
    lambda text: Reply(text, first_ms=1500.0),
)


@dataclass(frozen=True, slots=True)
class Fate:
    """Who fails, and when: a `share` (0..1) of all that is asked, and everything during an outage."""

    clock: Clock
    random: Random
    share: float

    def strikes(self, who: str) -> bool:
        minute, second = divmod(self.clock.now(), 60)
        down = OUTAGES[int(minute) % len(OUTAGES)] if self.share and second < OUTAGE_S else ()
        return who in down or self.random.random() < self.share

    async def beside(self, work: Callable[[], bool]) -> bool:
        """Work beside the event loop, as by a thread: after a while, and whether anybody still waits for it or not."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        loop.call_later(self.random.uniform(0, THREAD_S), _work, work, done)
        return bool(await done)

    def speech(self) -> Speech:
        """Two ears and two voices; of each the second stands by."""
        ears = [ScriptedTranscriber(_Ear(self, name).heard, name=name) for name in ("ear 1", "ear 2")]
        voices = [_Voice(self, name=name) for name in ("voice 1", "voice 2")]
        return Speech(
            ScriptedVoiceDetector(),
            FailoverTranscriber(ears, self.clock),
            FailoverSynthesizer(voices, self.clock),
            Certain(),
        )

    def minds(self) -> list[ScriptedModel]:
        """Two models, of which either may be asked first."""
        return [ScriptedModel(_Mind(self, name).reply, name=name) for name in ("model 1", "model 2")]


def _work(work: Callable[[], bool], done: asyncio.Future[bool]) -> None:
    result = work()
    if not done.cancelled():
        done.set_result(result)


@dataclass(frozen=True, slots=True)
class _Ear:
    fate: Fate
    name: str

    def heard(self, number: int) -> Heard:
        text = self.fate.random.choice(WORDS)
        if self.fate.strikes(self.name):
            return self.fate.random.choice(EARS_FAIL)(text)
        return Heard(text, partials=((100.0, text),), confidence=self.fate.random.choice((0.3, 0.9, 0.95)))


class _Voice(ScriptedSynthesizer):
    def __init__(self, fate: Fate, *, name: str) -> None:
        super().__init__(name=name)
        self._fate = fate

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        how = self._fate.random.choice(("refuses", "breaks", "stalls", "errs"))
        how = how if self._fate.strikes(self.name) else "speaks"
        if how == "refuses":
            raise Refused("HTTP 503")
        async with aclosing(super().synthesize(text, voice)) as chunks:
            async for chunk in chunks:
                yield chunk
                if how == "breaks":
                    raise BrokenStream("the voice breaks off")
                if how == "stalls":
                    await asyncio.Event().wait()
                if how == "errs":
                    raise ValueError("a defect of the voice's")


@dataclass(frozen=True, slots=True)
class _Mind:
    fate: Fate
    name: str

    def reply(self, request: ModelRequest) -> Reply:
        text, random = self.fate.random.choice(SENTENCES), self.fate.random
        if self.fate.strikes(self.name):
            return random.choice(MODELS_FAIL)(text)
        if request.tools and not request.messages[-1].tool_call_id and random.random() < 0.3:
            return Reply(events=[ToolCall("1", request.tools[0].name, {"number": "7"})], first_ms=200.0)
        chosen = [OutcomeChosen(random.choice(sorted(request.outcomes)))] if random.random() < 0.7 else []
        return Reply(text, chosen, first_ms=random.uniform(50, 500), gap_ms=20.0)


@dataclass(frozen=True, slots=True)
class Shop:
    """What the flow asks: implements `HttpServices`."""

    fate: Fate

    async def ask(self, request: ServiceRequest, timeout_ms: float) -> Answer:
        random, now = self.fate.random, self.fate.clock.wall
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                await asyncio.sleep(random.uniform(0, SERVICE_S))
                if self.fate.strikes("service"):
                    return await self._failing()
        except TimeoutError:
            return ServiceFailed("timeout", now())
        answer = {"name": f"caller {random.randrange(1000)}", "stock": f"{random.randrange(1000)} left"}
        return ServiceAnswered(200, now(), {**answer, "order": f"number {random.randrange(1000)}"})

    async def _failing(self) -> Answer:
        now, how = self.fate.clock.wall(), self.fate.random.randrange(4)
        if how == 0:
            return ServiceAnswered(500, now)
        if how == 1:
            return ServiceAnswered(200, now, readable=False)
        if how == 2:
            return ServiceFailed("ConnectError", now)
        await asyncio.Event().wait()
        raise AssertionError("an event that nobody sets")

    async def aclose(self) -> None:
        """Nothing to release."""
