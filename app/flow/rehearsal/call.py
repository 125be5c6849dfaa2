"""One call at text level: what the caller does goes in, what the agent says and does comes out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from app.flow.document import Place
from app.flow.effects import (
    AskModel,
    CallService,
    Effect,
    Event,
    Listen,
    NodeEntered,
    Record,
    Say,
    Transfer,
    Understood,
)
from app.flow.engine import begin, step
from app.flow.inputs import (
    Heard,
    Input,
    KeypadPaused,
    ModelFailed,
    ModelReplied,
    NoInput,
    Pressed,
    RecordingEnded,
    ServiceAnswered,
    ServiceFailed,
    ToolUse,
    TransferEnded,
    TransferOutcome,
)
from app.flow.languages import language
from app.flow.model import Flow
from app.flow.phrases import words_of
from app.flow.predict import Candidate, predict, predict_start
from app.flow.rehearsal.answers import Answers, CannotGoOn
from app.flow.rehearsal.choosing import nearest
from app.flow.rehearsal.script import Mocks
from app.flow.state import Context, State
from app.flow.values import Json

# a calm voice
LETTERS_PER_S: Final = 14.0
WORDS_PER_S: Final = 2.5


class Rehearsal:
    """`said` and `entered` are what happened since the caller last did something, `answer_ms` how long the first
    words took; `predicted` is what was known then. `asked` counts the requests, `sent` are their last bodies, `events`
    are all so far.
    """

    def __init__(
        self,
        flow: Flow,
        mocks: Mocks,
        now: datetime,
        *,
        caller: str = "",
        language: str | None = None,
        seed: int = 0,
    ) -> None:
        self.flow = flow
        self.now = now
        self.said: list[Say] = []
        self.entered: list[str] = []
        self.understood: Understood | None = None
        self.events: list[str] = []
        self.asked: Counter[str] = Counter()
        self.sent: dict[str, Json] = {}
        self.visited: set[str] = set()
        self.taken: set[Place] = set()
        self.answer_ms: float | None = None
        self.steps = 0
        self._answers = Answers(mocks)
        self._waited_ms = 0.0
        self._last: Effect | None = None
        state, effects = begin(flow, Context(now, caller, "", language, seed))
        self._before = State(flow.name, flow.version, state.language, flow.start, caller=caller, seed=seed)
        self._beginning = True
        self.state = state
        self._note(effects)
        self._settle()

    @property
    def predicted(self) -> tuple[Candidate, ...]:
        """What could have been prepared before the caller last did something."""
        ahead = predict_start if self._beginning else predict
        return ahead(self.flow, self._before, self.now)

    @property
    def waits_ms(self) -> int | None:
        """How long the question waits for an answer; None where there is none."""
        return self._last.timeout_ms if isinstance(self._last, Listen) else None

    # what the caller does

    def say(self, text: str, confidence: float | None = None, after_ms: int | None = None) -> bool:
        """Whether it was heard: what is said over a prompt that does not listen is lost."""
        self._begin_turn()
        if isinstance(self._last, Record):
            self._give(RecordingEnded(len(text.split()) / WORDS_PER_S, self.now))
            return True
        if after_ms is not None and not self._interrupts(text, after_ms):
            return False
        self._fresh()
        self._give(Heard(text, self.state.language, confidence, self.now))
        return True

    def press(self, keys: str) -> None:
        self._begin_turn()
        self._fresh()
        for key in keys:
            if self.state.ended:
                break
            self._give(
                RecordingEnded(1.0, self.now) if isinstance(self._last, Record) else Pressed(key, self.now)
            )
        if isinstance(self._last, Listen) and self._last.collected and self.state.keys:
            self._pass(self._last.keypad.pause_ms if self._last.keypad else 0)
            self._give(KeypadPaused(self.now))

    def be_silent(self) -> None:
        self._begin_turn()
        self._fresh()
        if isinstance(self._last, Record):
            self._give(RecordingEnded(0.0, self.now))
        elif isinstance(self._last, Listen):
            self._pass(self._last.timeout_ms)
            self._give(NoInput(self.now))

    def end_transfer(self, outcome: TransferOutcome) -> None:
        self._begin_turn()
        if not isinstance(self._last, Transfer):
            raise CannotGoOn(f'nobody is being called at node "{self.state.node}"')
        self._fresh()
        self._give(TransferEnded(outcome, self.now))

    def _begin_turn(self) -> None:
        if self.state.ended:
            raise CannotGoOn("the call has ended")

    def _fresh(self) -> None:
        """The agent's turn begins anew."""
        self._before, self._beginning = self.state, False
        self.said, self.entered, self.understood = [], [], None
        self.answer_ms, self._waited_ms = None, 0.0

    def _interrupts(self, text: str, after_ms: int) -> bool:
        """Whether words spoken so far into the prompts are heard."""
        at = float(after_ms)
        for say in self.said:
            at -= len(say.text) / LETTERS_PER_S * 1000
            if at < 0:
                return self._heard_over(say, text)
        return True

    def _heard_over(self, say: Say, text: str) -> bool:
        if say.barge_in not in ("speech", "any"):
            return False
        if isinstance(self._last, Listen) and self._last.grammar.complete(text) is True:
            return True
        words = words_of(text)
        return words not in language(say.language).backchannels and len(words) >= say.min_words

    # what follows

    def _give(self, given: Input) -> None:
        self.state, effects = step(self.flow, self.state, given)
        self.steps += 1
        self._note(effects)
        self._settle()

    def _note(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Say():
                    self._heard(effect)
                case NodeEntered(node=node, via=via):
                    self.entered.append(node)
                    self.visited.add(node)
                    self.taken |= {via} if via else set()
                case Understood():
                    self.understood = effect
                case Event(name=name):
                    self.events.append(name)
        if effects:
            self._last = effects[-1]

    def _heard(self, say: Say) -> None:
        self.said.append(say)
        if self.answer_ms is None:
            self.answer_ms = self._waited_ms

    def _settle(self) -> None:
        """Services answer, until the call waits for the caller or for a person."""
        while isinstance(self._last, CallService | AskModel) and not self.state.ended:
            if isinstance(self._last, CallService):
                self._answer(self._last)
            else:
                self._reply(self._last)

    def _answer(self, request: CallService) -> None:
        self.asked[request.node] += 1
        self.sent[request.node] = request.request.body
        mock = self._answers.next(request.node, models=False)
        took_ms = request.timeout_ms if mock.timed_out else mock.delay_ms
        waiting = request.waiting
        late = mock.timed_out or took_ms > request.timeout_ms
        if waiting is not None and took_ms > request.waiting_after_ms:
            self._pass(request.waiting_after_ms)
            self._heard(waiting)
            took_ms -= request.waiting_after_ms
        self._pass(took_ms)
        if late:
            self._give(ServiceFailed("timeout", self.now))
        else:
            self._give(ServiceAnswered(mock.status, self.now, mock.json, mock.readable))

    def _reply(self, ask: AskModel) -> None:
        if ask.purpose == "choose" and not self._answers.known(ask.node):
            self._give(ModelReplied(self.now, outcome=nearest(ask.messages[-1].text, ask.outcomes)))
            return
        mock = self._answers.next(ask.node, models=True)
        took_ms = ask.timeout_ms if mock.timed_out else mock.delay_ms
        self._pass(took_ms)
        if mock.timed_out or took_ms > ask.timeout_ms:
            self._give(ModelFailed("timeout", self.now))
            return
        if mock.says and ask.speech is not None:
            self._heard(replace(ask.speech, text=mock.says))
        tool = ToolUse(f"tool-{self.steps}", mock.tool, mock.arguments) if mock.tool else None
        self._give(ModelReplied(self.now, mock.says or "", mock.outcome, tool))

    def _pass(self, milliseconds: float) -> None:
        self._waited_ms += milliseconds
        self.now += timedelta(milliseconds=milliseconds)
