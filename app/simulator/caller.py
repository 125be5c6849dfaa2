"""The person on the line: waits for the agent to finish, speaks, presses keys, interrupts, hangs up.

Free of sockets and timers: `tick` is called every 20 ms and moves a script on, which is written as a generator
that yields whenever it has to wait. The script outlives a media stream: after a transfer it goes on with the
next one. Moments are monotonic seconds; a turn's are seconds since the call began.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass

from app.simulator.ear import Ear, Stretch
from app.simulator.steps import Expect, Press, StaySilent
from app.simulator.stream import MediaStream
from app.simulator.turns import Turn
from app.simulator.utterance import Utterance

KEY_EVERY_S = 0.25

Waiting = Generator[None, None, None]


@dataclass(frozen=True, slots=True)
class Speak:
    """An utterance ready to be said, at the agent's pause or, with `after_ms`, into the agent's speech."""

    utterance: Utterance
    about: Mapping[str, str]
    after_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Until:
    """Wait until somebody who knows more than can be heard says that it is enough; and, if `quiet`, until the agent
    has fallen silent.
    """

    enough: Callable[[], bool]
    quiet: bool = True


Act = Speak | Press | StaySilent | Expect | Until


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller waits: `pause_ms` of the agent's silence is taken for its end, `unsure_ms` where the caller had
    spoken into its words and cannot tell whether the answer was among them.
    """

    pause_ms: float = 500.0
    unsure_ms: float = 2000.0
    greeting_s: float = 5.0
    answer_s: float = 15.0
    monologue_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something worth showing while the call goes on. `who`: caller, agent, keys or call."""

    at_s: float
    who: str
    text: str


class Caller:
    """Takes `acts` one after the other, each when the last is done. `turns[0]` is the agent's greeting."""

    def __init__(
        self,
        acts: Iterable[Act],
        ear: Ear,
        call_began: float,
        *,
        patience: Patience,
        observe: Callable[[Event], None],
        heard: Callable[[Stretch, Turn], None],
    ) -> None:
        self.turns = [Turn({}, 0.0, 0.0, answer_due=False)]
        self.hung_up = False
        self._acts = iter(acts)
        self._waiting = 0
        self._ear = ear
        self._call_began = call_began
        self._patience = patience
        self._observe = observe
        self._heard = heard
        self._stream: MediaStream | None = None
        self._line_since = call_began
        self._now = call_began
        self._messages: list[str] = []
        self._script = self._run()

    def joined(self, stream: MediaStream, now: float) -> None:
        """The call is on a stream now; on another one after a transfer."""
        self._stream, self._line_since = stream, now

    def tick(self, now: float) -> list[str]:
        """Go on until the next wait; returns what this sends."""
        self._now = now
        self._listen(self._patience.pause_ms / 1000)
        next(self._script, None)
        messages, self._messages = self._messages, []
        return messages

    def finish(self, now: float) -> int:
        """The call is over; returns how many steps could not be taken any more."""
        self._now = now
        self._listen(0.0)
        self._close_turn()
        return self._waiting + sum(not isinstance(act, Until) for act in self._acts)

    def _run(self) -> Waiting:
        for act in self._acts:
            match act:
                case Expect():
                    self.turns[-1].expects.append(act)
                case Until():
                    yield from self._wait(act)
                case _:
                    self._waiting = 1
                    yield from self._await_turn(act)
                    self._close_turn()
                    self._waiting = 0
                    yield from self._perform(act)
        yield from self._hear_out()
        self.hung_up = True

    def _wait(self, act: Until) -> Waiting:
        pause_s = self._patience.pause_ms / 1000
        while not act.enough() or (act.quiet and self._ear.quiet_for(self._now) < pause_s):
            yield

    def _perform(self, act: Speak | Press | StaySilent) -> Waiting:
        match act:
            case Speak():
                yield from self._speak(act)
            case Press(digits):
                yield from self._press(digits)
            case StaySilent(seconds):
                yield from self._stay_silent(seconds)

    def _speak(self, act: Speak) -> Waiting:
        assert self._stream is not None
        began, seconds = self._stream.say(act.utterance, self._now), act.utterance.voiced_ms / 1000
        self._begin_turn(dict(act.about), began, began + seconds)
        text = act.about.get("text") or act.about.get("audio", "")
        self._tell("caller", f"{text}  ({seconds:.1f} s)", began)
        while self._stream.speaking:
            yield

    def _press(self, digits: str) -> Waiting:
        turn = self._begin_turn({"dtmf": digits}, self._now, self._now)
        self._tell("keys", digits, self._now)
        for digit in digits:
            assert self._stream is not None
            self._messages += self._stream.press(digit, self._now)
            turn.t0_s = self._now - self._call_began
            yield from self._until(self._now + KEY_EVERY_S)

    def _stay_silent(self, seconds: float) -> Waiting:
        turn = self._begin_turn({"silence": seconds}, self._now, None)
        turn.answer_due = False
        self._tell("caller", f"(silent for {seconds:g} s)", self._now)
        yield from self._until(self._now + seconds)

    def _await_turn(self, act: Speak | Press | StaySilent) -> Waiting:
        if isinstance(act, Speak) and act.after_ms is not None:
            yield from self._hear_for(act.after_ms / 1000)
        else:
            yield from self._hear_out()

    def _hear_out(self) -> Waiting:
        """Until the agent has answered and fallen silent, or has not answered for too long."""
        while True:
            onset = self._onset_here()
            if onset is None and self._waited() > self._limit_s():
                return
            if onset is not None and self._ear.quiet_for(self._now) >= self._patience.pause_ms / 1000:
                return
            if self._has_perhaps_answered():
                return
            if onset is not None and self._now - onset > self._patience.monologue_s:
                return
            yield

    def _onset_here(self) -> float | None:
        """When the agent began to answer; a call that is back on a stream is spoken to anew."""
        onset = self._onset()
        if onset is not None and onset < self._line_since:
            return self._ear.onset_since(self._line_since, self._line_since)
        return onset

    def _hear_for(self, seconds: float) -> Waiting:
        """Until the agent's answer has lasted that long."""
        while (onset := self._onset()) is None or self._now < onset + seconds:
            if onset is None and (self._waited() > self._limit_s() or self._has_perhaps_answered()):
                return
            yield

    def _has_perhaps_answered(self) -> bool:
        """The agent spoke on through the act, and has said nothing since."""
        quiet_ms = self._ear.quiet_for(self._now) * 1000
        return quiet_ms >= self._patience.unsure_ms and self._ran_together()

    def _until(self, moment: float) -> Waiting:
        while self._now < moment - 1e-6:
            yield

    def _onset(self) -> float | None:
        turn = self.turns[-1]
        began = self._call_began + turn.began_s
        ended = began if turn.t0_s is None else self._call_began + turn.t0_s
        return self._ear.onset_since(began, ended)

    def _ran_together(self) -> bool:
        turn = self.turns[-1]
        if turn.t0_s is None:
            return False
        return self._ear.ran_together(self._call_began + turn.began_s, self._call_began + turn.t0_s)

    def _waited(self) -> float:
        turn = self.turns[-1]
        since = self._call_began + (turn.began_s if turn.t0_s is None else turn.t0_s)
        return self._now - max(since, self._line_since)

    def _limit_s(self) -> float:
        if len(self.turns) == 1:
            return self._patience.greeting_s
        return self._patience.answer_s if self.turns[-1].answer_due else 0.0

    def _begin_turn(self, about: dict[str, object], began: float, t0: float | None) -> Turn:
        t0_s = None if t0 is None else t0 - self._call_began
        self.turns.append(Turn(about, began - self._call_began, t0_s))
        return self.turns[-1]

    def _close_turn(self) -> None:
        turn, onset = self.turns[-1], self._onset()
        turn.ended_s = self._now - self._call_began
        turn.ran_together = self._ran_together()
        if turn.ran_together:
            return
        if onset is not None and turn.t0_s is not None:
            turn.any_audio_ms = (onset - self._call_began - turn.t0_s) * 1000
            turn.answer_audio_ms = turn.any_audio_ms

    def _listen(self, pause_s: float) -> None:
        while speech := self._ear.take_speech(self._now, pause_s):
            began_s = speech.begins_at - self._call_began
            turn = next((turn for turn in reversed(self.turns) if turn.began_s <= began_s), self.turns[0])
            self._heard(speech, turn)

    def _tell(self, who: str, text: str, at: float) -> None:
        self._observe(Event(at - self._call_began, who, text))
