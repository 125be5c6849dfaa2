"""One step of a call in the making: the state as it changes, the effects as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, cast

from app.flow.document import Place
from app.flow.effects import Effect, Event, HangUp, Say, SlotFilled
from app.flow.languages import language
from app.flow.model import Flow, Scene, Settings
from app.flow.prompts import Prompt
from app.flow.state import State
from app.flow.templates import Template
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.nodes.call import Call


class Turn:
    """Handed to the nodes of one `step`; nothing outlives it but `state` and `effects`. The scope of expressions."""

    def __init__(self, flow: Flow, state: State, now: datetime) -> None:
        self.root = flow
        self.state = state
        self.now = now
        self.effects: list[Effect] = []
        # where the flow names the node that is entered next
        self.via: Place | None = None

    @property
    def flow(self) -> Flow:
        """The flow, or the subflow that the call is in."""
        return self.root.part(self.state.node)

    @property
    def scene(self) -> Scene:
        return Scene(self.flow, self.state, self.now, self.root)

    def emit(self, effect: Effect) -> None:
        self.effects.append(effect)

    def log(self, event: str) -> None:
        self.emit(Event(event))

    def say(self, prompt: Prompt, settings: Settings) -> None:
        """Speak a prompt in the call's language, or in the flow's first where it is not translated."""
        line = self.line(prompt, settings)
        if line is not None:
            self.emit(line)

    def line(self, prompt: Prompt, settings: Settings) -> Say | None:
        """A prompt as it would be said now; None where nothing is left of it."""
        language = prompt.language(self.state.language, self.flow.languages[0])
        line = prompt.line(language, self.state.seed, self.state.said.get(prompt.key, 0))
        if prompt.order != "one":
            count = self.state.said.get(prompt.key, 0) + 1
            self.state = replace(self.state, said={**self.state.said, prompt.key: count})
        text = self.render(line.template, language)
        if not text:
            return None
        return Say(
            text=text,
            node=self.state.node,
            key=prompt.key,
            language=language,
            barge_in=settings.barge_in,
            min_words=settings.min_words,
            wording="static" if line.template.static else "templated",
            audio=line.audio,
            sensitive=any(self.is_sensitive(name) for name in line.template.names),
        )

    def say_built_in(self, key: str, settings: Settings, value: str, *, sensitive: bool) -> None:
        """Speak one of the language's own prompts, `value` put into it."""
        text = language(self.state.language).prompts[key][0].format(value)
        self.emit(
            Say(
                text=text,
                node=self.state.node,
                key=f"defaults.{key}",
                language=self.state.language,
                barge_in=settings.barge_in,
                min_words=settings.min_words,
                wording="templated",
                sensitive=sensitive,
            )
        )

    def is_sensitive(self, name: str) -> bool:
        """Whether a name such as `day.weekday` is a sensitive slot's."""
        slot = self.flow.slots.get(name.partition(".")[0])
        return slot is not None and slot.sensitive

    def render(self, template: Template, language: str | None = None) -> str:
        """A template with what is known now, in the call's language or another."""
        return template.render({} if template.static else self.names(template.names, language))

    def names(self, wanted: Iterable[str], language: str | None = None) -> dict[str, object]:
        """What a template that is made of the `wanted` names sees: of the slots, those alone."""
        scene = self.scene
        slots = {head for name in wanted if (head := name.partition(".")[0]) in self.flow.slots}
        return {
            "language": language or self.state.language,
            "caller": {"number": self.state.caller},
            "call": {"number": self.state.called},
            "env": self.flow.environment,
            "today": scene.value("today"),
            **{name: scene.value(name) for name in slots},
        }

    def value(self, name: str) -> object:
        return self.scene.value(name)

    def is_open(self, hours: str, day: date | None = None, at: time | None = None) -> bool:
        chosen = self.flow.hours[hours]
        return chosen.open_at(self.now) if day is None else chosen.opens_on(day, at)

    def unset(self, name: str) -> None:
        self.log("compared_unset")

    def fill(self, name: str, value: Json) -> None:
        self.state = replace(self.state, slots={**self.state.slots, name: value})
        self.emit(SlotFilled(name, value, self.flow.slots[name].sensitive))
        self.clear(self.flow.dependents.get(name, ()))

    def clear(self, names: Iterable[str]) -> None:
        for name in sorted(names):
            value = self.state.slots.get(name)
            if value is not None:
                if self.state.returning:
                    self.state = replace(self.state, dropped={**self.state.dropped, name: value})
                self.fill(name, None)

    # subflows

    def leave_subflow(self) -> Call:
        """Back to the flow that called this one, to its values; returns the node that called."""
        *outer, frame = self.state.stack
        self.state = replace(
            self.state,
            stack=outer,
            node=frame["node"],
            slots=frame["slots"],
            returning=frame["returning"],
        )
        return cast("Call", self.flow.nodes[self.state.node])

    def end_subflow(self, outcome: str) -> str | None:
        """Its outcome decides where the calling flow goes on; a flow that nobody called just ends."""
        self.log(f"outcome_{outcome}")
        if not self.state.stack:
            self.hang_up(outcome)
            return None
        return self.leave_subflow().outcomes[outcome].choose(self)

    @contextmanager
    def as_caller(self, flow: Flow) -> Iterator[None]:
        """Act with the values of a flow that waits for this one."""
        inner = self.state
        at = next(at for at, one in enumerate(inner.stack) if self.root.part(one["node"]) is flow)
        frame = inner.stack[at]
        self.state = replace(inner, node=frame["node"], slots=frame["slots"])
        yield
        stack = [*inner.stack[:at], {**frame, "slots": self.state.slots}, *inner.stack[at + 1 :]]
        self.state = replace(self.state, node=inner.node, slots=inner.slots, stack=stack)

    def hang_up(self, reason: str) -> None:
        self.state = replace(self.state, phase="ended", pending=None, keys="")
        self.emit(HangUp(reason))
