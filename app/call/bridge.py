"""Bridging a wait: a caller must not hear nothing for longer than two seconds."""

from __future__ import annotations

import asyncio
from typing import Protocol

from app.flow.effects import Say

SILENCE_S = 2.0


class Bridged(Protocol):
    """Where somebody waits."""

    def say_waiting(self, say: Say) -> None:
        """Say it now."""
        ...

    async def silence(self) -> None:
        """Wait until nothing is being said."""
        ...


async def bridge(where: Bridged, waiting: Say, after_s: float) -> None:
    """Say the words after so many seconds, and again whenever nothing was said for long. Ends by being cancelled."""
    await asyncio.sleep(after_s)
    while True:
        await where.silence()
        where.say_waiting(waiting)
        await where.silence()
        await asyncio.sleep(SILENCE_S)
