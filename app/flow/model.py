"""A flow as it is after loading: immutable, checked, ready to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from app.flow.document import Place
from app.flow.effects import BargeIn, Rung
from app.flow.hours import Hours
from app.flow.inputs import Input
from app.flow.languages import language
from app.flow.phrases import NO_PHRASES, PhraseSet
from app.flow.prompts import Ladder, Prompt
from app.flow.slots import Day, Hearing, SlotType
from app.flow.state import State
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.assignments import Assignment
    from app.flow.routes import Route
    from app.flow.turn import Turn


@dataclass(frozen=True, slots=True)
class Settings:
    """How a node speaks and waits. `max_attempts` None: it asks for ever."""

    barge_in: BargeIn
    min_words: int
    timeout_ms: int
    max_attempts: int | None
    no_input: Ladder
    no_match: Ladder
    confidence: float


@dataclass(frozen=True, slots=True)
class Intent:
    """Something a caller may want, by language; `meaning` describes it for a model."""

    name: str
    phrases: Mapping[str, PhraseSet]
    meaning: str | None = None

    def in_language(self, language: str, default: str) -> PhraseSet:
        return self.phrases.get(language) or self.phrases.get(default) or NO_PHRASES


@dataclass(frozen=True, slots=True)
class Slot:
    """A value the flow can hold. A sensitive one is never logged, cached, traced, recorded or sent to a model."""

    name: str
    type: SlotType
    sensitive: bool = False


MeaningKind = Literal["choice", "value", "global", "correction"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an answer was taken for: which rung found it, and what it leads to.

    `name` is the choice, global or slot; `value` the slot's value; `heard` the words to ask back with; `rest`
    what was said beside it.
    """

    kind: MeaningKind
    rung: Rung
    score: float
    name: str
    value: Json = field(default=None, repr=False)
    heard: str = field(default="", repr=False)
    rest: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Global:
    """Something that can be said or pressed at every question that is not modal.

    `place` is where the flow names the node that it leads to.
    """

    name: str
    key: str | None
    goto: str | None
    say: Prompt | None
    assign: Sequence[Assignment]
    place: Place | None = field(default=None, compare=False)


class Node(Protocol):
    """One step of a flow. `enter` and `take` return the next node's name, or None: the call waits or has ended."""

    @property
    def name(self) -> str: ...

    @property
    def routes(self) -> Mapping[str, Route]:
        """The ways out of it, by what takes them: `next`, `yes`, a choice's name."""
        ...

    @property
    def derived(self) -> Mapping[str, frozenset[str]]:
        """The slots it fills, each with the names that the value is made or checked with."""
        ...

    def enter(self, turn: Turn) -> str | None: ...

    def resume(self, turn: Turn) -> str | None:
        """Go on here after the line was lost: what the caller may have missed comes again."""
        ...

    def take(self, turn: Turn, given: Input) -> str | None:
        """React to an input while the call waits here; what means nothing here is ignored."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Flow:
    """`version` is the hash of everything it was made of. `languages[0]` is the default."""

    name: str
    version: str
    path: str
    languages: tuple[str, ...]
    start: str
    settings: Settings
    slots: Mapping[str, Slot]
    intents: Mapping[str, Intent]
    globals: Mapping[str, Global]
    nodes: Mapping[str, Node]
    places: Mapping[str, Place] = field(repr=False)
    hours: Mapping[str, Hours]
    # the slots that are asked for
    collected: tuple[str, ...]
    # for each slot, those that lose their meaning when it changes
    dependents: Mapping[str, frozenset[str]]
    voices: Mapping[str, str] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()
    prompts: tuple[Prompt, ...] = field(default=(), repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    # what a subflow is given and how it can end: nobody can call a flow that has them
    inputs: Mapping[str, Slot] = field(default_factory=dict)
    outcomes: tuple[str, ...] = ()
    # every flow that it calls, however deep, by name; their nodes are called NAME.node
    subflows: Mapping[str, Flow] = field(default_factory=dict)
    # former names of nodes
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def startable(self) -> bool:
        """Whether a call can begin with it."""
        return not self.inputs and not self.outcomes

    def part(self, node: str) -> Flow:
        """The flow that a node belongs to: this one, or one that it calls."""
        name, dot, _ = node.rpartition(".")
        return self.subflows[name] if dot else self

    def has_node(self, node: str) -> bool:
        name, dot, _ = node.rpartition(".")
        return node in (self.subflows[name].nodes if dot and name in self.subflows else self.nodes)

    def samples(self, language: str) -> list[tuple[str, str]]:
        """(intent, wording): what utterances are compared with by meaning, in a language of the flow."""
        by_intent = (
            (name, one.in_language(language, self.languages[0])) for name, one in self.intents.items()
        )
        return [(name, sample) for name, phrases in by_intent for sample in phrases.samples]

    def fixed_wordings(self) -> Iterator[tuple[str, str]]:
        """(language, text) of everything that is always said in the same words, be it a sentence among others."""
        ladders = (self.settings.no_input, self.settings.no_match)
        built_in = [rung.prompt for ladder in ladders for rung in ladder.rungs if rung.prompt]
        for flow in self.subflows.values():
            yield from flow.fixed_wordings()
        for prompt in (*self.prompts, *built_in):
            for code in self.languages:
                for line in prompt.lines.get(code, ()):
                    if not line.audio:
                        yield from ((code, text) for text in line.template.fixed)
        for code in self.languages:
            texts = (text for several in language(code).prompts.values() for text in several)
            yield from ((code, text) for text in texts if "{" not in text)

    def recordings(self) -> Iterator[tuple[str, Place]]:
        """Every recorded prompt's file, and where the flow names it."""
        for flow in self.subflows.values():
            yield from flow.recordings()
        for prompt in self.prompts:
            for lines in prompt.lines.values():
                for line in lines:
                    if line.audio and line.place:
                        yield line.audio, line.place

    @property
    def home(self) -> Hours | None:
        """The hours whose time zone and country are the flow's own: the first."""
        return next(iter(self.hours.values()), None)

    def configured(self, environment: Mapping[str, str]) -> Flow:
        """The same flow, and those that it calls, with some of the operator's settings changed."""
        subflows = {name: one.configured(environment) for name, one in self.subflows.items()}
        return replace(self, environment={**self.environment, **environment}, subflows=subflows)

    @property
    def way_out(self) -> Global | None:
        """Where a caller goes who could not be helped: to a person, if the flow has one."""
        agent = self.globals.get("agent")
        return agent if agent and agent.goto else None

    def __repr__(self) -> str:
        return f"Flow({self.name!r}, version={self.version!r}, nodes={len(self.nodes)})"


@dataclass(frozen=True, slots=True)
class Scene:
    """A moment of a call: enough to understand an answer, and to say what would be one."""

    flow: Flow
    state: State
    now: datetime
    # the flow that the call began with, where `flow` is one that it called
    root: Flow

    @property
    def flows(self) -> tuple[Flow, ...]:
        """The flow and those that wait for it, the innermost first."""
        return (self.flow, *(self.root.part(frame["node"]) for frame in reversed(self.state.stack)))

    @property
    def globals(self) -> Iterator[tuple[Flow, Global]]:
        """What can be said or pressed here, each with its flow; a flow's own hide its callers' of the same name."""
        known: set[str] = set()
        for flow in self.flows:
            yield from ((flow, one) for name, one in flow.globals.items() if name not in known)
            known |= flow.globals.keys()

    @property
    def hearing(self) -> Hearing:
        home = self.flow.home or self.root.home
        return Hearing(
            language(self.state.language),
            self.now.astimezone(home.zone) if home else self.now,
            self.state.caller,
            home.country if home else "",
        )

    def value(self, name: str) -> object:
        """What templates and expressions see under a name such as `day.weekday`; None where it is unset."""
        head, _, part = name.partition(".")
        if head in self.flow.slots:
            stored = self.state.slots.get(head)
            found = None if stored is None else self.flow.slots[head].type.native(stored)
            return getattr(found, part) if part and found is not None else found
        if head == "env":
            return self.flow.environment.get(part) or None
        match name:
            case "language":
                return self.state.language
            case "caller.number":
                return self.state.caller
            case "call.number":
                return self.state.called
            case "today":
                return Day.fromordinal(self.hearing.today.toordinal())
        raise KeyError(name)
