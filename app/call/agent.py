"""The agent's side of a call: what the flow wants is said and asked for, and stopped when the caller cuts in."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from app.audio.echo import EchoGate
from app.call.answer_timing import AnswerTiming
from app.call.call import Call
from app.call.flow_run import FlowRun, Step
from app.call.http_client import Answer
from app.call.model_desk import ModelDesk
from app.call.outbox import Line
from app.call.prompts import acknowledgement, prompt_of, tone_of
from app.call.resuming import taken_up
from app.call.saying import NOTHING, Left, Prompt, Spoken
from app.call.secrecy import Secrecy
from app.call.service_desk import ServiceDesk
from app.call.services import Services
from app.call.speaker import Speaker
from app.call.tasks import Tasks
from app.errors import ProviderError
from app.flow import effects as fx
from app.flow import inputs

# a flow's own words about a wait make an acknowledgement superfluous if they come as early
OWN_WORDS_WITHIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Came:
    """What came of something that the flow asked for. It counts only while the flow waits for this very thing."""

    asked: fx.CallService | fx.AskModel
    answer: inputs.Outcome


class AgentReports(Protocol):
    """What the agent tells."""

    def began_to_speak(self) -> None:
        """The first frame of a prompt was sent."""
        ...

    def fell_silent(self) -> None:
        """Everything said has been heard, or could not be said."""
        ...

    def came(self, what: Came) -> None:
        """A service or a model has answered, or failed."""
        ...

    def stands(self) -> None:
        """Something may be changed now: the turn that led to it cannot be taken back any more."""
        ...


class Agent:
    """Implements `SpeakerReports`, `Counter` and `ModelCounter`."""

    def __init__(
        self,
        call: Call,
        services: Services,
        flow: FlowRun,
        secrecy: Secrecy,
        tasks: Tasks,
        echo: EchoGate,
        line: Line,
        reports: AgentReports,
    ) -> None:
        self._call = call
        self._services = services
        self._clock = services.clock
        self._flow = flow
        self._secrecy = secrecy
        self._reports = reports
        self.timing = AnswerTiming()
        self._tasks = tasks
        self._acknowledging: asyncio.Task[None] | None = None
        self._acknowledged = 0
        self._unput: Sequence[Prompt] = ()
        self._put_at = float("-inf")
        self._older: Sequence[Prompt] = ()
        self._reply_said: list[str] = []
        self._reply_heard: list[str] = []
        # they report to us and end with us: a cycle would keep each call in memory until it is looked for
        ours = weakref.proxy(self)
        speech = services.speech
        self.speaker = Speaker(
            self._clock, speech.synthesizer, services.speech_cache, echo, tasks, line, ours
        )
        self._models = ModelDesk(services.model, self._clock, call.journal, tasks, ours, services.economy)
        self._desk = ServiceDesk(services.http, self._clock, call.journal, tasks, ours)

    # what is said and asked

    def begin(self) -> None:
        """The first words of a call, or of one that comes back."""
        left, step = taken_up(self._call.left, self._flow.begin())
        self._reply_heard = list(left.reply_heard)
        self.perform(step, left=left)

    def perform(
        self, step: Step, not_before: float = 0.0, left: Left = NOTHING, since: float | None = None
    ) -> None:
        """Say the words of a step, after what is `left` of a lost stream, and ask for what it ends in.

        What may change something is asked for `not_before` a moment (monotonic seconds); `since` is when the caller's
        turn ended that this answers.
        """
        said = [prompt_of(say, self._services, self._call) for say in step.says]
        if isinstance(step.then, fx.AskModel):
            said = [replace(prompt, bridging=True) for prompt in said]
        prompts = [*left.unheard, *said]
        if answer := next((prompt for prompt in prompts if not prompt.bridging), None):
            self.timing.expect(answer)
        if prompts and isinstance(step.then, fx.Listen):
            self._unput = prompts
        for prompt in prompts:
            self.speaker.say(prompt)
        if isinstance(step.then, fx.Record):
            self.speaker.say(tone_of(step.then, self._services))
        if step.then:
            self._models.cancel()
        if self._flow.question and step.then:
            self._secrecy.asked(self._flow.question, self.speaker.unheard, self._clock.now())
        if isinstance(step.then, fx.CallService):
            self._desk.ask(step.then, not_before=not_before)
        elif isinstance(step.then, fx.AskModel):
            self._ask_model(step.then, left.reply_said)
        if since is not None and isinstance(step.then, fx.CallService | fx.AskModel):
            self._acknowledging = self._tasks.create(self._acknowledge(step.then, since))
        self._desk.look_ahead(self._flow.ready_requests())
        self._call.checkpoint(self._left(self.speaker.unheard))

    def suppose(self, ask: fx.AskModel) -> None:
        """The turn will probably end in this."""
        self._models.suppose(ask)

    def settled(self) -> None:
        """What the turn ended in has been asked for."""
        if begun := self._models.settle():
            self.timing.speculated(begun)

    async def _acknowledge(self, asked: fx.CallService | fx.AskModel, since: float) -> None:
        """A wait that can be heard is not silent, unless the flow's own words bridge it just then."""
        after_s = self._services.acknowledge_after_ms / 1000
        if isinstance(asked, fx.CallService) and asked.waiting_after_ms / 1000 < after_s + OWN_WORDS_WITHIN_S:
            return
        sign = await acknowledgement(self._acknowledged, self._services, self._call)
        await asyncio.sleep(max(0.0, since + after_s - self._clock.now()))
        late = self.timing.awaited or self._flow.ending is asked
        if late and sign and self.speaker.acknowledge(sign):
            self._acknowledged += 1
            self.timing.acknowledged()

    def _stop_acknowledging(self) -> None:
        if self._acknowledging:
            self._acknowledging.cancel()

    def _ask_model(self, ask: fx.AskModel, said: Sequence[str]) -> None:
        self._reply_said = list(said)
        if not said:
            self._reply_heard = []
        self._models.ask(ask, " ".join(said))

    def close(self) -> None:
        """The stream is over: leave what the next one of this call has to know."""
        self._call.left = self._left(self.speaker.close())

    def _left(self, unheard: Sequence[Prompt]) -> Left:
        said = tuple(self._reply_said) if _is_reply(self._flow.ending) else ()
        return Left(unheard, said, tuple(self._reply_heard))

    @property
    def replying(self) -> bool:
        """Whether a model makes a reply, or made one of which something is still to be heard."""
        return self._making_reply or any(prompt.generated for prompt in self.speaker.unheard)

    @property
    def _making_reply(self) -> bool:
        return self._models.asking and _is_reply(self._flow.ending)

    # how it is cut

    def gives_way(self, *, by_key: bool) -> bool:
        """Whether something is being said, or will be next, that a key, or else speech, interrupts."""
        prompt = self.speaker.prompt
        return prompt is not None and self._gives_way(prompt, by_key=by_key)

    def _gives_way(self, prompt: Prompt, *, by_key: bool) -> bool:
        """Words that no question follows are heard to their end: there is nothing to say to them."""
        if isinstance(self._flow.ending, fx.HangUp | fx.Transfer | fx.Record):
            return False
        return prompt.by_key if by_key else prompt.by_speech

    def interrupt(self, *, by_key: bool) -> inputs.ModelInterrupted | None:
        """The caller cuts in: what may be cut is. Returns what the flow must know if a model's reply was.

        A question that was not put yet is not what they talk to, so it stays; and so does all that follows what must
        be heard.
        """
        self._stop_acknowledging()
        cut: Sequence[Spoken] = ()
        if self.gives_way(by_key=by_key):
            cut = self.speaker.interrupt(
                lambda prompt: self._gives_way(prompt, by_key=by_key) and not _among(prompt, self._unput)
            )
        self._note(cut)
        of_reply = [spoken.heard for spoken in cut if spoken.prompt.generated]
        if not (of_reply or self._making_reply):
            return None
        self._reply_heard += filter(None, of_reply)
        self._models.cancel()
        return inputs.ModelInterrupted(self._clock.wall(), " ".join(self._reply_heard))

    def _note(self, cut: Sequence[Spoken]) -> None:
        heard = " ".join(spoken.heard for spoken in cut if spoken.heard)
        unheard = " ".join(spoken.unheard for spoken in cut if spoken.unheard)
        if unheard:
            self._call.journal.write("interrupted", heard=heard, unheard=unheard)

    def put_after(self, moment: float) -> bool:
        """Whether the question had not been put at a moment (monotonic seconds): nothing said then answers it."""
        return bool(self._unput) or self._put_at > moment

    def answered_early(self) -> None:
        """A question that was not put need not be, and the moment is over for words that are for it alone."""
        self.speaker.drop_passing()
        unput, self._unput = self._unput, ()
        if unput:
            self.speaker.interrupt(
                lambda prompt: (prompt.by_key or prompt.by_speech) and _among(prompt, unput)
            )

    def answers(self) -> None:
        """What is said and asked from now on answers a turn, and is undone where that is taken back."""
        self._stop_acknowledging()
        self._older = self.speaker.unheard

    def take_back(self) -> None:
        """The turn was not over: undo its answer."""
        older = self._older
        self._stop_acknowledging()
        self._desk.cancel()
        self._models.cancel()
        self.speaker.interrupt(lambda prompt: not _among(prompt, older))
        self._unput, self._put_at = (), float("-inf")

    # what the speaker reports

    def speech_ready(self, prompt: Prompt, due: float, asked: float, ready: float) -> None:
        self.timing.speech_ready(prompt, due, asked, ready)

    def prompt_started(
        self, prompt: Prompt, ready: float, sent: float, *, cached: bool, ahead_ms: float
    ) -> None:
        self._is_put(prompt, sent)
        self._reports.began_to_speak()
        self._call.journal.write(
            "said",
            text=prompt.record,
            node=prompt.node,
            cached=cached,
            bridging=prompt.bridging,
            ahead_ms=round(ahead_ms),
        )
        self._flow.spoke(prompt.kind, prompt.text, ready=cached)
        if timeline := self.timing.started(prompt, ready, sent, heard=sent + ahead_ms / 1000):
            self._call.journal.write("turn", timeline=timeline.as_record())
            self._services.turn_answered(timeline)

    def _is_put(self, prompt: Prompt, now: float) -> None:
        if _among(prompt, self._unput):
            self._unput, self._put_at = (), now

    def prompt_ended(self, spoken: Spoken) -> None:
        if spoken.prompt.generated:
            self._reply_heard.append(spoken.heard)
        self._secrecy.heard(spoken.prompt, self._clock.now())
        self._call.journal.write("heard", text=spoken.heard, gap_ms=round(spoken.gap_ms))

    def prompt_failed(self, prompt: Prompt, error: ProviderError) -> None:
        self._is_put(prompt, self._clock.now())
        self._call.journal.write("error", text=f"{prompt.node} could not be spoken: {_why(error)}")

    def fell_silent(self) -> None:
        self._reports.fell_silent()

    # what services and models report

    def say_reply(self, ask: fx.AskModel, text: str, asked: float) -> None:
        assert ask.speech, "a model speaks in the manner of its node"
        prompt = prompt_of(replace(ask.speech, text=text), self._services, self._call)
        self._reply_said.append(text)
        self.timing.model_began(prompt, asked, self._clock.now())
        self.speaker.say(prompt)

    def model_answered(self, ask: fx.AskModel, answer: inputs.ModelReplied | inputs.ModelFailed) -> None:
        self._reports.came(Came(ask, answer))

    def say_waiting(self, say: fx.Say) -> None:
        self.speaker.say(replace(prompt_of(say, self._services, self._call), passing=True, bridging=True))

    async def silence(self) -> None:
        await self.speaker.silence()

    def sending(self) -> None:
        self._reports.stands()

    def answered(self, call: fx.CallService, answer: Answer, asked: float) -> None:
        self.timing.service_answered(asked, self._clock.now())
        self._reports.came(Came(call, answer))


def _is_reply(asked: object) -> bool:
    return isinstance(asked, fx.AskModel) and asked.purpose == "reply"


def _among(prompt: Prompt, prompts: Sequence[Prompt]) -> bool:
    """The very one: the same words may be said again."""
    return any(prompt is one for one in prompts)


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
