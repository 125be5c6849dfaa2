"""Where the time of an answer goes, from the end of the caller's turn to the first frame that answers it, as heard."""

from __future__ import annotations

from app.call.floor import TurnEnded
from app.call.saying import Prompt
from app.call.timeline import Timeline


class AnswerTiming:
    """The answer that is awaited, if one is: `prompt` is its first words. Moments are monotonic seconds."""

    def __init__(self) -> None:
        self._timeline: Timeline | None = None
        self._deciding_since = 0.0
        self.prompt: Prompt | None = None

    def begin(self, timeline: Timeline, now: float) -> None:
        """A turn is being answered: what follows is being decided."""
        self._timeline, self.prompt = timeline, None
        self._deciding_since = now

    def decided(self, now: float) -> None:
        """What follows a turn is known."""
        if self._timeline and "decide" not in self._timeline.stages:
            self._timeline.stage("decide", self._deciding_since, now)

    def expect(self, prompt: Prompt) -> None:
        """The answer begins with it, unless its first words are known already."""
        self.prompt = self.prompt or prompt

    def forget(self) -> None:
        """Something else has happened, or the turn was none."""
        self._timeline = None

    @property
    def awaited(self) -> bool:
        """Whether the answer to a turn has not begun yet."""
        return self._timeline is not None

    def speculated(self, begun: int) -> None:
        """So many replies were begun before the turn was over."""
        if self._timeline:
            self._timeline.decisions["replies_begun_early"] = begun

    def acknowledged(self) -> None:
        """The answer is late, and that was said."""
        if self._timeline:
            self._timeline.decisions["acknowledged"] = True

    def model_began(self, prompt: Prompt, asked: float, now: float) -> None:
        """A model's words that was asked have come; the first are the answer where nothing else was said."""
        if self._timeline and self.prompt is None:
            self._timeline.stage("model_first_token", asked, now)
            self.prompt = prompt

    def service_answered(self, asked: float, now: float) -> None:
        """The answer waited for a service."""
        if self._timeline:
            self._timeline.stage("service", asked, now)

    def speech_ready(self, prompt: Prompt, due: float, asked: float, ready: float) -> None:
        """The first audio of a prompt has been made; its turn had come when it was `due`."""
        if self._timeline and prompt is self.prompt:
            self._timeline.waited("hand_over", (asked - due) * 1000)
            self._timeline.stage("speech_first_byte", asked, ready)

    def started(self, prompt: Prompt, ready: float, sent: float, heard: float) -> Timeline | None:
        """The first frame of a prompt was sent, to be `heard` then; the whole timeline if it was the answer's."""
        if self._timeline:
            self._timeline.can_be_heard(heard)
        if prompt is not self.prompt or self._timeline is None:
            return None
        timeline, self._timeline = self._timeline, None
        timeline.stage("first_frame_out", ready, heard)
        timeline.waited("pacing", (sent - ready) * 1000)
        return timeline


def timeline_of(turn: TurnEnded, now: float) -> Timeline:
    """Where the time of a turn's answer went up to `now`, when somebody took it up."""
    timeline = Timeline(turn.t0)
    timeline.stage("endpoint", turn.t0, turn.decided_at)
    pause = turn.pause
    timeline.decisions = {"complete": pause.complete, "end_probability": pause.end_probability}
    if pause.later_probability is not None:
        timeline.decisions["later_probability"] = pause.later_probability
    timeline.waited("voice_batch", turn.window_waited_ms)
    timeline.waited("event_loop", (now - turn.decided_at) * 1000)
    return timeline
