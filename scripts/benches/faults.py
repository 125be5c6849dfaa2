"""What goes wrong in a share of all calls: a bad line, a caller who vanishes, an ear and a voice that break."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from random import Random

from app.errors import BrokenStream, TimedOut
from app.simulator.faults import Faults
from providers.base import Voice
from providers.scripted import Heard, ScriptedSynthesizer

LINES: tuple[Callable[[int], Faults], ...] = (
    lambda seed: Faults(drop=0.05, seed=seed),
    lambda seed: Faults(duplicate=0.05, reorder=0.05, seed=seed),
    lambda seed: Faults(stall_at_ms=2000.0, stall_for_ms=1500.0, seed=seed),
    lambda seed: Faults(mark_delay_ms=400.0, delay_ms=150.0, seed=seed),
    lambda seed: Faults(lose_at_ms=1000.0 + seed % 4000, seed=seed),
)


def line(random: Random, share: float) -> Faults:
    """The line of one call: a bad one in a `share` (0..1) of all."""
    if random.random() >= share:
        return Faults()
    return random.choice(LINES)(random.randrange(1 << 30))


def words(random: Random, share: float) -> Callable[[int], Heard]:
    """What a scripted transcriber understands; in a `share` of all utterances it fails."""

    def heard(number: int) -> Heard:
        text = f"utterance {number}"
        if random.random() >= share:
            return Heard(text)
        return random.choice((Heard(text, error=TimedOut("no words come")), Heard(text, breaks_ms=100.0)))

    return heard


@dataclass
class FailingSynthesizer(ScriptedSynthesizer):
    """Breaks off in a `share` of all sentences."""

    share: float = 0.0
    random: Random | None = None

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        breaks = self.random is not None and self.random.random() < self.share
        async with aclosing(super().synthesize(text, voice)) as chunks:
            async for chunk in chunks:
                yield chunk
                if breaks:
                    raise BrokenStream("the voice breaks off")
