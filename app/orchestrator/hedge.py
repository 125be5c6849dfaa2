"""How long providers are waited for: what is learned of each, and how often a second model may be asked beside."""

from __future__ import annotations

from collections import deque

SAMPLES = 500
TOKENS_NEEDED = 20
SOUNDS_NEEDED = 5
SHARE = 0.1
SAVED_MOST = 5.0

FIRST_TOKEN_FACTOR = 2.5
FIRST_TOKEN_LEAST_S = 0.8
FIRST_TOKEN_MOST_S = 2.0
COLD_ALLOWANCE_S = 0.7
COLD_AFTER_S = 90.0  # as long as an idle connection is kept

FIRST_SOUND_LEAST_S = 0.4
FIRST_SOUND_MOST_S = 1.0


class _Learned:
    """How long one provider took, the last times."""

    def __init__(self, needed: int) -> None:
        self._samples_s: deque[float] = deque(maxlen=SAMPLES)
        self._needed = needed

    def learn(self, seconds: float) -> None:
        """It came after `seconds`, or had not come by then when nobody waited for it any longer."""
        self._samples_s.append(seconds)

    def quantile_s(self, share: float) -> float | None:
        """In seconds; None until enough is known."""
        if len(self._samples_s) < self._needed:
            return None
        return sorted(self._samples_s)[int(share * len(self._samples_s))]


class FirstSounds(_Learned):
    """How long one voice takes to its first sound."""

    def __init__(self) -> None:
        super().__init__(SOUNDS_NEEDED)

    def deadline_s(self) -> float:
        """How long a first sound may take before another voice is asked.

        Services differ: 100 ms with one is usual, 500 ms with another, which is slow and well. The fixed words that are
        spoken ahead teach it before anybody calls.
        """
        median_s, p90_s = self.quantile_s(0.5), self.quantile_s(0.9)
        if median_s is None or p90_s is None:
            return FIRST_SOUND_MOST_S
        return min(max(FIRST_TOKEN_FACTOR * median_s, p90_s, FIRST_SOUND_LEAST_S), FIRST_SOUND_MOST_S)


class FirstTokens(_Learned):
    """How long one model takes to its first token."""

    def __init__(self) -> None:
        super().__init__(TOKENS_NEEDED)
        self._warm_until_s: float | None = None

    def used(self, now_s: float) -> None:
        """There is a connection to it now."""
        self._warm_until_s = now_s + COLD_AFTER_S

    def deadline_s(self, now_s: float) -> float:
        """How long a first token may take before somebody else is asked whatever it costs.

        Never less than nine in ten of its first tokens take: who is merely slow is well.
        """
        median_s, p90_s = self.quantile_s(0.5) or 0.0, self.quantile_s(0.9) or 0.0
        usual_s = max(FIRST_TOKEN_FACTOR * median_s, FIRST_TOKEN_LEAST_S, p90_s)
        cold = self._warm_until_s is None or now_s > self._warm_until_s
        return min(usual_s + (COLD_ALLOWANCE_S if cold else 0.0), FIRST_TOKEN_MOST_S)

    def hedge_after_s(self, now_s: float) -> float:
        """How long a first token may take before a second provider is asked beside."""
        return min(self.quantile_s(0.9) or FIRST_TOKEN_MOST_S, self.deadline_s(now_s))


class HedgeTokens:
    """A bucket into which every turn puts a tenth of a hedge: a turn, and not each reply that is asked for."""

    def __init__(self) -> None:
        self._saved = 0.0

    def turn(self) -> None:
        self._saved = min(self._saved + SHARE, SAVED_MOST)

    def take(self) -> bool:
        """Whether one more hedge can be paid for; if so, it is."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True
