"""A call's way through its flow: one input, one step, and the facts of it in the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.call.call import Call
from app.call.meaning import compared
from app.call.secrecy import MASK
from app.call.services import Services
from app.flow import Context, State, begin, inputs, ready_requests, resume, step, understood
from app.flow import effects as fx
from app.flow.nodes.llm import Llm
from app.orchestrator.cache_figures import Kind
from app.orchestrator.language import LanguageChoice
from providers.base import SimilarityModel

Ending = fx.Listen | fx.CallService | fx.AskModel | fx.Transfer | fx.Record | fx.HangUp


@dataclass(frozen=True, slots=True)
class Step:
    """What to say, and what to do then; `then` is None where the input meant nothing and all goes on as before."""

    says: Sequence[fx.Say]
    then: Ending | None


class FlowRun:
    """Keeps `call.state`, the checkpoint, up to date; `ending` is what the last step ended in.

    `asked_at` is when that began, in monotonic seconds. The call may change its language when its caller does; a caller
    of one that the flow does not have is told so, once, and the call goes on in the fallback.
    """

    def __init__(self, call: Call, services: Services) -> None:
        self._call = call
        self._clock = services.clock
        has, unsupported, languages = (
            call.flow.languages,
            services.unsupported,
            services.languages_of(call.flow),
        )
        self._unsupported = {code: text for code, text in unsupported.items() if code not in has}
        self._fallback = services.fallback if services.fallback in has else has[0]
        parts = (call.flow, *call.flow.subflows.values())
        self._has_model = any(isinstance(node, Llm) for part in parts for node in part.nodes.values())
        self._figures = services.speech_cache.figures
        self._foresight = services.foresight.of(call) if services.foresight else None
        self._languages = LanguageChoice(languages, others=self._unsupported)
        self._answer = ""  # its first words, from when they are known until they are spoken
        self._sorry: list[fx.Say] = []
        self._before: tuple[State, Ending | None, float] | None = None
        self._weighed: tuple[State, inputs.Heard, tuple[State, tuple[fx.Effect, ...]]] | None = None
        self.asked_at = float("-inf")
        self.ending: Ending | None = None

    @property
    def question(self) -> fx.Listen | None:
        """What the caller was asked, while an answer is awaited."""
        return self.ending if isinstance(self.ending, fx.Listen) else None

    @property
    def refused_entry(self) -> bool:
        """Whether the last answer will not do, at a question that takes several keys."""
        if not self._before or not self._call.state:
            return False
        before, asked, _ = self._before
        entry = isinstance(asked, fx.Listen) and asked.keypad is not None and asked.keypad.most > 1
        return entry and self._call.state.failures > before.failures

    async def foresee(self) -> None:
        """Have ready what may be said next, for as long as the stream lasts."""
        if self._foresight:
            await self._foresight.run()

    def spoke(self, kind: Kind | None, text: str, *, ready: bool) -> None:
        """Words are on their way to the caller; where they begin an answer, count whether they were ready."""
        if text == self._answer:
            self._answer = ""
            if kind:
                self._figures.answered(ready=ready)

    def begin(self) -> Step:
        """The first words of a call, or of a call that comes back after its stream was lost."""
        call, now = self._call, self._clock.wall()
        if call.arriving:
            arrived, call.arriving = call.arriving, None
            return self.take(arrived)
        if call.state:
            return self._advance(*resume(call.flow, call.state, now))
        context = Context(now, call.caller, call.called, call.language, call.seed)
        return self._advance(*begin(call.flow, context))

    @property
    def may_reply(self) -> bool:
        """Whether `reply_to` might have anything to ask; much cheaper."""
        return self._has_model and self.question is not None and not self.question.sensitive

    def reply_to(self, text: str) -> fx.AskModel | None:
        """What a model would be asked if these were all the caller's words, and if it were asked to reply."""
        state, question = self._call.state, self.question
        if state is None or question is None or question.sensitive:
            return None
        heard = inputs.Heard(text, question.language, None, self._clock.wall())
        ends_in = next(reversed(step(self._call.flow, state, heard)[1]), None)
        return ends_in if isinstance(ends_in, fx.AskModel) and ends_in.purpose == "reply" else None

    def take(self, event: inputs.Input) -> Step:
        """Step on. What a service or a model says belongs to the step that asked it."""
        assert self._call.state, "a flow begins before it takes anything"
        if not isinstance(event, inputs.Outcome | inputs.ModelInterrupted):
            self._before = (self._call.state, self.ending, self.asked_at)
        state, effects = self._outcome(event)
        if isinstance(event, inputs.Heard | inputs.Pressed):
            self.note(event, effects)
        answer = self._advance(state, effects)
        sorry, self._sorry = self._sorry, []
        return replace(answer, says=[*sorry, *answer.says])

    def _outcome(self, event: inputs.Input) -> tuple[State, tuple[fx.Effect, ...]]:
        """Words that were weighed, and found clear, are not stepped on with twice."""
        weighed, self._weighed = self._weighed, None
        if weighed and weighed[0] is self._call.state and weighed[1] is event:
            return weighed[2]
        assert self._call.state, "a flow begins before it takes anything"
        return step(self._call.flow, self._call.state, event)

    def _follow(self, heard: inputs.Heard) -> list[fx.Say]:
        """Go on in the language that the caller speaks, if the flow has it; what there is to say if it has not."""
        state = self._call.state
        assert state, "a flow begins before it hears anything"
        language = self._languages.heard(heard.text, heard.language, state.language)
        if not language:
            return []
        text = self._unsupported.pop(language, None)
        taken = self._fallback if text else language
        self._call.journal.write("language", left=state.language, taken=taken, heard=language)
        self._call.state = replace(state, language=taken)
        return [fx.Say(text, state.node, "unsupported_language", language)] if text else []

    async def compare(self, heard: inputs.Heard, similarity: SimilarityModel | None) -> inputs.Heard:
        """The words to step on with, whose meaning is looked for where they say too little."""
        self._sorry += self._follow(heard)
        return await compared(heard, self._samples(heard), similarity)

    def _samples(self, heard: inputs.Heard) -> Sequence[tuple[str, str]]:
        """(intent, wording): what the words should be compared with, nothing where they are clear or a secret."""
        flow, state, question = self._call.flow, self._call.state, self.question
        if heard.sensitive or state is None or question is None or question.sensitive:
            return ()
        self._weighed = (state, heard, step(flow, state, heard))
        if understood(self._weighed[2]):
            return ()
        return flow.part(state.node).samples(state.language)

    def note(self, event: inputs.Heard | inputs.Pressed, effects: Sequence[fx.Effect] = ()) -> None:
        """Words or a key, and what they had for an effect; none where they were no answer to anything."""
        if isinstance(event, inputs.Heard):
            self._write_utterance(event, effects)
        else:
            self._call.journal.write("dtmf", digits=self._masked(event, event.digit))

    def ready_requests(self) -> Sequence[fx.CallService]:
        """What may be asked ahead of the flow."""
        assert self._call.state, "a flow begins before it asks for anything"
        return ready_requests(self._call.flow, self._call.state, self._clock.wall())

    def take_back(self) -> None:
        """Undo the last step."""
        assert self._before, "there is a step to take back"
        self._call.state, self.ending, self.asked_at = self._before

    def _advance(self, state: State, effects: Sequence[fx.Effect]) -> Step:
        before, self._call.state = self._call.state, state
        if self._foresight:
            self._foresight.stepped(before, effects)
        says, then = [], None
        # the first is part of the utterance; what else it settled is told with the slots
        settled = [one for one in effects if isinstance(one, fx.Understood)][1:]
        for effect in effects:
            match effect:
                case fx.Say():
                    says.append(effect)
                case (
                    fx.Listen() | fx.CallService() | fx.AskModel() | fx.Transfer() | fx.Record() | fx.HangUp()
                ):
                    then = effect
                case fx.Understood() if effect in settled:
                    self._call.journal.write("understood", rung=effect.rung, intent=effect.intent)
                case _:
                    self._write_fact(effect)
        if says and self._before and not isinstance(then, fx.AskModel):
            self._answer = says[0].text
        if then:
            self.ending = then
            if not (isinstance(then, fx.Listen) and then.collected):
                self.asked_at = self._clock.now()
        return Step(says, then)

    def _write_fact(self, effect: fx.NodeEntered | fx.Understood | fx.SlotFilled | fx.Event) -> None:
        journal = self._call.journal
        match effect:
            case fx.NodeEntered(node=node):
                journal.write("node_entered", node=node)
            case fx.SlotFilled(name=name, value=value, sensitive=sensitive):
                journal.write("slot", name=name, value=MASK if sensitive else value)
            case fx.Event(name=name):
                journal.write("flow_event", name=name)
            case fx.Understood():
                pass  # part of the utterance

    def _write_utterance(self, heard: inputs.Heard, effects: Sequence[fx.Effect]) -> None:
        understood = next((e for e in effects if isinstance(e, fx.Understood)), None)
        self._call.journal.write(
            "utterance",
            text=self._masked(heard, heard.text),
            language=heard.language,
            confidence=heard.confidence,
            rung=understood.rung if understood else None,
            intent=understood.intent if understood else None,
        )

    def _masked(self, event: inputs.Heard | inputs.Pressed, text: str) -> str:
        return MASK if event.sensitive or (self.question and self.question.sensitive) else text
