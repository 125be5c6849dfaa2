"""A caller for tests of flows: says, presses, keeps silent, and remembers what was heard."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from app.flow import Context, Flow, State, begin, step
from app.flow.effects import AskModel, CallService, Effect, Event, Listen, Say, ServiceRequest
from app.flow.inputs import (
    Heard,
    Input,
    KeypadPaused,
    ModelFailed,
    ModelInterrupted,
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
from app.flow.values import Json

# a Friday
NOW = datetime(2026, 11, 13, 15, 0, tzinfo=UTC)


class Caller:
    """`effects` are those of the last step; the state goes through JSON after each, as a checkpoint would."""

    def __init__(
        self,
        flow: Flow,
        *,
        now: datetime = NOW,
        language: str | None = None,
        seed: int = 0,
        number: str = "+15550100",
    ) -> None:
        self.flow = flow
        self.now = now
        self.log: list[Effect] = []
        self.effects: tuple[Effect, ...]
        state, self.effects = begin(flow, Context(now=now, caller=number, language=language, seed=seed))
        self._keep(state)

    def _keep(self, state: State) -> None:
        self.state = State.from_json(json.loads(json.dumps(state.to_json())))
        self.log += self.effects

    def give(self, *inputs: Input) -> Caller:
        for given in inputs:
            state, self.effects = step(self.flow, self.state, given)
            self._keep(state)
        return self

    def say(self, text: str, confidence: float | None = None) -> Caller:
        return self.give(Heard(text, self.state.language, confidence, self.now))

    def press(self, keys: str) -> Caller:
        return self.give(*(Pressed(key, self.now) for key in keys))

    def silent(self, times: int = 1) -> Caller:
        return self.give(*(NoInput(self.now) for _ in range(times)))

    def pause(self) -> Caller:
        return self.give(KeypadPaused(self.now))

    def transfer_ends(self, outcome: TransferOutcome) -> Caller:
        return self.give(TransferEnded(outcome, self.now))

    def recorded(self, seconds: float) -> Caller:
        return self.give(RecordingEnded(seconds, self.now))

    def answered(self, status: int, json: Json = None, *, readable: bool = True) -> Caller:
        return self.give(ServiceAnswered(status, self.now, json, readable))

    def unanswered(self, reason: str = "timeout") -> Caller:
        return self.give(ServiceFailed(reason, self.now))

    def model_says(self, text: str = "", outcome: str | None = None, tool: ToolUse | None = None) -> Caller:
        return self.give(ModelReplied(self.now, text, outcome, tool))

    def model_uses(self, tool: str, **arguments: Json) -> Caller:
        return self.model_says(tool=ToolUse("call-1", tool, arguments))

    def model_fails(self, reason: str = "Refused") -> Caller:
        return self.give(ModelFailed(reason, self.now))

    def cuts_model(self, heard: str = "") -> Caller:
        return self.give(ModelInterrupted(self.now, heard))

    @property
    def ask(self) -> AskModel:
        assert isinstance(self.last, AskModel)
        return self.last

    @property
    def request(self) -> ServiceRequest:
        assert isinstance(self.last, CallService)
        return self.last.request

    @property
    def node(self) -> str:
        return self.state.node

    @property
    def heard(self) -> str:
        """What the last step said."""
        return " ".join(effect.text for effect in self.effects if isinstance(effect, Say))

    @property
    def all_heard(self) -> str:
        """What was said in the whole call."""
        return " ".join(effect.text for effect in self.log if isinstance(effect, Say))

    @property
    def last(self) -> Effect:
        return self.effects[-1]

    @property
    def listen(self) -> Listen:
        assert isinstance(self.last, Listen)
        return self.last

    @property
    def events(self) -> list[str]:
        return [effect.name for effect in self.log if isinstance(effect, Event)]
