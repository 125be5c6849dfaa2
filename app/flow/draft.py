"""What is known of a flow while its file is being read, and how its common parts are read."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast, get_args

from app.errors import FlowError
from app.flow.document import Fields, Items, Place, Scalar, Tree
from app.flow.effects import BargeIn
from app.flow.expressions import Expression, compile_expression
from app.flow.hours import Hours
from app.flow.languages import LANGUAGES
from app.flow.model import Flow, Intent, Settings, Slot
from app.flow.prompts import Ladder, Line, Order, Prompt, Rung
from app.flow.section import Mistake, Section, suggestion
from app.flow.slots import DAY_PARTS
from app.flow.templates import Template, compile_template

BARGE_IN = get_args(BargeIn)
ALWAYS_KNOWN = ("language", "caller.number", "call.number")
_SETTING = re.compile(r"\benv\s*\.\s*([A-Za-z_]\w*)")


@dataclass
class Overlay:
    """A translation: `prompts` by key. What no prompt of the flow asked for is a fault."""

    language: str
    prompts: Fields
    used: set[str] = field(default_factory=set)


class Sources:
    """What lies beside the flow's file: nothing, unless the reader is given more."""

    def subflow(self, name: str) -> Flow:
        """Raises ValueError with what is wrong and the way out."""
        raise ValueError(f'there is no flow "{name}" beside this one; add {name}.yaml')

    def text(self, reference: str) -> str:
        """A text file's. Raises ValueError as well."""
        raise ValueError(f'there is no file "{reference}" beside this flow; add it')


@dataclass
class Draft:
    """`wanted` are the nodes that something leads to, with the place that says so; `collected` the slots that are
    asked for, `changed` those that a confirmation lets the caller correct.
    """

    faults: list[FlowError]
    languages: tuple[str, ...]
    overlays: list[Overlay]
    environment: Mapping[str, str]
    # what stands before the names of a subflow's nodes
    prefix: str = ""
    outcomes: tuple[str, ...] = ()
    sources: Sources = field(default_factory=Sources)
    slots: dict[str, Slot] = field(default_factory=dict)
    intents: dict[str, Intent] = field(default_factory=dict)
    hours: dict[str, Hours] = field(default_factory=dict)
    environment_names: set[str] = field(default_factory=set)
    collected: set[str] = field(default_factory=set)
    changed: list[tuple[str, Place]] = field(default_factory=list)
    wanted: list[tuple[str, Place]] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    prompts: list[Prompt] = field(default_factory=list)

    def fault(self, place: Place, message: str, code: str = "wrong-value") -> None:
        self.faults.append(place.fault(message, code))

    def target(self, section: Section, key: str) -> str | None:
        """The name of a node; that it exists is checked when all nodes are read."""
        name = section.text(key)
        if name is None:
            return None
        self.wanted.append((name, section.fields.values[key].place))
        return self.prefix + name

    def subflow(self, name: str, place: Place) -> Flow | None:
        """A flow that is called, ready to be part of this one."""
        try:
            return self.sources.subflow(name)
        except ValueError as error:
            self.fault(place, str(error), error.code if isinstance(error, Mistake) else "wrong-value")
            return None

    def is_sensitive(self, name: str) -> bool:
        slot = self.slots.get(name.partition(".")[0])
        return slot is not None and slot.sensitive

    def slot(self, section: Section, key: str) -> Slot | None:
        name = section.text(key)
        return None if name is None else self.known_slot(name, section.fields.values[key].place)

    def known_slot(self, name: str, place: Place) -> Slot | None:
        if name not in self.slots:
            way_out = suggestion(name, self.slots) if self.slots else "declare it under slots:"
            self.fault(place, f'there is no slot "{name}"; {way_out}', "undefined-value")
        return self.slots.get(name)

    # expressions

    def expression(self, text: str, place: Place) -> Expression | None:
        settings = set(_SETTING.findall(text))
        self.environment_names |= settings
        types = {**self._types(), **{f"env.{name}": "text" for name in settings}}
        try:
            return compile_expression(text, types, self.hours)
        except ValueError as error:
            self.fault(place, str(error), error.code if isinstance(error, Mistake) else "wrong-value")
            return None

    def _types(self) -> dict[str, str]:
        types = {name: slot.type.expression_type for name, slot in self.slots.items()}
        for name, slot in self.slots.items():
            types.update({f"{name}.{part}": kind for part, kind in slot.type.parts.items()})
        today = {f"today.{part}": kind for part, kind in DAY_PARTS.items()}
        return {**types, **dict.fromkeys(ALWAYS_KNOWN, "text"), "today": "date", **today}

    def condition(self, section: Section) -> Expression | None:
        """The expression under `if`."""
        text = section.text("if")
        return None if text is None else self.expression(text, section.fields.values["if"].place)

    # texts

    def template(
        self, text: str, place: Place, arguments: Collection[str] = (), *, address: bool = False
    ) -> Template:
        """`arguments` may be used besides what a call knows, as `arguments.NAME`."""
        try:
            template = compile_template(text, address=address)
        except ValueError as error:
            self.fault(place, str(error))
            return Template(text)
        for name in sorted(template.names):
            if name.removeprefix("arguments.") not in arguments:
                self._check_name(name, place)
        return template

    def _check_name(self, name: str, place: Place) -> None:
        head, _, part = name.partition(".")
        if head == "env" and part:
            self.environment_names.add(part)
        elif head in self.slots:
            parts = self.slots[head].type.parts
            if part and part not in parts:
                self.fault(
                    place, f'"{head}" has no part "{part}"; {suggestion(part, parts)}', "undefined-value"
                )
        elif name not in ALWAYS_KNOWN:
            way_out = suggestion(name, [*self.slots, *ALWAYS_KNOWN])
            self.fault(place, f'there is no value "{name}"; {way_out}', "undefined-value")

    def prompt(self, section: Section, key: str, name: str) -> Prompt | None:
        """The text, `{one_of: …}`, `{sequence: …}` or `{audio: …, text: …}` under `key`, with its translations."""
        tree = section.tree(key)
        return None if tree is None else self.prompt_from(tree, name)

    def prompt_from(self, tree: Tree, name: str) -> Prompt:
        order, lines = self._lines(tree, name)
        by_language = {self.languages[0]: lines}
        for overlay in self.overlays:
            key = name.removeprefix(self.prefix)
            translated = overlay.prompts.values.get(key)
            if translated is not None:
                overlay.used.add(key)
                by_language[overlay.language] = self._translated(translated, name, order)
        prompt = Prompt(name, by_language, order)
        self.prompts.append(prompt)
        return prompt

    def _translated(self, tree: Tree, name: str, order: Order) -> tuple[Line, ...]:
        """A list stands for the original's list, whichever kind that is."""
        if isinstance(tree, Items) and order != "one":
            return tuple(self._line(item, name) for item in tree.values) or (Line(Template("")),)
        return self._lines(tree, name)[1]

    def _lines(self, tree: Tree, name: str) -> tuple[Order, tuple[Line, ...]]:
        if isinstance(tree, Fields) and len(tree.values) == 1:
            (kind, inner), *_ = tree.values.items()
            if kind in ("one_of", "sequence") and isinstance(inner, Items) and inner.values:
                return cast(Order, kind), tuple(self._line(item, name) for item in inner.values)
        return "one", (self._line(tree, name),)

    def _line(self, tree: Tree, name: str) -> Line:
        if isinstance(tree, Scalar) and tree.value is not None:
            return Line(self.template(tree.text, tree.place), place=tree.place)
        if isinstance(tree, Fields) and "audio" in tree.values:
            return self._recording(Section(tree, f"the recording of {name}", self.faults))
        if isinstance(tree, Items):
            self.fault(
                tree.place,
                f"{name} is a list; put quotes around it if one sentence is meant, or write {{one_of: […]}}",
                "list-for-sentence",
            )
        else:
            self.fault(
                tree.place,
                f"{name} must be a text, {{one_of: […]}}, {{sequence: […]}} or {{audio: FILE, text: …}}",
            )
        return Line(Template(""))

    def _recording(self, section: Section) -> Line:
        audio = section.text("audio")
        text = section.text("text")
        if text is None:
            section.missing("text", "what the recording says")
        if audio and (audio.startswith("/") or ".." in audio.split("/")):
            section.fault(
                section.fields.values["audio"].place, "audio must name a file inside the flow's directory"
            )
            audio = None
        section.finish()
        place = section.fields.values["audio"].place
        return Line(self.template(text or "", section.place), audio, place)

    # settings

    def settings(self, section: Section, prefix: str, base: Settings) -> Settings:
        """The node's own way to speak and wait, `base` where it says nothing."""
        timeout_ms = section.duration_ms("timeout")
        confidence = section.number("confidence", 0, 1)
        return replace(
            self.manner(section, base),
            timeout_ms=base.timeout_ms if timeout_ms is None else timeout_ms,
            max_attempts=self._max_attempts(section, base.max_attempts),
            no_input=self.ladder(section, "no_input", prefix) or base.no_input,
            no_match=self.ladder(section, "no_match", prefix) or base.no_match,
            confidence=base.confidence if confidence is None else confidence,
        )

    def manner(self, section: Section, base: Settings) -> Settings:
        """How the node speaks, for one that does not listen."""
        barge_in = section.choice("barge_in", BARGE_IN)
        min_words = section.integer("min_words", 1, 10)
        return replace(
            base,
            barge_in=cast(BargeIn, barge_in) if barge_in else base.barge_in,
            min_words=base.min_words if min_words is None else min_words,
        )

    def _max_attempts(self, section: Section, base: int | None) -> int | None:
        tree = section.fields.values.get("max_attempts")
        if isinstance(tree, Scalar) and tree.text == "unlimited":
            section.tree("max_attempts")
            return None
        return section.integer("max_attempts", 1, 20) or base

    def indexed_prompts(self, trees: Sequence[Tree], name: str) -> tuple[Prompt, ...]:
        """Prompts of a list, each under `name.1`, `name.2` …; a translation is one list under `name`."""
        translations = self._ladder_translations(name, len(trees))
        return tuple(self._indexed(tree, name, index, translations) for index, tree in enumerate(trees))

    def _indexed(
        self, tree: Tree, name: str, index: int, translations: dict[str, tuple[Tree, ...]]
    ) -> Prompt:
        prompt = self.prompt_from(tree, f"{name}.{index + 1}")
        self.prompts.remove(prompt)
        lines = dict(prompt.lines)
        for language, trees in translations.items():
            if index < len(trees):
                lines[language] = (self._line(trees[index], name),)
        self.prompts.append(replace(prompt, lines=lines))
        return self.prompts[-1]

    def ladder(self, section: Section, key: str, prefix: str) -> Ladder | None:
        if key not in section:
            return None
        name = f"{prefix}.{key}"
        trees = section.items(key)
        spoken = [tree for tree in trees if not (isinstance(tree, Fields) and set(tree.values) == {"goto"})]
        translations = self._ladder_translations(name, len(spoken))
        rungs: list[Rung] = []
        for tree in trees:
            index = sum(rung.prompt is not None for rung in rungs)
            rungs.append(self._rung(tree, name, index, translations))
        return Ladder(tuple(rungs))

    def _ladder_translations(self, name: str, count: int) -> dict[str, tuple[Tree, ...]]:
        """A translated ladder is the list of its spoken rungs, in order, as many as the flow has."""
        found: dict[str, tuple[Tree, ...]] = {}
        for overlay in self.overlays:
            key = name.removeprefix(self.prefix)
            tree = overlay.prompts.values.get(key)
            if tree is not None:
                overlay.used.add(key)
                trees = tree.values if isinstance(tree, Items) else (tree,)
                found[overlay.language] = trees if len(trees) == count else whole_sentences(trees)
                if len(found[overlay.language]) != count:
                    self.fault(
                        tree.place,
                        f"{name} has {count} texts in the flow; give as many, each in quotes or on its line",
                    )
        return found

    def _rung(self, tree: Tree, name: str, spoken: int, translations: dict[str, tuple[Tree, ...]]) -> Rung:
        goto, place = None, None
        if isinstance(tree, Fields) and "goto" in tree.values:
            place = tree.values["goto"].place
            section = Section(tree, f"a step of {name}", self.faults)
            goto = self.target(section, "goto")
            said = section.tree("say")
            section.finish()
            if said is None:
                return Rung(None, goto, place)
            tree = said
        return Rung(self._indexed(tree, name, spoken, translations), goto, place)


def whole_sentences(trees: Sequence[Tree]) -> tuple[Tree, ...]:
    """`[Sorry, I did not hear you., Again?]` has three entries and means two: a comma inside a sentence parts none.

    Only an entry that ends no sentence, before one that begins none, is put together with it.
    """
    joined: list[Tree] = []
    for tree in trees:
        last = joined[-1] if joined else None
        if (
            isinstance(last, Scalar)
            and isinstance(tree, Scalar)
            and last.text[-1:] not in tuple('.!?…»"')
            and tree.text[:1].islower()
        ):
            text = f"{last.text}, {tree.text}"
            joined[-1] = Scalar(text, text, last.place)
        else:
            joined.append(tree)
    return tuple(joined)


def built_in_prompt(key: str, index: int = 0, *, template: bool = False) -> Prompt:
    """What is said where the flow has no words of its own, in every language there is."""
    read = compile_template if template else Template
    lines = {code: (Line(read(one.prompts[key][index])),) for code, one in LANGUAGES.items()}
    return Prompt(f"defaults.{key}.{index + 1}", lines)


def built_in_settings() -> Settings:
    """Six seconds of patience, two friendly repeats, three failures at most."""
    return Settings(
        barge_in="any",
        min_words=1,
        timeout_ms=6000,
        max_attempts=3,
        no_input=Ladder(tuple(Rung(built_in_prompt("no_input", index)) for index in range(2))),
        no_match=Ladder(tuple(Rung(built_in_prompt("no_match", index)) for index in range(2))),
        confidence=0.5,
    )
