"""How long a caller may say nothing: one timer, which runs exactly while something is awaited from them."""

from __future__ import annotations

import asyncio
from typing import Protocol

from app.clock import Clock
from app.flow import inputs
from app.flow.effects import Listen


class Waiting(Protocol):
    """Who waits for the caller."""

    def nothing_came(self, event: inputs.NoInput | inputs.KeypadPaused) -> None:
        """They said and pressed nothing, or no further key, for as long as the question allows."""
        ...


class Patience:
    """Noises in between do not begin the wait anew; only `renew` does."""

    def __init__(self, clock: Clock, waiting: Waiting) -> None:
        self._clock = clock
        self._waiting = waiting
        self._timer: asyncio.TimerHandle | None = None
        self._ends: float | None = None

    def renew(self) -> None:
        """Something was said to the caller: they have all the time again."""
        self._ends = None

    def await_answer(self, question: Listen) -> None:
        """Until the question's timeout."""
        now = self._clock.now()
        self._ends = self._ends or now + question.timeout_ms / 1000
        self._start(max(0.0, self._ends - now), inputs.NoInput)

    def await_key(self, pause_ms: float) -> None:
        """Until the keypad's pause is over."""
        self._start(pause_ms / 1000, inputs.KeypadPaused)

    def stop(self) -> None:
        """Nothing is awaited now."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _start(self, seconds: float, event: type[inputs.NoInput | inputs.KeypadPaused]) -> None:
        self.stop()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._over, event)

    def _over(self, event: type[inputs.NoInput | inputs.KeypadPaused]) -> None:
        self._waiting.nothing_came(event(self._clock.wall()))
