"""A call's conversation on one stream: turn-taking above, the flow below, ear and voice at the sides.

What happens comes in at once (edges of speech, keys, timers) and moves the turn. What takes time (understanding,
deciding) is done by one task, input by input, so a transition of the flow is never cut in the middle.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import replace

from app.audio.echo import EchoGate
from app.call.answer_timing import AnswerTiming, timeline_of
from app.call.call import Call
from app.call.floor import Floor, TurnEnded
from app.call.flow_run import FlowRun, Step
from app.call.hearing import Hearing
from app.call.held_inputs import HeldInputs
from app.call.http_client import Answer
from app.call.message_taking import MessageTaking
from app.call.model_desk import ModelDesk
from app.call.patience import Patience
from app.call.prompts import prompt_of, tone_of
from app.call.secrecy import Secrecy
from app.call.service_desk import ServiceDesk
from app.call.services import Services
from app.call.speaker import Prompt, Speaker, Spoken
from app.call.tasks import Tasks
from app.call.timeline import Timeline
from app.carriers.events import OutboundCommand
from app.dialogue.turn import TurnEvent, TurnState
from app.errors import ProviderError
from app.flow import effects as fx
from app.flow import inputs
from providers.base import Hypothesis

INPUTS_WAITING = 64
WORDS_EXPECTED_MS = 500.0
RELEASE_TIMEOUT_S = 1.0


class Conversation:
    """Implements `SpeakerReports`, `FloorActor`, `Counter`, `ModelCounter`, `MessageReports` and `Waiting`.
    `ended` ends the stream and gives the reason.
    """

    def __init__(
        self,
        call: Call,
        services: Services,
        hearing: Hearing,
        tasks: Tasks,
        send: Callable[[OutboundCommand], Awaitable[None]],
        ended: Callable[[str], None],
    ) -> None:
        self._call = call
        self._services = services
        self._clock = services.clock
        self._hearing = hearing
        self._tasks = tasks
        self._ended = ended
        self._flow = FlowRun(call, services)
        self._inputs: asyncio.Queue[TurnEnded | inputs.Input] = asyncio.Queue(INPUTS_WAITING)
        self._busy = False
        self._answer = AnswerTiming()
        self._turn: TurnEnded | None = None
        self._held = HeldInputs()
        self.secrecy = Secrecy(in_force=call.state is not None)
        echo = EchoGate()
        # they report to us and end with us: a cycle would keep each call in memory until it is looked for
        reports = weakref.proxy(self)
        self._patience = Patience(self._clock, reports)
        self.speaker = Speaker(
            self._clock, services.speech.synthesizer, services.speech_cache, echo, send, reports
        )
        self._reply_heard: list[str] = []
        self._models = ModelDesk(services.model, services.clock, call.journal, tasks, reports)
        self._desk = ServiceDesk(services.http, services.clock, call.journal, tasks, reports)
        self.floor = Floor(services, hearing, echo, tasks, reports)
        self._messages = MessageTaking(call, services.messages, self.floor.listener, reports)

    async def run(self) -> None:
        """Speak and listen, for ever."""
        for part in (self.speaker.make(self._tasks), self.speaker.send(), self._flow.foresee()):
            self._tasks.create(part)
        self._begin()
        while True:
            self.floor_changed()
            event = await self._inputs.get()
            self._busy = True
            await self._take(event)
            self._busy = False

    def hear(self, audio: bytes) -> None:
        """Caller audio."""
        self.floor.listener.hear(audio)
        self._messages.hear(audio)

    def pressed(self, digit: str) -> None:
        """The caller pressed a key; it counts for the question that is being asked."""
        if self._messages.going_on:
            self._messages.pressed(digit, self._flow.ending)
            return
        began_at = self.secrecy.key_entry(self._clock.now())
        key = inputs.Pressed(digit, self._clock.wall(), self.secrecy.covers(began_at))
        if self._is_surplus(key, began_at):
            return
        if self.prompt and self.prompt.by_key:
            self.yield_floor()
        self.floor.carry("")
        self._put(key)

    async def aclose(self) -> None:
        """Let go of everything, in bounded time; what cannot be let go of is said, and holds up nothing else."""
        self.floor.close()  # it says so, and patience would begin again
        self._patience.stop()
        self._call.unheard = self.speaker.unheard
        self._messages.close()
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT_S):
                await self._hearing.aclose()
        except (TimeoutError, ProviderError) as error:
            self._error("the transcriber does not let go", error)

    # what the speaker reports

    def speech_ready(self, prompt: Prompt, asked: float, ready: float) -> None:
        self._answer.speech_ready(prompt, asked, ready)

    def prompt_started(self, prompt: Prompt, ready: float, sent: float, *, cached: bool) -> None:
        self.floor.happened(TurnEvent.AGENT_STARTED)
        self._call.journal.write("said", text=prompt.record, node=prompt.node, cached=cached)
        self._flow.spoke(prompt.kind, first=prompt is self._answer.prompt, ready=cached)
        if timeline := self._answer.started(prompt, ready, sent):
            self._call.journal.write("turn", timeline=timeline.as_record())
            self._services.turn_answered(timeline)
        self._patience.renew()

    def prompt_ended(self, spoken: Spoken) -> None:
        if spoken.prompt.generated:
            self._reply_heard.append(spoken.heard)
        self.secrecy.heard(spoken.prompt, self._clock.now())
        self._call.journal.write("heard", text=spoken.heard, gap_ms=round(spoken.gap_ms))

    def prompt_failed(self, prompt: Prompt, error: ProviderError) -> None:
        self._error(f"{prompt.node} could not be spoken", error)

    def fell_silent(self) -> None:
        self.floor.happened(TurnEvent.AGENT_FINISHED)
        if not self._busy:
            self.floor.happened(TurnEvent.ANSWERED)
        self._go_on_if_silent()

    # what a message taken reports

    def message_over(self, seconds: float) -> None:
        self._flow.ending = None
        self._put(inputs.RecordingEnded(seconds, self._clock.wall()))

    def message_failed(self, what: str, error: Exception) -> None:
        self._error(what, error)

    # what the floor asks for

    @property
    def prompt(self) -> Prompt | None:
        return self.speaker.prompt

    @property
    def question(self) -> fx.Listen | None:
        return self._flow.question

    def turn_ended(self, turn: TurnEnded) -> None:
        if self._messages.going_on:  # words of a message are no answer
            turn.text = ""
            self._hearing.discard()
            self.floor.happened(TurnEvent.ANSWERED)
            return
        self._put(turn)

    def turn_taken_back(self, turn: TurnEnded) -> None:
        """Undo the answer if there is one; else it will not be given. Nothing, once something else has happened."""
        if turn.text is not None and turn is not self._turn:
            return
        self._call.journal.write("taken_back")
        turn.taken_back = True
        if turn.text is not None:
            self._forget_turn()
            self._desk.cancel()
            self._models.cancel()
            self.speaker.interrupt()
            self._flow.take_back()
            self.floor.carry(turn.text)

    def yield_floor(self) -> None:
        cut = self.speaker.interrupt()
        heard = " ".join(spoken.heard for spoken in cut if spoken.heard)
        unheard = " ".join(spoken.unheard for spoken in cut if spoken.unheard)
        if unheard:
            self._call.journal.write("interrupted", heard=heard, unheard=unheard)
        of_reply = [spoken.heard for spoken in cut if spoken.prompt.generated]
        if of_reply or self._replying:
            self._reply_heard += filter(None, of_reply)
            self._models.cancel()
            self._put(inputs.ModelInterrupted(self._clock.wall(), " ".join(self._reply_heard)))

    def wary(self, wary: bool) -> None:
        self.speaker.wary = wary

    def floor_changed(self) -> None:
        """Be patient exactly while something is awaited from the caller and nothing has come."""
        self._patience.stop()
        question = self.question
        if not question or self._busy or not self._inputs.empty():
            return
        if question.keypad and question.collected:
            self._patience.await_key(question.keypad.pause_ms)
        elif self.floor.state is TurnState.QUIET and not self.speaker.speaking:
            self._patience.await_answer(question)

    def nothing_came(self, event: inputs.NoInput | inputs.KeypadPaused) -> None:
        self._put(event)

    def _put(self, event: TurnEnded | inputs.Input) -> None:
        try:
            self._inputs.put_nowait(event)
        except asyncio.QueueFull:
            self._call.journal.write("error", text=f"{INPUTS_WAITING} inputs wait already; one was dropped")

    # understanding and answering

    def _begin(self) -> None:
        """A call that comes back hears what it missed; the question is part of that, or is put again."""
        missed, step = self._call.unheard, self._flow.begin()
        for prompt in missed:
            self.speaker.say(prompt)
        self._perform(Step((), step.then) if missed else step)

    async def _take(self, event: TurnEnded | inputs.Input) -> None:
        if isinstance(event, TurnEnded):
            if not event.taken_back:  # else its words come with those that follow
                await self._take_words(event)
        elif isinstance(event, inputs.Outcome | inputs.ModelInterrupted):
            answer = self._answer.prompt if isinstance(event, inputs.ModelReplied) else None
            self._perform(self._flow.take(event))
            self._answer.prompt = answer or self._answer.prompt
            self._release()
        elif self._holding:
            self._held.hold(event)
        else:
            self._forget_turn()
            self._perform(self._flow.take(event))
        if self.question:
            await self._hearing.follow(self.question.language, self._error)
        if not self.speaker.speaking:
            self.floor.happened(TurnEvent.ANSWERED)

    async def _take_words(self, turn: TurnEnded) -> None:
        asked = self._clock.now()
        timeline = timeline_of(turn, asked)
        hypothesis = await self._hearing.final_words(self._error)
        timeline.stage("stt_final", asked, self._clock.now())
        text = f"{self.floor.carried} {hypothesis.text}".strip()
        if turn.taken_back:
            self.floor.carry(text)
            return
        self.floor.carry("")
        if not text and turn.voiced_ms < WORDS_EXPECTED_MS:
            turn.text = ""
            return
        await self._answer_words(turn, text, hypothesis, timeline)

    async def _answer_words(self, turn: TurnEnded, text: str, best: Hypothesis, timeline: Timeline) -> None:
        secret, now = self.secrecy.covers(turn.began_at), self._clock.wall()
        heard = inputs.Heard(text, best.language, best.confidence, now, sensitive=secret)
        surplus = self._is_surplus(heard, turn.began_at)
        if surplus or self._holding:
            turn.text = text
            if not surplus:
                self._held.hold(heard)
            return
        decided = self._clock.now()
        heard = await self._flow.compare(heard, self._services.speech.similarity)
        if turn.taken_back:
            self.floor.carry(text)
            return
        # from here on there is a step to take back
        turn.text, self._turn = text, turn
        self._answer.begin(timeline)
        if self._replying:
            self._models.cancel()
            self._flow.take(inputs.ModelInterrupted(self._clock.wall(), " ".join(self._reply_heard)))
        step = self._flow.take(heard)
        timeline.stage("decide", decided, self._clock.now())
        self._perform(step)

    def _error(self, what: str, error: Exception) -> None:
        self._call.journal.write("error", text=f"{what}: {str(error) or type(error).__name__}")

    def _perform(self, step: Step) -> None:
        answerable = step.then is None or isinstance(step.then, fx.Listen | fx.CallService | fx.AskModel)
        prompts = [self._prompt(say, answerable=answerable) for say in step.says]
        # what bridges the wait for a model's words is no answer
        self._answer.prompt = prompts[0] if prompts and not isinstance(step.then, fx.AskModel) else None
        for prompt in prompts:
            self.speaker.say(prompt)
        if isinstance(step.then, fx.Record):
            self.speaker.say(tone_of(step.then, self._services))
        self._call.checkpoint(self.speaker.unheard)
        if step.then:
            self._models.cancel()
        if self.question and step.then:
            self.secrecy.asked(self.question, self.speaker.unheard, self._clock.now())
        if isinstance(step.then, fx.CallService):
            self._desk.ask(step.then, not_before=self._turn.stands_at if self._turn else 0.0)
        elif isinstance(step.then, fx.AskModel):
            self._reply_heard = []
            self._models.ask(step.then)
        self._desk.look_ahead(self._flow.ready_requests())
        self._patience.renew()
        self._go_on_if_silent()

    def _prompt(self, say: fx.Say, answerable: bool = True) -> Prompt:
        return prompt_of(say, self._services, self._call, answerable=answerable)

    # services and models

    @property
    def _holding(self) -> bool:
        """Whether what the caller does must wait: a service is asked, or a model what they mean."""
        ending = self._flow.ending
        choosing = isinstance(ending, fx.AskModel) and ending.purpose == "choose"
        return choosing or isinstance(ending, fx.CallService)

    @property
    def _replying(self) -> bool:
        """Whether a model makes a reply."""
        return self._models.asking and not self._holding

    def say_reply(self, ask: fx.AskModel, text: str, asked: float) -> None:
        assert ask.speech, "a model speaks in the manner of its node"
        prompt = self._prompt(replace(ask.speech, text=text))
        self._answer.model_began(prompt, asked, self._clock.now())
        self.speaker.say(prompt)

    def model_answered(self, answer: inputs.ModelReplied | inputs.ModelFailed) -> None:
        self._put(answer)

    def say_waiting(self, say: fx.Say) -> None:
        self.speaker.say(self._prompt(say))

    async def silence(self) -> None:
        await self.speaker.silence()

    def _forget_turn(self) -> None:
        self._turn = None
        self._answer.forget()

    def sending(self) -> None:
        self._turn = None

    def answered(self, answer: Answer, asked: float) -> None:
        self._answer.service_answered(asked, self._clock.now())
        self._put(answer)

    def _is_surplus(self, event: inputs.Heard | inputs.Pressed, began_at: float) -> bool:
        """Whether it is the rest of an answer to a sensitive question, which is over: that answers nothing else."""
        surplus = event.sensitive and (self._holding or began_at < self._flow.asked_at)
        if surplus:
            self._flow.note(event)
        return surplus

    def _release(self) -> None:
        """Keys count for the question that has come; words do if they answer it."""
        while self._held and self.question:
            event = self._held.first()
            if isinstance(event, inputs.Heard) and self.question.grammar.complete(event.text) is not True:
                self._flow.note(event)
                continue
            if self.speaker.speaking and not (self.prompt and not self.prompt.by_key):
                self.yield_floor()
            self._forget_turn()
            self._perform(self._flow.take(event))
        if not self._holding:
            self._held.clear()

    def _go_on_if_silent(self) -> None:
        """What is to happen once everything said was heard."""
        if self.speaker.speaking or self._messages.going_on:
            return
        match self._flow.ending:
            case fx.HangUp(reason=reason):
                self._ended(reason)
            case fx.Transfer() as transfer:
                self._call.next_step = transfer
                self._ended("transfer")
            case fx.Record(max_s=max_s):
                self._messages.begin(max_s)
