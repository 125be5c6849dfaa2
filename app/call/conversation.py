"""A call's conversation on one stream: turn-taking above, the flow below, the caller here and the agent there.

What happens comes in at once (edges of speech, keys, timers) and moves the turn. What takes time (understanding,
deciding) is done by one task, input by input, so a transition of the flow is never cut in the middle.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable

from app.audio.echo import EchoGate
from app.call.agent import Agent, Came
from app.call.answer_timing import timeline_of
from app.call.call import Call
from app.call.floor import Floor, TurnEnded
from app.call.flow_run import FlowRun, Step
from app.call.hearing import Hearing
from app.call.held_inputs import HeldInputs
from app.call.message_taking import MessageTaking
from app.call.outbox import Line
from app.call.patience import Patience
from app.call.saying import Prompt
from app.call.secrecy import Secrecy
from app.call.services import Services
from app.call.speaker import Speaker
from app.call.tasks import Tasks
from app.call.timeline import Timeline
from app.dialogue.backchannel import words_beyond
from app.dialogue.turn import TurnEvent, TurnState
from app.errors import ProviderError
from app.flow import effects as fx
from app.flow import inputs
from app.flow.phrases import is_courtesy
from providers.base import Hypothesis

INPUTS_WAITING = 64
WORDS_EXPECTED_MS = 500.0
RELEASE_TIMEOUT_S = 1.0

Event = TurnEnded | Came | inputs.Input


class Conversation:
    """Implements `AgentReports`, `FloorActor`, `MessageReports` and `Waiting`.

    `ended` ends the stream and gives the reason.
    """

    def __init__(
        self,
        call: Call,
        services: Services,
        hearing: Hearing,
        tasks: Tasks,
        line: Line,
        ended: Callable[[str], None],
    ) -> None:
        self._call = call
        self._services = services
        self._clock = services.clock
        self._hearing = hearing
        self._tasks = tasks
        self._ended = ended
        self._flow = FlowRun(call, services)
        self._inputs: asyncio.Queue[Event] = asyncio.Queue(INPUTS_WAITING)
        self._busy = False
        self._turns_waiting = 0
        self._pressed_at = float("-inf")
        self._turn: TurnEnded | None = None
        self._held = HeldInputs()
        self.secrecy = Secrecy(in_force=call.state is not None)
        echo = EchoGate()
        # they report to us and end with us: a cycle would keep each call in memory until it is looked for
        reports = weakref.proxy(self)
        self._patience = Patience(self._clock, reports)
        self._agent = Agent(call, services, self._flow, self.secrecy, tasks, echo, line, reports)
        self.floor = Floor(services, hearing, echo, tasks, reports)
        self._messages = MessageTaking(call, services.messages, self.floor.listener, reports)

    @property
    def speaker(self) -> Speaker:
        """The agent's voice."""
        return self._agent.speaker

    async def run(self) -> None:
        """Speak and listen, for ever."""
        for part in (self.speaker.send(), self._flow.foresee()):
            self._tasks.create(part)
        self._agent.begin()
        self._performed()
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
        self._pressed_at = self._clock.now()
        if self._agent.gives_way(by_key=True):
            self._interrupt(by_key=True)
        self.floor.carry("")
        self._put(key)

    async def aclose(self) -> None:
        """Let go of everything, in bounded time; what cannot be let go of is said, and holds up nothing else."""
        self.floor.close()  # it says so, and patience would begin again
        self._patience.stop()
        self._agent.close()
        self._messages.close()
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT_S):
                await self._hearing.aclose()
        except (TimeoutError, ProviderError) as error:
            self._error("the transcriber does not let go", error)

    # what the agent reports

    def began_to_speak(self) -> None:
        self.floor.happened(TurnEvent.AGENT_STARTED)
        self._patience.renew()

    def fell_silent(self) -> None:
        self.floor.agent_finished()
        if not self._busy:
            self.floor.happened(TurnEvent.ANSWERED)
        self._go_on_if_silent()

    def came(self, what: Came) -> None:
        self._put(what)

    def stands(self) -> None:
        self._turn = None

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
    def must_be_heard(self) -> bool:
        return self.prompt is not None and not self._agent.gives_way(by_key=False)

    @property
    def question(self) -> fx.Listen | None:
        return self._flow.question

    @property
    def may_suppose(self) -> bool:
        return self._flow.may_reply

    def words_so_far(self, text: str, began_at: float) -> None:
        """If the turn ended here: let a model that would be asked for a reply begin."""
        if self._busy or not self._inputs.empty() or not self.may_suppose or self._agent.put_after(began_at):
            return
        if self._agent.replying or self.secrecy.covers(began_at):
            return
        if ask := self._flow.reply_to(text):
            self._agent.suppose(ask)

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
            self._agent.take_back()
            self._flow.take_back()
            self.floor.carry(turn.text)

    def yield_floor(self) -> None:
        self._interrupt(by_key=False)

    def wary(self, wary: bool) -> None:
        self.speaker.wary = wary

    def floor_changed(self) -> None:
        """Let the agent begin, and be patient, exactly when that is due."""
        speaking = self.floor.state in (TurnState.CALLER, TurnState.LULL)
        # who presses a key says nothing more by voice
        speaking = speaking and self.floor.began_at > self._pressed_at
        self.speaker.let_begin(not speaking and self._turns_waiting == 0)
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

    def _put(self, event: Event) -> None:
        try:
            self._inputs.put_nowait(event)
        except asyncio.QueueFull:
            self._call.journal.write("error", text=f"{INPUTS_WAITING} inputs wait already; one was dropped")
            return
        self._turns_waiting += isinstance(event, TurnEnded)

    # understanding and answering

    async def _take(self, event: Event) -> None:
        match event:
            case TurnEnded():
                if not event.taken_back:  # else its words come with those that follow
                    await self._take_words(event)
                self._turns_waiting -= 1
                self.floor_changed()
            case Came(asked=asked, answer=answer):
                if asked is self._flow.ending:
                    self._perform(self._flow.take(answer))
                    self._release()
            case _ if self._holding:
                self._held.hold(event)
            case _:
                self._forget_turn()
                self._step(event)
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
        if not text and turn.unbroken_ms < WORDS_EXPECTED_MS:
            turn.text = ""
            return
        await self._answer_words(turn, text, hypothesis, timeline)

    async def _answer_words(self, turn: TurnEnded, text: str, best: Hypothesis, timeline: Timeline) -> None:
        secret, now = self.secrecy.covers(turn.began_at), self._clock.wall()
        heard = inputs.Heard(text, best.language, best.confidence, now, sensitive=secret)
        surplus = self._is_surplus(heard, turn.began_at) or self._is_mere_courtesy(heard, turn)
        if surplus or self._holding:
            turn.text = text
            if not surplus:
                self._held.hold(heard)
            return
        if self._is_beside_the_point(heard, turn.began_at):
            turn.text = text
            self._flow.note(heard)
            self._forget_turn()
            return
        decided = self._clock.now()
        heard = await self._flow.compare(heard, self._services.speech.similarity)
        if turn.taken_back:
            self.floor.carry(text)
            return
        # from here on there is a step to take back
        turn.text, self._turn = text, turn
        self._agent.timing.begin(timeline, decided)
        if self._agent.replying:
            self._interrupt(by_key=False)
        self._step(heard, turn)

    def _is_beside_the_point(self, heard: inputs.Heard, began_at: float) -> bool:
        """Whether it is no answer: it began before the question was put, or is a murmur while a model replies."""
        if self.question and self._agent.put_after(began_at):
            return self.question.grammar.complete(heard.text) is not True
        return self._agent.replying and not words_beyond(heard.text, heard.language)

    def _step(self, event: inputs.Input, turn: TurnEnded | None = None) -> None:
        """The caller's input leads on."""
        step = self._flow.take(event)
        if step.then:
            self._agent.answered_early()
        self._agent.answers()
        self._agent.timing.decided(self._clock.now())
        since = turn.decided_at if turn else self._clock.now()
        self._perform(step, since if isinstance(event, inputs.Heard | inputs.Pressed) else None)
        self._agent.settled()

    def _error(self, what: str, error: Exception) -> None:
        self._call.journal.write("error", text=f"{what}: {str(error) or type(error).__name__}")

    def _perform(self, step: Step, since: float | None = None) -> None:
        self._agent.perform(step, not_before=self._turn.stands_at if self._turn else 0.0, since=since)
        self._performed()

    def _performed(self) -> None:
        self._patience.renew()
        self._go_on_if_silent()

    def _interrupt(self, *, by_key: bool) -> None:
        cut_reply = self._agent.interrupt(by_key=by_key)
        if cut_reply:
            self._perform(self._flow.take(cut_reply))

    @property
    def _holding(self) -> bool:
        """Whether what the caller does must wait: a service is asked, or a model what they mean."""
        ending = self._flow.ending
        choosing = isinstance(ending, fx.AskModel) and ending.purpose == "choose"
        return choosing or isinstance(ending, fx.CallService)

    def _forget_turn(self) -> None:
        self._turn = None
        self._agent.timing.forget()

    def _is_surplus(self, event: inputs.Heard | inputs.Pressed, began_at: float) -> bool:
        """Whether it is the rest of an answer to a sensitive question, or of keys that will not do.

        That answers nothing else. What is typed on behind a good answer is for the next question.
        """
        rest = began_at < self._flow.asked_at
        refused = isinstance(event, inputs.Pressed) and rest and self._flow.refused_entry
        surplus = refused or (event.sensitive and (self._holding or rest))
        if surplus:
            self._flow.note(event)
        return surplus

    def _is_mere_courtesy(self, heard: inputs.Heard, turn: TurnEnded) -> bool:
        """Whether it is a "please" behind a turn that was hardly over: that has its answer, or will have it."""
        courtesy = turn.follows and is_courtesy(heard.text, heard.language)
        if courtesy:
            self._flow.note(heard)
        return courtesy

    def _release(self) -> None:
        """Keys count for the question that has come; words do if they answer it."""
        while self._held and self.question:
            event = self._held.first()
            if isinstance(event, inputs.Heard) and self.question.grammar.complete(event.text) is not True:
                self._flow.note(event)
                continue
            if self._agent.gives_way(by_key=True):
                self._interrupt(by_key=True)
            self._forget_turn()
            self._step(event)
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
