"""Who tells the simulated caller what to do next, by the steps of a test and by how the call stands.

The relay runs beside it, so where the call stands is known and not guessed: a caller speaks when the flow waits for
the caller and all that it had to say was heard.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.call.call import Call
from app.call.journal import read
from app.clock import Clock
from app.designer.audio.services import MockedServices
from app.flow.document import Place
from app.flow.effects import Say
from app.flow.model import Flow
from app.flow.rehearsal.checks import check_call, check_turn
from app.flow.rehearsal.run import Failure, Heard, Result
from app.flow.rehearsal.script import Bot, Expect, IsSilent, Judge, Presses, Says, Step, TransferEnds
from app.flow.state import State
from app.flow.values import Json
from app.simulator.caller import Act, Speak, Until
from app.simulator.steps import Press
from app.simulator.utterance import Utterance

CALLERS_TURN = frozenset({"asking", "confirming", "approving", "recording"})
# nothing more comes of what the caller did; well below any question's patience
SETTLED_S = 1.0
# longer than any question waits, and any service
GIVE_UP_S = 120.0
DIAL_OUTCOMES = {"completed": "answered", "no_answer": "no-answer", "busy": "busy", "failed": "failed"}


class Director:
    """One test's call. Implements `Witnessed`. `acts` and `dialled` are for the simulated call."""

    def __init__(
        self,
        utterances: Mapping[Place, Utterance],
        call: Callable[[], Call],
        journal: Path,
        services: MockedServices,
        clock: Clock,
        result: Result,
    ) -> None:
        self._steps = deque(result.test.steps)
        self._utterances = utterances
        self._call = call
        self._journal = _Record(journal)
        self._services = services
        self._clock = clock
        self._result = result
        self._place = result.test.place
        self._before: State | None = None
        self._acted_at = 0
        self._since = 0
        self._acted_s = clock.now()
        self._known: tuple[State | None, int] = (None, 0)
        self._changed_s = clock.now()

    def acts(self) -> Iterator[Act]:
        """What the caller does. Goes on to its end when the call is over, to see what should have come of it."""
        yield self._wait()
        self._check()
        while self._steps and not self._result.failures:
            step = self._steps.popleft()
            self._place = step.place
            yield from self._act(step)
            self._check()

    def dialled(self) -> str:
        """What becomes of a transfer."""
        self._check()
        if self._steps and isinstance(step := self._steps[0], TransferEnds):
            self._steps.popleft()
            self._begin_turn()
            return DIAL_OUTCOMES[step.outcome]
        if self._steps and not self._result.failures:
            self._fail(
                self._steps[0].place, "the caller is being connected; say `transfer: no_answer`, or what else"
            )
        return "answered"

    # what is known of the call

    @property
    def flow(self) -> Flow:
        return self._call().flow

    @property
    def state(self) -> State:
        state = self._call().state
        assert state, "a flow begins before anything is checked"
        return state

    @property
    def said(self) -> Sequence[Say]:
        return [
            Say(one["text"], one["node"], one["node"], self.state.language)
            for one in self._turn_events()
            if one["event"] == "said"
        ]

    @property
    def entered(self) -> Sequence[str]:
        return [one["node"] for one in self._turn_events() if one["event"] == "node_entered"]

    @property
    def events(self) -> Sequence[str]:
        return [one["name"] for one in self._journal.events() if one["event"] == "flow_event"]

    @property
    def asked(self) -> Counter[str]:
        return self._services.asked

    @property
    def sent(self) -> Mapping[str, Json]:
        return self._services.sent

    # steps

    def _act(self, step: Step) -> Iterator[Act]:
        if self.state.ended:
            self._fail(step.place, "the call has ended")
            return
        if isinstance(step, Says | Presses) and step.during not in (None, self.state.node, *self.entered):
            self._fail(step.place, f'the call is at "{self.state.node}", not at "{step.during}"')
            return
        match step:
            case Says():
                yield from self._say(step)
            case Presses():
                self._begin_turn()
                yield Press(step.keys)
                yield self._wait()
            case IsSilent():
                for _ in range(step.times):
                    self._begin_turn()
                    yield self._wait()
            case TransferEnds():
                self._fail(step.place, f'nobody is being called at node "{self.state.node}"')

    def _say(self, step: Says) -> Iterator[Act]:
        self._begin_turn()
        began = self._acted_at
        yield Speak(self._utterances[step.place], {"text": step.text}, step.after_ms)
        yield self._wait()
        texts = [one["text"] for one in self._journal.events()[began:] if one["event"] == "utterance"]
        self._result.heard.append(Heard(step.place, step.text, tuple(texts)))

    def _begin_turn(self) -> None:
        self._before = self.state
        self._acted_at = len(self._journal.events())
        self._acted_s = self._clock.now()

    def _check(self) -> None:
        """Hold against the call what is expected of it by now."""
        if self.state is not self._before:  # what meant nothing is no turn
            self._since = self._acted_at
        while self._steps and isinstance(step := self._steps[0], Bot | Expect | Judge):
            self._steps.popleft()
            if self._result.failures:
                return
            match step:
                case Bot():
                    messages = check_turn(self, step)
                case Expect():
                    messages = check_call(self, step)
                case Judge():
                    self._result.skipped.append(step)
                    continue
            self._result.failures += [Failure(step.place, message) for message in messages]

    def _fail(self, place: Place, message: str) -> None:
        self._result.failures.append(Failure(place, message))

    # waiting

    def _wait(self) -> Until:
        """Until the caller can do what comes next: into the agent's words, or when it waits for the caller."""
        upcoming = next((step for step in self._steps if not isinstance(step, Bot | Expect | Judge)), None)
        interrupts = isinstance(upcoming, Says) and upcoming.after_ms is not None
        return Until(self._has_happened, quiet=False) if interrupts else Until(self._is_settled)

    def _is_settled(self) -> bool:
        if self._services.missing and not self._result.failures:
            self._fail(self._place, self._services.missing[0])
        if self._result.failures:
            return True
        state = self._call().state
        waits = state is not None and state.phase in CALLERS_TURN and not state.keys
        return self._has_happened() and waits and self._clock.now() - self._changed_s >= SETTLED_S

    def _has_happened(self) -> bool:
        """Whether something has come of what the caller did."""
        state, events = self._call().state, self._journal.events()
        if state is not self._known[0] or len(events) != self._known[1]:
            self._known, self._changed_s = (state, len(events)), self._clock.now()
        if self._clock.now() - self._acted_s > GIVE_UP_S and not self._result.failures:
            self._fail(self._place, f"nothing came of it in {GIVE_UP_S:.0f} s")
        answered = any(one["event"] in ("utterance", "dtmf") for one in events[self._acted_at :])
        return state is not None and (state is not self._before or answered)

    def _turn_events(self) -> Sequence[Mapping[str, Any]]:
        return self._journal.events()[self._since :]


class _Record:
    """A journal that is still being written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = 0
        self._events: Sequence[Mapping[str, Any]] = ()

    def events(self) -> Sequence[Mapping[str, Any]]:
        size = self._path.stat().st_size if self._path.exists() else 0
        if size != self._size:
            self._size, self._events = size, list(read(self._path))
        return self._events
