"""One reply over two real SDKs, the first of which fails as told: what was heard of it, and when."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from app.clock import SystemClock
from app.orchestrator.failover import Decision, FailoverModel
from providers.base import TextDelta
from tests.providers.fakes.model_chunks import DIALECTS
from tests.providers.fakes.model_service import MALFORMED, Answer, FakeModelService, Fault, serving
from tests.providers.loopback import no_such_name
from tests.providers.model_subjects import REQUEST, SDKS, model_of

SENTENCE = "We open at nine and we close at five, every day but Sunday."
WORDS = re.findall(r"\s*\S+", SENTENCE)
WORD_S = 0.005
STANDBY_FIRST_S = 0.05

STATUSES = {
    "429": Answer(status=429, headers={"retry-after": "9"}),
    "500": Answer(status=500),
    "502": Answer(status=502),
}
UNREACHABLE = ("no connection", "no such name")
ROWS = (*STATUSES, *UNREACHABLE, "slow first token", "die", "end", "stall", *MALFORMED)
NAME = "model.invalid"


@dataclass(frozen=True, slots=True)
class Heard:
    """Of one reply: milliseconds from the first observable signal to the decision to ask the standby, to the arrival of
    the request there, and to its first word.

    None where nobody else was asked. The signal of a stall, or of a slow first token, is the end of patience with it.
    """

    said: str
    switch_ms: float | None = None
    asked_ms: float | None = None
    gap_ms: float | None = None

    @property
    def standby_ms(self) -> float | None:
        """What the standby itself took."""
        return None if self.gap_ms is None or self.asked_ms is None else self.gap_ms - self.asked_ms

    @property
    def lost(self) -> bool:
        """Is anything missing?"""
        return not _in_order(WORDS, re.findall(r"\s*\S+", self.said))

    @property
    def twice(self) -> bool:
        return len(self.said) > len(SENTENCE)


def _in_order(words: list[str], found: list[str]) -> bool:
    rest = iter(found)
    return all(word in rest for word in words)


def chunk_indexes(row: str, sdk: str) -> range:
    """Where a fault can strike before the reply is complete; once where it strikes before any chunk."""
    if row in (*STATUSES, *UNREACHABLE, "slow first token"):
        return range(1)
    behind_the_end = 2 if sdk == "anthropic" else 3
    return range(len(DIALECTS[sdk]({"model": "m"}, WORDS, None)) - behind_the_end + 1)


def standby_of(sdk: str) -> str:
    """The next one in the chain."""
    return SDKS[(SDKS.index(sdk) + 1) % len(SDKS)]


async def heard(row: str, sdk: str, at: int) -> Heard:
    """A reply of a chain of two, the first of which is `sdk` and fails at chunk `at`."""
    answer = STATUSES.get(row) or Answer(WORDS, gap_s=WORD_S, fault=_fault(row, at))
    async with serving(sdk, Answer()) as first, serving(standby_of(sdk)) as standby:
        standby.answers = _going_on
        if row == "no such name":
            first.root = f"http://{NAME}"
        async with _warm(first, standby) as model:
            first.answer = answer
            if row == "no connection":
                await first.hang_up()
            return await _listen(model, first, standby)


def _fault(row: str, at: int) -> Fault:
    return Fault("stall", 0) if row == "slow first token" else Fault(row, at)  # type: ignore[arg-type]


def _going_on(body: dict[str, Any]) -> Answer:
    """What an obedient model says to somebody whose answer was cut off."""
    begun = re.search(r"<said>(.*)</said>", str(body.get("system") or body.get("messages")))
    rest = SENTENCE[len(begun[1]) :] if begun else SENTENCE
    return Answer(re.findall(r"\s*\S+", rest), first_s=STANDBY_FIRST_S, gap_s=WORD_S)


@asynccontextmanager
async def _warm(first: FakeModelService, standby: FakeModelService) -> AsyncIterator[FailoverModel]:
    model = FailoverModel([model_of(first), model_of(standby)], SystemClock())
    with no_such_name(NAME):
        await model.warm_up()
        yield model
        await model.aclose()


async def _listen(model: FailoverModel, first: FakeModelService, standby: FakeModelService) -> Heard:
    time, said, times = asyncio.get_running_loop().time, "", list[float]()
    decisions: list[tuple[float, Decision]] = []
    asked_before_s = standby.asked_at
    began_s = time()
    watched = model.watched(lambda decision: decisions.append((time(), decision)))
    async with aclosing(watched.reply(REQUEST)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                said += event.text
                times.append(time())
    if standby.asked_at is None or standby.asked_at == asked_before_s:
        return Heard(said)
    signal_s = _signal_s(first, decisions, began_s)
    first_word_s = next(at_s for at_s in times if at_s > standby.asked_at)
    switch_s = next(at_s for at_s, decision in decisions if decision.why in ("failed", "late", "hedge"))
    return Heard(said, *((at_s - signal_s) * 1000 for at_s in (switch_s, standby.asked_at, first_word_s)))


def _signal_s(first: FakeModelService, decisions: list[tuple[float, Decision]], began_s: float) -> float:
    failed = [(at_s, decision) for at_s, decision in decisions if decision.what == "failed"]
    if not failed:
        return next(at_s for at_s, decision in decisions if decision.why in ("late", "hedge"))
    at_s, decision = failed[0]
    return at_s if "stalled" in decision.why else first.faulted_at or began_s
