"""Services that flows ask, without sockets: they answer after a while of virtual time, and remember what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.call.http_client import Answer
from app.clock import Clock
from app.flow.effects import ServiceRequest
from app.flow.inputs import ServiceAnswered, ServiceFailed
from app.flow.values import Json
from app.settings import Settings


@dataclass
class FakeServices:
    """Answers by path, after `delay_s` each; the n-th request of a path gets its n-th answer, the last again."""

    clock: Clock
    answers: dict[str, Sequence[Json]]
    delay_s: Callable[[str], float] = lambda path: 0.0
    asked: list[tuple[float, str]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    closed: bool = False

    async def ask(self, request: ServiceRequest, timeout_ms: float) -> Answer:
        path = request.url.partition("example")[2]
        asked = f"{request.method} {path}"
        self.asked.append((self.clock.now(), asked))
        known = self.answers[path.partition("?")[0]]
        answer = known[min(sum(one == asked for _, one in self.asked), len(known)) - 1]
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                await asyncio.sleep(self.delay_s(path))
        except TimeoutError:
            return ServiceFailed("timeout", self.clock.wall())
        except asyncio.CancelledError:
            self.cancelled.append(asked)
            raise
        return ServiceAnswered(200, self.clock.wall(), answer)

    @property
    def requests(self) -> list[str]:
        return [asked for _, asked in self.asked]

    async def aclose(self) -> None:
        self.closed = True


# asks for a code that is nobody else's business
SECRET = """\
flow: secret
format: 1
languages: [en]
start: pin
slots:
  pin: {type: digits, sensitive: true}
nodes:
  pin:
    collect: pin
    ask: "Your code, please."
    keypad: {length: 4}
    next: bye
  bye:
    hangup: "Thank you."
"""


def flows_in(directory: Path, *texts: str) -> Settings:
    """Settings for flows written on the spot; the first is the default."""
    folder = directory / "flows"
    folder.mkdir(exist_ok=True)
    names = [text.partition("flow: ")[2].partition("\n")[0] for text in texts]
    for name, text in zip(names, texts, strict=True):
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return Settings(flows_dir=folder, default_flow=names[0])


def unacknowledged(settings: Settings) -> Settings:
    """Nobody says "one moment" while an answer is awaited."""
    return replace(settings, performance_target_latency=10_000)
