"""Whether a provider is asked at all, learned from how it answered.

    closed     it is asked. Opens after 5 failures in a row, or when half of at least 10 attempts in 30 s failed, and
               at once when the service names a time to come back after.
    open       it is left alone for 5 s, or as long as it asked for; for good when its credentials are wrong.
    half_open  one small probe is under way: closes or opens again by what becomes of it.

A request that the service refuses for what is in it says nothing about the service. Nothing here reads a clock:
`now_s` is monotonic.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from typing import Literal

from app.errors import BadCredentials, BadRequest, ProviderError, RateLimited

State = Literal["closed", "open", "half_open"]

FAILURES_IN_A_ROW = 5
WINDOW_S = 30.0
WINDOW_ATTEMPTS = 10
WINDOW_SHARE = 0.5
OPEN_S = 5.0


class Breaker:
    """See above. `state` is what it is in, `locked` whether only new settings can help.

    `successes` counts attempts and probes that went well, `failures` the others by the kind of their error.
    """

    def __init__(self) -> None:
        self.state: State = "closed"
        self.successes = 0
        self.failures: Counter[str] = Counter()
        self._closes_at_s = -math.inf
        self._in_a_row = 0
        self._outcomes: deque[tuple[float, bool]] = deque()

    def __repr__(self) -> str:
        return f"Breaker({self.state}{', locked' if self.locked else ''})"

    @property
    def allows(self) -> bool:
        """Whether a caller's request may go to the provider."""
        return self.state == "closed"

    @property
    def locked(self) -> bool:
        return self._closes_at_s == math.inf

    def probe(self, now_s: float) -> bool:
        """Whether it is time for a probe; if so, it counts as begun."""
        if self.state != "open" or now_s < self._closes_at_s:
            return False
        self.state = "half_open"
        return True

    def succeeded(self, now_s: float) -> None:
        """An attempt, or the probe, went well."""
        self.successes += 1
        self._went_well(now_s)

    def _went_well(self, now_s: float) -> None:
        if self.state == "half_open":
            self.state = "closed"
            self._outcomes.clear()
        self._in_a_row = 0
        self._note(now_s, well=True)

    def failed(self, now_s: float, error: ProviderError) -> None:
        """An attempt, or the probe, failed."""
        self.failures[type(error).__name__] += 1
        if isinstance(error, BadCredentials):
            self._open(math.inf)
        elif isinstance(error, RateLimited) and error.retry_after_s is not None:
            self._open(max(self._closes_at_s, now_s + error.retry_after_s))
        elif isinstance(error, BadRequest):
            if self.state == "half_open":
                self._went_well(now_s)
        elif self.state == "half_open":
            self._open(now_s + OPEN_S)
        elif self.state == "closed":
            self._in_a_row += 1
            self._note(now_s, well=False)
            if self._in_a_row >= FAILURES_IN_A_ROW or self._too_many():
                self._open(now_s + OPEN_S)

    def _open(self, until_s: float) -> None:
        self.state = "open"
        self._closes_at_s = max(until_s, self._closes_at_s if self.locked else until_s)
        self._in_a_row = 0
        self._outcomes.clear()

    def _note(self, now_s: float, *, well: bool) -> None:
        self._outcomes.append((now_s, well))
        while self._outcomes[0][0] < now_s - WINDOW_S:
            self._outcomes.popleft()

    def _too_many(self) -> bool:
        failures = sum(not well for _, well in self._outcomes)
        return len(self._outcomes) >= WINDOW_ATTEMPTS and failures >= WINDOW_SHARE * len(self._outcomes)
