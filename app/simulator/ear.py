"""What the caller hears of the agent: when it is audible, when it has finished, where it stumbles.

Audible is 10 ms whose RMS exceeds −50 dBFS. Audible windows less than `PAUSE_S` apart are one stretch of
speech; a `clear` ends a stretch for good. Times are monotonic seconds. What was fed is known before it plays,
so "has finished" looks ahead into the carrier's buffer, as no caller could, and is exact.

A *gap* is a silence of more than `GAP_MIN_S` for which the carrier had nothing left to play, and after which the
agent went on without the caller having done anything. One of more than `GAP_MAX_S` may lie between two utterances: it
is a gap where the server sets marks, and had set none behind the last it sent.
"""

from __future__ import annotations

import audioop
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import lru_cache

from app.audio.g711 import BYTES_PER_MS, to_linear

AUDIBLE_RMS = 32768 * 10 ** (-50 / 20)
WINDOW_MS = 10
PAUSE_S = 0.2
GAP_MIN_S = 0.06
GAP_MAX_S = 1.0
CALLER_MATTERS_S = 2.0
SHORTEST_ANSWER_S = 0.3
SENTENCES_APART_S = 0.5
_WINDOW_BYTES = WINDOW_MS * BYTES_PER_MS
# pieces of audio that are known by heart: hundreds of callers are told the same
_PIECES_KNOWN = 4096


@dataclass(slots=True)
class Stretch:
    """Audible agent speech without a longer pause."""

    begins_at: float
    ends_at: float
    closed: bool = False

    def __repr__(self) -> str:
        return f"Stretch({self.begins_at:.3f}-{self.ends_at:.3f})"


@dataclass(frozen=True, slots=True)
class Gap:
    """The agent fell silent in mid-speech because nothing was there to play."""

    at: float
    seconds: float


@dataclass(slots=True)
class Ear:
    """Follows the agent's audio as the carrier takes it in; `sounds` are what is audible without any pause."""

    stretches: list[Stretch] = field(default_factory=list)
    sounds: list[Stretch] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    clears: list[float] = field(default_factory=list)
    _taken: int = 0
    _dry_at: float = float("-inf")
    _marked_at: float = float("inf")  # until there is a mark
    _run_began: float = float("-inf")
    _caller_did: float = float("-inf")

    def fed(self, audio: bytes, begins_at: float) -> None:
        """Audio that will play from `begins_at` on, unless a clear comes first."""
        self._watch_for_gap(begins_at)
        self._dry_at = begins_at + len(audio) / BYTES_PER_MS / 1000
        for offset_s, length_s in _audible_windows(audio):
            self._audible(begins_at + offset_s, begins_at + offset_s + length_s)

    def marked(self) -> None:
        """A mark stands behind all that was fed."""
        self._marked_at = self._dry_at

    def cleared(self, now: float) -> None:
        """The carrier threw away what would have played after `now`."""
        self.clears.append(now)
        self.cut_off(now)

    def cut_off(self, now: float) -> None:
        """Nothing plays after `now`."""
        _cut_off(self.stretches, now)
        _cut_off(self.sounds, now)
        self._dry_at = self._run_began = float("-inf")
        if self._marked_at < float("inf"):  # a mark in what was thrown away stands behind nothing
            self._marked_at = min(self._marked_at, now)

    def caller_did(self, now: float) -> None:
        """The caller speaks or presses a key: what the agent does next may be a response to it."""
        self._caller_did = now

    def quiet_for(self, now: float) -> float:
        """Seconds since the agent was last audible; negative while audible audio is still to be played."""
        return now - self.stretches[-1].ends_at if self.stretches else float("inf")

    def take_speech(self, now: float, pause_s: float) -> Stretch | None:
        """What the agent said since the last time, once it was silent for `pause_s` or was cut off; told once."""
        group = self.stretches[self._taken : self._taken + 1]
        for stretch in self.stretches[self._taken + 1 :]:
            if group[-1].closed or stretch.begins_at - group[-1].ends_at >= pause_s:
                break
            group.append(stretch)
        if not group or not (group[-1].closed or now - group[-1].ends_at >= pause_s):
            return None
        self._taken += len(group)
        return Stretch(group[0].begins_at, group[-1].ends_at, closed=True)

    def untold_since(self) -> float:
        """When the speech began that `take_speech` has yet to tell of; infinite where there is none."""
        return self.stretches[self._taken].begins_at if self._taken < len(self.stretches) else float("inf")

    def ran_together(self, began_at: float, ended_at: float) -> bool:
        """Whether the agent spoke on from before an act of the caller's until well after it, and was not silenced.

        An answer may have followed then without a pause: where it begins, nobody can tell by ear.
        """
        return self._went_on_until(began_at, ended_at) > ended_at + SHORTEST_ANSWER_S

    def _went_on_until(self, began_at: float, ended_at: float) -> float:
        """When what the agent was saying before an act was over, sentences that followed during it included."""
        until = float("-inf")
        if self._silenced_since(began_at):
            return until
        for one in self.stretches[max(0, self._first_since(began_at) - 1) :]:
            goes_on = one.begins_at < ended_at and one.begins_at - until < SENTENCES_APART_S
            if one.begins_at < began_at or goes_on:
                until = one.ends_at
        return until

    def onset_since(self, began_at: float, ended_at: float) -> float | None:
        """When the agent began to answer an act of the caller's that lasted from `began_at` to `ended_at`.

        The first stretch that begins after its end; failing that, the last one that cut into it: more of what the
        agent was saying before does not, nor does what the act silenced.
        """
        since = self.clears[-1] if self._silenced_since(began_at) else began_at
        begins = [stretch.begins_at for stretch in self.stretches[self._first_since(since) :]]
        after = [at for at in begins if at >= ended_at]
        cut_in = [at for at in begins if at > self._went_on_until(began_at, ended_at)]
        return after[0] if after else (cut_in[-1] if cut_in else None)

    def _silenced_since(self, moment: float) -> bool:
        return bool(self.clears) and self.clears[-1] >= moment

    def _first_since(self, moment: float) -> int:
        """Which stretch is the first to begin at a moment or later; asked 50 times a second."""
        return bisect_left(self.stretches, moment, key=_beginning)

    def _audible(self, begins_at: float, ends_at: float) -> None:
        _append(self.stretches, begins_at, ends_at, PAUSE_S)
        _append(self.sounds, begins_at, ends_at, WINDOW_MS / 2000)

    def _watch_for_gap(self, begins_at: float) -> None:
        dry_s = begins_at - self._dry_at
        if dry_s <= GAP_MIN_S:
            return
        responds = self._caller_did > max(self._run_began, self._dry_at - CALLER_MATTERS_S)
        in_midst = dry_s < GAP_MAX_S or self._marked_at < self._dry_at
        if in_midst and not responds:
            self.gaps.append(Gap(self._dry_at, dry_s))
        else:
            self._run_began = begins_at


def _beginning(stretch: Stretch) -> float:
    return stretch.begins_at


def _append(stretches: list[Stretch], begins_at: float, ends_at: float, pause_s: float) -> None:
    """As part of the last one, if it comes less than `pause_s` behind it."""
    last = stretches[-1] if stretches else None
    if last is not None and not last.closed and begins_at - last.ends_at < pause_s:
        last.ends_at = ends_at
    else:
        stretches.append(Stretch(begins_at, ends_at))


def _cut_off(stretches: list[Stretch], now: float) -> None:
    while stretches and stretches[-1].begins_at >= now:
        stretches.pop()
    if stretches:
        last = stretches[-1]
        last.ends_at, last.closed = min(last.ends_at, now), True


@lru_cache(_PIECES_KNOWN)
def _audible_windows(audio: bytes) -> tuple[tuple[float, float], ...]:
    """Where its audible windows begin and how long they last, in seconds."""
    windows = [(at, audio[at : at + _WINDOW_BYTES]) for at in range(0, len(audio), _WINDOW_BYTES)]
    return tuple(
        (at / BYTES_PER_MS / 1000, len(window) / BYTES_PER_MS / 1000)
        for at, window in windows
        if audioop.rms(to_linear(window), 2) > AUDIBLE_RMS
    )
