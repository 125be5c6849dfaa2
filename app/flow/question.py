"""What all asking nodes share: putting the question, taking keys, understanding, and what happens when that fails.

An answer is understood in a fixed order, the first match wins: the keypad; the node's own choices or its slot's
value; globals; a correction. Understood or not, the step ends with the question put again, or with the call going on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

from app.flow.draft import built_in_prompt
from app.flow.effects import Event, Keypad, Listen, Understood
from app.flow.global_intents import act_globally, global_keys, global_phrases, understand_global
from app.flow.inputs import Heard, Input, KeypadPaused, NoInput, Pressed
from app.flow.keypad import FINISH, PAUSE_MS, Keys, choose
from app.flow.languages import language
from app.flow.model import Meaning, Scene, Settings
from app.flow.phrases import complete, words_of
from app.flow.prompts import Ladder, Prompt
from app.flow.turn import Turn
from app.flow.yes_no import YES_NO_KEYS, understand_yes_no, yes_no_phrases

# a caller who was not understood this often in a row, wherever, is led out of the flow
MAX_FAILURES: Final = 12
GIVE_UP: Final = built_in_prompt("give_up")
MAX_HINTS: Final = 50


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
    def targets(self) -> tuple[str, ...]:
        return ()

    @property
    def derived(self) -> Mapping[str, frozenset[str]]:
        return {}

    def enter(self, turn: Turn) -> str | None:
        turn.state = replace(turn.state, returning=None)
        pose(turn, self, self.ask)
        return None

    def repeat(self, scene: Scene) -> Prompt | None:
        """How the question is put again after a failure."""
        return self.again or self.ask

    def resume(self, turn: Turn) -> str | None:
        if turn.state.pending is not None:
            _ask_back(turn, self, Meaning(**turn.state.pending))  # type: ignore[arg-type]
        else:
            pose(turn, self, self.ask)
        return None

    def take(self, turn: Turn, given: Input) -> str | None:
        return take(turn, self, given)

    def understand(self, scene: Scene, text: str) -> Meaning | None:
        """The node's own meaning of an answer."""
        return None

    def correct(self, scene: Scene, text: str) -> Meaning | None:
        """An answer to an earlier question that this node lets the caller change."""
        return None

    def act(self, turn: Turn, meaning: Meaning) -> str | None:
        """Carry out a meaning of `understand`, `correct` or `read_keys`."""
        raise NotImplementedError(f"{type(self).__name__} understands nothing of its own")

    def doubts(self, meaning: Meaning, confidence: float | None) -> bool:
        """Whether to ask "Did you say …?" before acting."""
        return confidence is not None and confidence < self.settings.confidence

    def complete(self, scene: Scene, text: str) -> bool | None:
        """Whether an answer lacks nothing; see effects.Grammar."""
        return None

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


@dataclass(frozen=True, slots=True)
class QuestionGrammar:
    """The grammar of completeness of a question at the moment it was put."""

    node: Question
    scene: Scene

    def complete(self, text: str) -> bool | None:
        spoken = language(self.scene.state.language)
        verdict = None
        if self.scene.state.phase == "confirming":
            verdict = complete(words_of(text), yes_no_phrases(spoken).values(), spoken)
        if verdict is None:
            verdict = self.node.complete(self.scene, text)
        everywhere = {} if self.node.modal else global_phrases(self.scene)
        if verdict is None and everywhere:
            verdict = complete(words_of(text), everywhere.values(), spoken)
        return verdict


def pose(turn: Turn, node: Question, prompt: Prompt | None) -> None:
    """Say the question, if it has words, and wait for an answer."""
    if prompt is not None:
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


def take(turn: Turn, node: Question, given: Input) -> str | None:
    """React to the caller; what is no answer at all leaves everything as it was."""
    match given:
        case Pressed(digit):
            return _press(turn, node, digit)
        case KeypadPaused() if turn.state.keys:
            return _read_keys(turn, node, turn.state.keys, paused=True)
        case NoInput() if turn.state.keys:
            return _read_keys(turn, node, turn.state.keys, paused=True)
        case NoInput():
            return fail(turn, node, "no_input")
        case Heard(text, _, confidence):
            return _hear(turn, node, text, confidence)
    return None


# keys


def _press(turn: Turn, node: Question, digit: str) -> str | None:
    habit = turn.state.finished_by_length and digit == FINISH
    turn.state = replace(turn.state, finished_by_length=False)
    if habit and FINISH not in _key_options(turn, node):
        return None
    return _read_keys(turn, node, turn.state.keys + digit, paused=False)


def _key_options(turn: Turn, node: Question) -> Mapping[str, Meaning]:
    return YES_NO_KEYS if turn.state.phase == "confirming" else node.all_keys(turn.scene)


def _read_keys(turn: Turn, node: Question, keys: str, *, paused: bool) -> str | None:
    if turn.state.phase == "confirming":
        meaning = choose(YES_NO_KEYS, keys, paused=paused)
    elif node.keypad(turn.scene) is None:
        turn.log("key_ignored")
        return None
    else:
        meaning = node.read_keys(turn.scene, keys, paused=paused)
    by_length = isinstance(meaning, Meaning) and not paused and keys[-1] != FINISH
    turn.state = replace(turn.state, keys=keys if meaning is Keys.MORE else "", finished_by_length=by_length)
    if isinstance(meaning, Keys):
        listen(turn, node)
        return None
    if meaning is None:
        return fail(turn, node, "no_match")
    if turn.state.phase == "confirming":
        return _confirmed(turn, node, meaning.name == "yes")
    return accept(turn, node, meaning)


# words


def _hear(turn: Turn, node: Question, text: str, confidence: float | None) -> str | None:
    if turn.state.phase == "confirming":
        answer = understand_yes_no(text, language(turn.state.language))
        if answer is not None and answer.score == 1.0:
            return _confirmed(turn, node, answer.name == "yes")
    meaning = understand(turn.scene, node, text)
    if meaning is None and turn.state.keys:
        # a voice in the background while digits are typed; the keypad's pause goes on
        turn.log("speech_ignored")
        return None
    turn.state = replace(turn.state, keys="", pending=None, phase="asking")
    if meaning is None:
        return fail(turn, node, "no_match")
    if node.doubts(meaning, confidence):
        _ask_back(turn, node, meaning)
        return None
    return accept(turn, node, meaning)


def understand(scene: Scene, node: Question, text: str) -> Meaning | None:
    """What the words mean at this question, by the first rung that knows."""
    meaning = node.understand(scene, text)
    if meaning is None and not node.modal:
        meaning = understand_global(scene, text)
    return meaning or node.correct(scene, text)


def _ask_back(turn: Turn, node: Question, meaning: Meaning) -> None:
    turn.state = replace(turn.state, phase="confirming", pending=asdict(meaning))
    turn.say_built_in("did_you_say", node.settings, meaning.heard, sensitive=node.sensitive)
    listen(turn, node)


def _confirmed(turn: Turn, node: Question, yes: bool) -> str | None:
    pending = turn.state.pending or {}
    turn.state = replace(turn.state, phase="asking", pending=None, keys="")
    turn.emit(Understood("confirmation", 1.0, "yes" if yes else "no"))
    if not yes:
        return fail(turn, node, "no_match", silent=True)
    return accept(turn, node, Meaning(**pending))  # type: ignore[arg-type]


def accept(turn: Turn, node: Question, meaning: Meaning) -> str | None:
    """Act on what was understood."""
    turn.emit(Understood(meaning.rung, meaning.score, meaning.name))
    turn.state = replace(turn.state, failures=0, keys="", phase="asking", pending=None)
    if meaning.kind == "global":
        target = act_globally(turn, node.settings, meaning.name)
        if target is None:
            pose(turn, node, node.ask)
        return target
    return node.act(turn, meaning)


# failures


def fail(turn: Turn, node: Question, kind: str, *, silent: bool = False) -> str | None:
    """Silence or misunderstanding: the ladder's next rung and the question again, or the way out."""
    state = turn.state
    turn.emit(Event(kind))
    if kind == "no_input":
        state = replace(state, no_inputs=state.no_inputs + 1)
        ladder, count = node.settings.no_input, state.no_inputs
    else:
        state = replace(state, no_matches=state.no_matches + 1)
        ladder, count = node.settings.no_match, state.no_matches
    turn.state = replace(state, failures=state.failures + 1)
    rung = ladder.rung(count)
    if exhausted(turn, node) or (rung and rung.goto):
        return leave(turn, node, ladder, rung.prompt if rung and rung.goto else None)
    if rung and rung.prompt and not silent:
        turn.say(rung.prompt, node.settings)
    pose(turn, node, node.repeat(turn.scene))
    return None


def reject(turn: Turn, node: Question, prompt: Prompt) -> str | None:
    """A value was understood and will not do: say why, and ask again."""
    turn.emit(Event("rejected"))
    turn.state = replace(turn.state, rejections=turn.state.rejections + 1, failures=turn.state.failures + 1)
    if exhausted(turn, node):
        return leave(turn, node, node.settings.no_match, prompt)
    turn.say(prompt, node.settings)
    pose(turn, node, node.repeat(turn.scene))
    return None


def exhausted(turn: Turn, node: Question) -> bool:
    """Whether the node has failed as often as it may."""
    state, most = turn.state, node.settings.max_attempts
    return most is not None and (
        state.no_inputs + state.no_matches + state.rejections >= most or state.failures >= MAX_FAILURES
    )


def leave(turn: Turn, node: Question, ladder: Ladder, prompt: Prompt | None) -> str | None:
    """The ladder's way out, else the flow's person, else an apology and the end."""
    if prompt is not None:
        turn.say(prompt, node.settings)
    target = ladder.way_out or turn.flow.way_out
    if target and target != node.name and turn.state.failures <= MAX_FAILURES:
        return target
    turn.say(GIVE_UP, node.settings)
    turn.hang_up("gave_up")
    return None
