"""What all asking nodes share.

An answer is understood in a fixed order, the first match wins: the keypad; the node's own choices or its slot's
value; globals; a correction. Understood or not, the step ends with the question put again, or with the call going on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from app.flow.answering import ask_back, take
from app.flow.asking import pose
from app.flow.effects import Keypad
from app.flow.global_intents import global_keys, global_meanings
from app.flow.inputs import Input
from app.flow.keypad import PAUSE_MS, Keys, choose
from app.flow.model import Meaning, MeaningKind, Scene, Settings
from app.flow.phrases import PhraseSet
from app.flow.prompts import Prompt
from app.flow.routes import Route
from app.flow.turn import Turn

# a value that is less of what was said is asked back
SURE_SCORE: Final = 0.55
DOUBTFUL: Final = 0.54


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A node that waits for the caller. Subclasses say what an answer is and what it leads to."""

    name: str
    settings: Settings
    ask: Prompt | None
    again: Prompt | None
    modal: bool = False
    sensitive: bool = False

    @property
    def routes(self) -> Mapping[str, Route]:
        return {}

    @property
    def derived(self) -> Mapping[str, frozenset[str]]:
        return {}

    def enter(self, turn: Turn) -> str | None:
        turn.state = replace(turn.state, returning=None, dropped={}, early="")
        pose(turn, self, self.ask)
        return None

    def repeat(self, scene: Scene) -> tuple[Prompt, ...]:
        """How the question is put again after a failure."""
        return tuple(filter(None, (self.again or self.ask,)))

    def resume(self, turn: Turn) -> str | None:
        if turn.state.pending is not None:
            ask_back(turn, self, Meaning(**turn.state.pending))  # type: ignore[arg-type]
        else:
            pose(turn, self, self.ask)
        return None

    def take(self, turn: Turn, given: Input) -> str | None:
        return take(turn, self, given)

    def understand(self, scene: Scene, text: str) -> Meaning | None:
        """The node's own meaning of an answer."""
        return None

    def alternatives(self, scene: Scene) -> Mapping[str, Meaning]:
        """What the node's own intents lead to, where the words are not in their phrases but near in meaning."""
        return {}

    def phrases(self, scene: Scene) -> Mapping[str, PhraseSet]:
        """The phrases of `alternatives`."""
        return {}

    def presumed(self, scene: Scene, text: str) -> Meaning | None:
        """What the words mean if they mean nothing more."""
        return None

    def leaves_open(self, scene: Scene, text: str) -> bool:
        """Whether the caller says that there is no answer yet."""
        return False

    def correct(self, scene: Scene, text: str) -> Meaning | None:
        """An answer to an earlier question that this node lets the caller change."""
        return None

    def act(self, turn: Turn, meaning: Meaning) -> str | None:
        """Carry out a meaning of `understand`, `correct` or `read_keys`."""
        raise NotImplementedError(f"{type(self).__name__} understands nothing of its own")

    @property
    def takes_anything(self) -> bool:
        """Whether whatever is said is an answer."""
        return False

    @property
    def yields(self) -> bool:
        """Whether what may be said everywhere goes before the node's own meaning."""
        return False

    def doubts(self, meaning: Meaning, confidence: float | None) -> bool:
        """Whether to ask "Did you say …?" before acting: the recogniser is unsure, or much else was said."""
        unsure = confidence is not None and confidence < self.settings.confidence
        return unsure or meaning.score < SURE_SCORE

    def described(self, scene: Scene) -> Mapping[str, str]:
        """The node's own choices that are described for a model, by name."""
        return {}

    def offers(self, scene: Scene) -> Mapping[str, tuple[MeaningKind, str]]:
        """All that a model may choose here, each with its kind and description."""
        everywhere = {} if self.modal else global_meanings(scene)
        found: dict[str, tuple[MeaningKind, str]] = {
            name: ("global", one) for name, one in everywhere.items()
        }
        return {**found, **{name: ("choice", one) for name, one in self.described(scene).items()}}

    def complete(self, scene: Scene, text: str) -> bool | None:
        """Whether an answer lacks nothing; see effects.Grammar."""
        return None

    def begins(self, scene: Scene, text: str) -> bool:
        """Whether a part of an answer has been said; see effects.Grammar."""
        return self.complete(scene, text) is False

    def hints(self, scene: Scene) -> tuple[str, ...]:
        return ()

    def key_options(self, scene: Scene) -> Mapping[str, Meaning]:
        """The node's own keys, without those of the globals."""
        return {}

    def keypad(self, scene: Scene) -> Keypad | None:
        options = self.all_keys(scene)
        return Keypad(max(map(len, options)), PAUSE_MS) if options else None

    def read_keys(self, scene: Scene, keys: str, *, paused: bool) -> Meaning | Keys | None:
        return choose(self.all_keys(scene), keys, paused=paused)

    def all_keys(self, scene: Scene) -> Mapping[str, Meaning]:
        return {**({} if self.modal else global_keys(scene)), **self.key_options(scene)}
