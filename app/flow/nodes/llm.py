"""`llm`: a bounded conversation with a model, which ends in one of the outcomes that the node declares.

The model speaks, may ask for the tools that are declared here, and may name an outcome: nothing else. Where an outcome
leads is in the file. What is heard everywhere (globals) is understood before the model gets to know of it. No sensitive
value is ever put before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from app.flow.asking import listen
from app.flow.draft import Draft, built_in_prompt
from app.flow.effects import AskModel, CallService, ModelMessage, Say, ToolOffer
from app.flow.global_intents import understand_global
from app.flow.inputs import (
    Heard,
    Input,
    ModelFailed,
    ModelInterrupted,
    ModelReplied,
    NoInput,
    Pressed,
    ServiceAnswered,
    ServiceFailed,
)
from app.flow.languages import language
from app.flow.model import Meaning, Node, Scene, Settings
from app.flow.nodes import node_type
from app.flow.nodes.http import BUILT_IN_WAITING_AFTER_MS, WAITING
from app.flow.prompts import Prompt
from app.flow.question import Question
from app.flow.routes import Route, read_route, required_route
from app.flow.section import Section
from app.flow.templates import Template
from app.flow.tools import Tool, ToolUse, read_tools, result_text
from app.flow.turn import Turn
from app.flow.values import Json
from app.flow.yes_no import understand_yes_no

MAX_TURNS: Final = 6
MAX_TOKENS: Final = 150
MAX_MESSAGES: Final = 60
MAX_FACTS: Final = 64 * 1024
APOLOGY: Final = built_in_prompt("model_failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Llm(Question):
    """`max_turns` bounds how often the caller is answered, `max_tokens` how long each answer may be.

    `reuse`: who asks the same gets the same answer for a while.
    """

    instruction: Template
    opening: Prompt | None
    facts: str
    tools: Mapping[str, Tool]
    max_turns: int
    max_tokens: int
    outcomes: Mapping[str, Route]
    failed: Route
    reuse: bool = False

    @property
    def routes(self) -> Mapping[str, Route]:
        return {**self.outcomes, "failed": self.failed}

    def enter(self, turn: Turn) -> str | None:
        words = turn.state.words
        dialogue: list[dict[str, Json]] = [_message("caller", words)] if words else []
        turn.state = replace(turn.state, dialogue=dialogue, turns=0, returning=None)
        if self.opening is not None:
            turn.say(self.opening, self.settings)
        return self._ask(turn)

    def resume(self, turn: Turn) -> str | None:
        """What the caller may have missed comes again; a tool that was asked is not asked again."""
        match turn.state.phase:
            case "answering":
                turn.state = replace(turn.state, turns=turn.state.turns - 1)
                return self._ask(turn)
            case "calling":
                return self._tool_result(turn, "the line was lost; it is not known whether this was done")
            case "approving":
                return self._approve(turn, ToolUse.pending(turn.state.dialogue))
        last = turn.state.dialogue[-1] if turn.state.dialogue else {}
        if last.get("role") == "agent" and last.get("text"):
            turn.emit(self._generated(turn, str(last["text"])))
        listen(turn, self)
        return None

    def take(self, turn: Turn, given: Input) -> str | None:
        phase = turn.state.phase
        match given:
            case ModelReplied() if phase == "answering":
                return self._replied(turn, given)
            case ModelFailed() if phase == "answering":
                turn.log("model_failed")
                turn.say(APOLOGY, self.settings)
                return self.failed.choose(turn)
            case ModelInterrupted(heard=heard):
                return self._interrupted(turn, heard)
            case ServiceAnswered() | ServiceFailed() if phase == "calling":
                return self._tool_result(turn, result_text(given))
            case Heard() | Pressed() | NoInput() if phase == "approving":
                return self._approval(turn, given)
        return Question.take(self, turn, given) if phase in ("asking", "answering", "confirming") else None

    # the caller

    @property
    def takes_anything(self) -> bool:
        return True

    def understand(self, scene: Scene, text: str) -> Meaning | None:
        everywhere = None if self.modal else understand_global(scene, text)
        if everywhere is not None or not any(character.isalnum() for character in text):
            return everywhere
        return Meaning("value", "model", 1.0, "words", heard=text)

    def doubts(self, meaning: Meaning, confidence: float | None) -> bool:
        return meaning.kind == "global" and Question.doubts(self, meaning, confidence)

    def act(self, turn: Turn, meaning: Meaning) -> str | None:
        self._add(turn, _message("caller", meaning.heard))
        return self._ask(turn)

    # the model

    def _ask(self, turn: Turn) -> str | None:
        """Let the model speak, unless the conversation has gone on for too long."""
        if turn.state.turns >= self.max_turns or len(turn.state.dialogue) >= MAX_MESSAGES:
            turn.log("model_turns_spent")
            return self.failed.choose(turn)
        turn.state = replace(turn.state, phase="answering", turns=turn.state.turns + 1)
        turn.emit(
            AskModel(
                node=self.name,
                purpose="reply",
                instruction=turn.render(self.instruction),
                messages=tuple(ModelMessage.from_json(one) for one in turn.state.dialogue),
                language=turn.state.language,
                max_tokens=self.max_tokens,
                facts=self.facts,
                outcomes={name: name.replace("_", " ") for name in self.outcomes},
                tools=tuple(
                    ToolOffer(one.name, one.description, one.arguments) for one in self.tools.values()
                ),
                speech=self._generated(turn, ""),
                waiting=turn.line(WAITING, self.settings),
                reuse=f"{turn.state.version} {self.name}" if self.reuse else "",
            )
        )
        return None

    def _generated(self, turn: Turn, text: str) -> Say:
        settings = self.settings
        return Say(
            text=text,
            node=self.name,
            key=f"{self.name}.reply",
            language=turn.state.language,
            barge_in=settings.barge_in,
            min_words=settings.min_words,
            wording="generated",
        )

    def _replied(self, turn: Turn, reply: ModelReplied) -> str | None:
        if reply.text or reply.tool:
            self._add(turn, _message("agent", reply.text, reply.tool))
        if reply.outcome is not None:
            turn.log(f"outcome_{reply.outcome}" if reply.outcome in self.outcomes else "outcome_unknown")
            return self.outcomes.get(reply.outcome, self.failed).choose(turn)
        if reply.tool is not None:
            return self._use(turn, reply.tool)
        if not reply.text:
            turn.log("model_failed")
            turn.say(APOLOGY, self.settings)
            return self.failed.choose(turn)
        turn.state = replace(turn.state, phase="asking")
        listen(turn, self)
        return None

    def _interrupted(self, turn: Turn, heard: str) -> str | None:
        """The caller cut the model's words: what was said is what was heard."""
        *before, last = turn.state.dialogue or [{}]
        if last.get("role") == "agent" and last.get("tool_calls"):
            # its result comes next, so nothing may come between
            turn.state = replace(turn.state, dialogue=[*before, {**last, "text": heard}])
            return None
        if last.get("role") == "agent":
            turn.state = replace(turn.state, dialogue=before)
        if heard:
            self._add(turn, _message("agent", heard))
        if turn.state.phase == "answering":
            turn.state = replace(turn.state, phase="asking")
            listen(turn, self)
        return None

    def _add(self, turn: Turn, message: dict[str, Json]) -> None:
        turn.state = replace(turn.state, dialogue=[*turn.state.dialogue, message])

    # tools

    def _use(self, turn: Turn, use: ToolUse) -> str | None:
        tool = self.tools.get(use.name)
        refusal = "there is no such tool" if tool is None else tool.refusal(turn, use.arguments)
        if tool is None or refusal:
            turn.log("tool_refused")
            return self._tool_result(turn, refusal)
        return self._approve(turn, use) if tool.confirmation else self._call(turn, use)

    def _approve(self, turn: Turn, use: ToolUse) -> str | None:
        tool = self.tools[use.name]
        turn.state = replace(turn.state, phase="approving")
        if tool.confirmation is not None:
            turn.say(tool.confirmation, self.settings)
        listen(turn, self)
        return None

    def _approval(self, turn: Turn, given: Heard | Pressed | NoInput) -> str | None:
        use = ToolUse.pending(turn.state.dialogue)
        answer = {"1": "yes", "2": "no"}.get(given.digit) if isinstance(given, Pressed) else None
        if isinstance(given, Heard):
            found = understand_yes_no(given.text, language(turn.state.language))
            answer = found.name if found else None
        if answer == "yes":
            return self._call(turn, use)
        if answer == "no" or isinstance(given, NoInput):
            return self._tool_result(turn, "the caller does not want this to be done")
        turn.state = replace(turn.state, failures=turn.state.failures + 1)
        if turn.state.failures >= (self.settings.max_attempts or MAX_TURNS):
            return self._tool_result(turn, "the caller did not say whether this should be done")
        return self._approve(turn, use)

    def _call(self, turn: Turn, use: ToolUse) -> str | None:
        tool = self.tools[use.name]
        turn.state = replace(turn.state, phase="calling", failures=0)
        request = tool.request.render(turn, use.arguments)
        waiting = turn.line(WAITING, self.settings)
        turn.emit(CallService(self.name, request, tool.timeout_ms, waiting, BUILT_IN_WAITING_AFTER_MS))
        return None

    def _tool_result(self, turn: Turn, result: str) -> str | None:
        use = ToolUse.pending(turn.state.dialogue)
        self._add(turn, {"role": "tool", "text": result, "tool_call_id": use.id})
        return self._ask(turn)


def _message(role: str, text: str, tool: ToolUse | None = None) -> dict[str, Json]:
    return {"role": role, "text": text, **({"tool_calls": [tool.to_json()]} if tool else {})}


@node_type("llm")
def read_llm(name: str, section: Section, draft: Draft, defaults: Settings) -> Node:
    instruction = _instruction(section, draft)
    max_turns, max_tokens = section.integer("max_turns", 1, 20), section.integer("max_tokens", 10, 1000)
    return Llm(
        name=name,
        settings=draft.settings(section, name, defaults),
        ask=None,
        again=None,
        modal=section.flag("modal"),
        instruction=instruction,
        opening=draft.prompt(section, "opening", f"{name}.opening"),
        facts=_facts(section, draft),
        tools=read_tools(section, draft, name),
        max_turns=MAX_TURNS if max_turns is None else max_turns,
        max_tokens=MAX_TOKENS if max_tokens is None else max_tokens,
        outcomes=_outcomes(section, draft),
        failed=required_route(section, draft, "failed"),
        reuse=section.flag("reuse"),
    )


def _instruction(section: Section, draft: Draft) -> Template:
    text = section.text("llm") or ""
    never = section.texts("never")
    if never:
        text = f"{text} Never talk about: {', '.join(never)}."
    template = draft.template(text, section.fields.values["llm"].place)
    for name in sorted(template.names):
        if draft.is_sensitive(name):
            section.fault(
                section.fields.values["llm"].place,
                f'"{name}" is sensitive and never goes to a model; remove it',
                "sensitive-to-model",
            )
    return template


def _facts(section: Section, draft: Draft) -> str:
    reference = section.text("facts")
    if reference is None:
        return ""
    try:
        facts = draft.sources.text(reference)
    except ValueError as error:
        section.fault(section.fields.values["facts"].place, str(error))
        return ""
    if len(facts) > MAX_FACTS:
        section.fault(
            section.fields.values["facts"].place,
            f'"{reference}" has {len(facts)} characters; a model is given at most {MAX_FACTS}, shorten it',
        )
    return facts


def _outcomes(section: Section, draft: Draft) -> dict[str, Route]:
    inner = section.section("outcomes", f"outcomes of {section.what}")
    if inner is None or not inner.fields.values:
        section.missing("outcomes", "{answered: more, unsure: operator}")
        return {}
    found = {name: read_route(inner, draft, name) for name in inner.fields.values}
    return {name: route for name, route in found.items() if route is not None}
