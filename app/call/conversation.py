"""A call's conversation on one stream: turn-taking above, the flow below, ear and voice at the sides.

What happens comes in at once (edges of speech, keys, timers) and moves the turn. What takes time (understanding,
deciding) is done by one task, input by input, so a transition of the flow is never cut in the middle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.audio.echo import EchoGate
from app.call.flow_run import MASK, FlowRun, Step
from app.call.listener import Listener
from app.call.registry import Call
from app.call.services import Services
from app.call.speaker import Prompt, Speaker, Spoken
from app.call.timeline import Timeline
from app.carriers.events import OutboundCommand
from app.dialogue.turn import Turn, TurnAction, TurnEvent, TurnState
from app.errors import ProviderError
from app.flow import effects as fx
from app.flow import inputs
from providers.base import Hypothesis, TranscriptionStream

INPUTS_WAITING = 64
WORDS_EXPECTED_MS = 500.0
RELEASE_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class _TurnEnded:
    """The caller's turn is over: their speech ended at `t0`, which was known at `decided_at`."""

    t0: float
    decided_at: float
    window_waited_ms: float
    voiced_ms: float


@dataclass(slots=True)
class Partial:
    """The last that the transcriber thought of the current utterance, for when its final does not come."""

    hypothesis: Hypothesis | None = None

    def arrived(self, hypothesis: Hypothesis) -> None:
        self.hypothesis = hypothesis

    def take(self) -> Hypothesis | None:
        """The hypothesis, once."""
        taken, self.hypothesis = self.hypothesis, None
        return taken


class Conversation:
    """Implements `SpeakerReports`. `ended` ends the stream and gives the reason."""

    def __init__(
        self,
        call: Call,
        services: Services,
        transcription: TranscriptionStream,
        partial: Partial,
        send: Callable[[OutboundCommand], Awaitable[None]],
        ended: Callable[[str], None],
    ) -> None:
        self._call = call
        self._services = services
        self._clock = services.clock
        self._transcription = transcription
        self._partial = partial
        self._ended = ended
        self._flow = FlowRun(call, services.clock)
        self._turn = Turn()
        self._inputs: asyncio.Queue[_TurnEnded | inputs.Input] = asyncio.Queue(INPUTS_WAITING)
        self._busy = False
        self._listen: fx.Listen | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timeline: Timeline | None = None
        self._answer: Prompt | None = None
        self._ends_with: str | None = None
        echo = EchoGate()
        self.speaker = Speaker(self._clock, services.speech.synthesizer, echo, send, self)
        self.listener = Listener(
            self._clock,
            self._turn,
            services.speech.detector,
            transcription,
            echo,
            self._happened,
            self._may_interrupt,
        )

    async def run(self) -> None:
        """Speak and listen, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.speaker.make(group))
            group.create_task(self.speaker.send())
            self._begin()
            while True:
                self._await_caller()
                event = await self._inputs.get()
                self._busy = True
                await self._take(event)
                self._busy = False

    def pressed(self, digit: str) -> None:
        """The caller pressed a key; it counts for the question that is being asked."""
        if self.speaker.prompt and self.speaker.prompt.by_key:
            self._yield_floor()
        self._put(inputs.Pressed(digit, self._clock.wall()))

    async def aclose(self) -> None:
        """Let go of everything, in bounded time."""
        self._call.unheard = self.speaker.unheard
        self._turn.happened(TurnEvent.ENDED)
        self._stop_timer()
        self.listener.close()
        async with asyncio.timeout(RELEASE_TIMEOUT_S):
            await self._transcription.aclose()

    # what the speaker reports

    def speech_ready(self, prompt: Prompt, asked: float, ready: float) -> None:
        if self._timeline and prompt is self._answer:
            self._timeline.stage("speech_first_byte", asked, ready)

    def prompt_started(self, prompt: Prompt, ready: float, sent: float) -> None:
        self._happened(TurnEvent.AGENT_STARTED)
        self._call.journal.write("said", text=prompt.record, node=prompt.node, cached=False)
        if self._timeline and prompt is self._answer:
            self._timeline.stage("first_frame_out", ready, sent)
            self._timeline.waited("pacing", (sent - ready) * 1000)
            self._call.journal.write("turn", timeline=self._timeline.as_record())
            self._services.turn_answered(self._timeline)
            self._timeline = None

    def prompt_ended(self, spoken: Spoken) -> None:
        self._call.journal.write("heard", text=spoken.heard)

    def prompt_failed(self, prompt: Prompt, error: ProviderError) -> None:
        self._call.journal.write("error", text=f"{prompt.node} could not be spoken: {error}")

    def fell_silent(self) -> None:
        self._happened(TurnEvent.AGENT_FINISHED)
        if not self._busy:
            self._happened(TurnEvent.ANSWERED)
        self._end_if_done()

    # turn-taking

    def _happened(self, event: TurnEvent) -> None:
        match self._turn.happened(event):
            case TurnAction.OPEN:
                self._transcription.utterance_started()
            case TurnAction.PAUSE:
                self._transcription.utterance_paused()
            case TurnAction.COMMIT:
                self._commit()
            case TurnAction.DISCARD:
                self._transcription.discard()
            case TurnAction.YIELD:
                self._yield_floor()
        self._await_caller()

    def _may_interrupt(self) -> bool:
        prompt = self.speaker.prompt
        return prompt is None or prompt.by_speech

    def _yield_floor(self) -> None:
        cut = self.speaker.interrupt()
        heard = " ".join(spoken.heard for spoken in cut if spoken.heard)
        unheard = " ".join(spoken.unheard for spoken in cut if spoken.unheard)
        if unheard:
            self._call.journal.write("interrupted", heard=heard, unheard=unheard)

    def _commit(self) -> None:
        listener, now = self.listener, self._clock.now()
        t0 = min(listener.speech_ended_at, now)
        self._put(_TurnEnded(t0, now, listener.window_waited_ms, listener.voiced_ms))

    def _put(self, event: _TurnEnded | inputs.Input) -> None:
        try:
            self._inputs.put_nowait(event)
        except asyncio.QueueFull:
            self._call.journal.write("error", text=f"{INPUTS_WAITING} inputs wait already; one was dropped")

    def _await_caller(self) -> None:
        """Let a timer run exactly while something is awaited from the caller and nothing has come."""
        self._stop_timer()
        if not self._listen or self._busy or not self._inputs.empty():
            return
        loop, keypad = asyncio.get_running_loop(), self._listen.keypad
        if keypad and self._listen.collected:
            self._timer = loop.call_later(keypad.pause_ms / 1000, self._keypad_paused)
        elif self._turn.state is TurnState.QUIET and not self.speaker.speaking:
            self._timer = loop.call_later(self._listen.timeout_ms / 1000, self._no_input)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _no_input(self) -> None:
        self._put(inputs.NoInput(self._clock.wall()))

    def _keypad_paused(self) -> None:
        self._put(inputs.KeypadPaused(self._clock.wall()))

    # understanding and answering

    def _begin(self) -> None:
        """A call that comes back hears what it missed; the question is part of that, or is put again."""
        missed, step = self._call.unheard, self._flow.begin()
        for prompt in missed:
            self.speaker.say(prompt)
        self._perform(Step((), step.then) if missed else step)

    async def _take(self, event: _TurnEnded | inputs.Input) -> None:
        heard: inputs.Input | None
        if isinstance(event, _TurnEnded):
            heard = await self._understand(event)
        else:
            heard, self._timeline = event, None
        if heard:
            started = self._clock.now()
            step = self._flow.take(heard)
            if self._timeline:
                self._timeline.stage("decide", started, self._clock.now())
            self._perform(step)
        if not self.speaker.speaking:
            self._happened(TurnEvent.ANSWERED)

    async def _understand(self, turn: _TurnEnded) -> inputs.Heard | None:
        asked = self._clock.now()
        timeline = self._timeline = Timeline(turn.t0)
        timeline.stage("endpoint", turn.t0, turn.decided_at)
        timeline.waited("voice_batch", turn.window_waited_ms)
        timeline.waited("event_loop", (asked - turn.decided_at) * 1000)
        hypothesis = await self._final_words()
        timeline.stage("stt_final", asked, self._clock.now())
        if not hypothesis.text and turn.voiced_ms < WORDS_EXPECTED_MS:
            return None
        return inputs.Heard(hypothesis.text, hypothesis.language, hypothesis.confidence, self._clock.wall())

    async def _final_words(self) -> Hypothesis:
        try:
            hypothesis = await self._transcription.finish()
        except ProviderError as error:
            self._call.journal.write("error", text=f"the transcriber failed at the end of a turn: {error}")
            return self._partial.take() or Hypothesis("", self._call.language, final=True, audio_ms=0.0)
        self._partial.take()
        return hypothesis

    def _perform(self, step: Step) -> None:
        prompts = [self._prompt(say) for say in step.says]
        self._answer = prompts[0] if prompts else None
        for prompt in prompts:
            self.speaker.say(prompt)
        match step.then:
            case fx.Listen():
                self._listen = step.then
            case fx.HangUp(reason=reason):
                self._ends_with = reason
            case fx.Transfer():
                self._call.next_step = step.then
                self._ends_with = "transfer"
        self._end_if_done()

    def _prompt(self, say: fx.Say) -> Prompt:
        synthesizer = self._services.speech.synthesizer
        voice = synthesizer.voice(say.language) or synthesizer.default_voice
        return Prompt(
            text=say.text,
            record=MASK if say.sensitive else say.text,
            node=say.node,
            voice=voice,
            by_speech=say.barge_in in ("speech", "any"),
            by_key=say.barge_in in ("dtmf", "any"),
        )

    def _end_if_done(self) -> None:
        if self._ends_with and not self.speaker.speaking:
            self._ended(self._ends_with)
