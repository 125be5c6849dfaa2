"""A language model that says what it is told to, when it is told to: for tests, benchmarks and trying flows.

Every delay is an `asyncio.sleep`, so on a virtual clock they take no time at all.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from app.errors import BrokenStream, ProviderError
from providers.base import Finished, LanguageModel, ModelEvent, ModelRequest, TextDelta

REQUESTS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: `text` word by word, then `events`. Milliseconds before the first word and between the others.

    A `fault` comes in place of the word or event `fault_at`, counted from 0; from `stall_at` on nothing comes.
    """

    text: str = ""
    events: Sequence[ModelEvent] = ()
    first_ms: float = 0.0
    gap_ms: float = 0.0
    fault: ProviderError | None = None
    fault_at: int = 0
    stall_at: int | None = None

    def chunks(self) -> list[ModelEvent]:
        """What comes, in order, without the end."""
        return [*(TextDelta(word) for word in re.findall(r"\s*\S+|\s+$", self.text)), *self.events]


Script = Iterable[str | Reply] | Callable[[ModelRequest], str | Reply]


class ScriptedModel(LanguageModel):
    """Gives the replies of a list, the last one for ever, or those of a function of the request.

    `requests` are the last ones, `open` counts the replies under way, `closed_early` those that nobody waited for.
    """

    def __init__(self, script: Script = ("All right.",), *, name: str = "scripted") -> None:
        self._replies = deque[str | Reply]() if callable(script) else deque(script)
        self._script = script if callable(script) else self._next
        self._name = name
        self.requests: deque[ModelRequest] = deque(maxlen=REQUESTS_KEPT)
        self.open = 0
        self.closed_early = 0

    def _next(self, request: ModelRequest) -> str | Reply:
        return self._replies.popleft() if len(self._replies) > 1 else self._replies[0]

    @property
    def name(self) -> str:
        return self._name

    @property
    def healthy(self) -> bool:
        return True

    async def reply(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        self.requests.append(request)
        scripted = self._script(request)
        self.open += 1
        try:
            async with aclosing(
                _played(scripted if isinstance(scripted, Reply) else Reply(scripted))
            ) as played:
                async for event in played:
                    yield event
        except (GeneratorExit, asyncio.CancelledError):
            self.closed_early += 1
            raise
        finally:
            self.open -= 1

    async def warm_up(self) -> None:
        """Nothing to warm."""

    async def aclose(self) -> None:
        """Nothing to release."""


async def _played(reply: Reply) -> AsyncGenerator[ModelEvent, None]:
    emitted = ""
    chunks = [*reply.chunks(), Finished()]
    for number, chunk in enumerate(chunks):
        await asyncio.sleep((reply.gap_ms if number else reply.first_ms) / 1000)
        if number == reply.stall_at:
            await asyncio.Event().wait()
        if reply.fault and number == reply.fault_at:
            raise _with(reply.fault, emitted)
        emitted += chunk.text if isinstance(chunk, TextDelta) else ""
        yield chunk


def _with(fault: ProviderError, emitted: str) -> ProviderError:
    return BrokenStream(str(fault), emitted=emitted) if isinstance(fault, BrokenStream) else fault
