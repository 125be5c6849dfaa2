"""Putting a question: its words, and what the ear should wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app.flow.effects import Keypad, Listen
from app.flow.global_intents import global_phrases
from app.flow.keypad import PAUSE_MS
from app.flow.languages import language
from app.flow.model import Scene
from app.flow.phrases import PhraseSet, begins, complete, words_of
from app.flow.prompts import Prompt
from app.flow.turn import Turn
from app.flow.yes_no import yes_no_phrases

if TYPE_CHECKING:
    from app.flow.question import Question

MAX_HINTS: Final = 50


@dataclass(frozen=True, slots=True)
class QuestionGrammar:
    """The grammar of completeness of a question at the moment it was put."""

    node: Question
    scene: Scene

    def complete(self, text: str) -> bool | None:
        """Complete if it is as anything that could be meant; else incomplete if it is the beginning of anything."""
        verdicts = self._verdicts(text)
        if True in verdicts:
            return True
        return False if False in verdicts else None

    def begins(self, text: str) -> bool:
        """Whether it tells that an answer has begun: an opening that fits before any ("I'd like to") does not."""
        words, spoken = words_of(text), language(self.scene.state.language)
        return self.node.begins(self.scene, text) or begins(words, self._everywhere(), spoken)

    def _verdicts(self, text: str) -> list[bool | None]:
        words, spoken = words_of(text), language(self.scene.state.language)
        elsewhere = self._everywhere()
        return [
            self.node.complete(self.scene, text),
            complete(words, elsewhere, spoken) if elsewhere else None,
        ]

    def _everywhere(self) -> list[PhraseSet]:
        """What a caller may say whatever the question is."""
        spoken = language(self.scene.state.language)
        confirming = self.scene.state.phase == "confirming"
        return [
            *(yes_no_phrases(spoken).values() if confirming else ()),
            *({} if self.node.modal else global_phrases(self.scene)).values(),
        ]


def pose(turn: Turn, node: Question, *prompts: Prompt | None) -> None:
    """Say the question, if it has words, and wait for an answer."""
    for prompt in filter(None, prompts):
        turn.say(prompt, node.settings)
    listen(turn, node)


def listen(turn: Turn, node: Question) -> None:
    scene = turn.scene
    confirming = scene.state.phase == "confirming"
    turn.emit(
        Listen(
            node=node.name,
            language=scene.state.language,
            timeout_ms=node.settings.timeout_ms,
            grammar=QuestionGrammar(node, scene),
            keypad=Keypad(1, PAUSE_MS) if confirming else node.keypad(scene),
            collected=len(scene.state.keys),
            hints=node.hints(scene)[:MAX_HINTS],
            sensitive=node.sensitive,
        )
    )
