"""Taking an answer: keys one by one, words as an utterance, in the order that the question's docstring gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

from app.flow.asking import listen, pose
from app.flow.effects import AskModel, ModelMessage, Understood
from app.flow.failing import fail, greeted
from app.flow.global_intents import act_globally, understand_global
from app.flow.guessing import guess
from app.flow.inputs import Heard, Input, KeypadPaused, ModelFailed, ModelReplied, NoInput, Pressed
from app.flow.keypad import FINISH, Keys, choose
from app.flow.languages import language
from app.flow.model import Meaning, Scene
from app.flow.phrases import covered, peelings, words_of
from app.flow.similarity import alike
from app.flow.sounding import sounds_like
from app.flow.turn import Turn
from app.flow.yes_no import YES_NO_KEYS, begins_unsure, understand_yes_no

if TYPE_CHECKING:
    from app.flow.question import Question

# a model that takes longer is too late to be of use
MODEL_TIMEOUT_MS: Final = 1000
MODEL_TOKENS: Final = 20
MODEL_SCORE: Final = 0.8
NOTHING: Final = "none"
PRESUMED: Final = ("sound", "similarity", "guess")
INSTRUCTION: Final = (
    "Say which one of the outcomes the caller's words mean. Say nothing else. Where none of them is clearly meant, the "
    f"outcome is {NOTHING}."
)


def take(turn: Turn, node: Question, given: Input) -> str | None:
    """React to the caller; what is no answer at all leaves everything as it was."""
    if isinstance(given, ModelReplied | ModelFailed):
        return chosen(turn, node, given) if turn.state.phase == "understanding" else None
    if turn.state.phase == "understanding":
        turn.state = replace(turn.state, phase="asking")
    match given:
        case Pressed(digit):
            return _press(turn, node, digit)
        case KeypadPaused() if turn.state.keys:
            return _read_keys(turn, node, turn.state.keys, paused=True)
        case NoInput() if turn.state.keys:
            return _read_keys(turn, node, turn.state.keys, paused=True)
        case NoInput():
            return fail(turn, node, "no_input")
        case Heard():
            return _hear(turn, node, given)
    return None


# keys


def _press(turn: Turn, node: Question, digit: str) -> str | None:
    if turn.state.finished_by_length:
        turn.state = replace(turn.state, finished_by_length=False)
        if digit == FINISH and FINISH not in _key_options(turn, node):
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


def _hear(turn: Turn, node: Question, heard: Heard) -> str | None:
    text = heard.text
    if turn.state.phase == "confirming":
        answer = understand_yes_no(text, language(turn.state.language))
        if answer is not None and answer.score == 1.0:
            return _confirmed(turn, node, answer.name == "yes")
    if not node.takes_anything and _asks_for_patience(turn, text):
        turn.log("hold")
        listen(turn, node)
        return None
    meaning = understand(turn.scene, node, text)
    if meaning is None and turn.state.keys:
        # a voice in the background while digits are typed; the keypad's pause goes on
        turn.log("speech_ignored")
        return None
    turn.state = replace(turn.state, keys="", pending=None, phase="asking")
    if meaning is None and _greets(turn, text):
        return greeted(turn, node)
    meaning = meaning or presume(turn.scene, node, heard)
    if meaning is None:
        return None if consult(turn, node, text) else fail(turn, node, "no_match")
    if node.doubts(meaning, heard.confidence):
        # what is doubtful settles no other question either; what is asked back in the flow's words is all of it
        ask_back(turn, node, meaning if meaning.rung in PRESUMED else replace(meaning, rest=""))
        return None
    return accept(turn, node, meaning)


def _asks_for_patience(turn: Turn, text: str) -> bool:
    """ "One moment, please." is answered by waiting."""
    spoken = language(turn.state.language)
    return any(words in spoken.hold for words in peelings(words_of(text), spoken))


def _greets(turn: Turn, text: str) -> bool:
    """ "Hello? Good morning!" and nothing else."""
    spoken = language(turn.state.language)
    words = tuple(word for word in words_of(text) if word not in spoken.hesitations)
    return bool(words) and covered(words, spoken.greetings)


def understand(scene: Scene, node: Question, text: str) -> Meaning | None:
    """What the words mean at this question, by the first rung that knows."""
    if node.yields and (everywhere := understand_global(scene, text)):
        return everywhere
    meaning = node.understand(scene, text)
    if meaning is None and not node.modal and not node.leaves_open(scene, text):
        meaning = understand_global(scene, text)
    return meaning or node.correct(scene, text)


def presume(scene: Scene, node: Question, heard: Heard) -> Meaning | None:
    """What words of the caller's own may mean: by their sound, by their sense, by what they mention."""
    if begins_unsure(heard.text, language(scene.state.language)) or node.leaves_open(scene, heard.text):
        return None
    return (
        sounds_like(scene, node, heard.text)
        or alike(scene, node, heard.similar)
        or guess(scene, node, heard.text, heard.similar)
    )


# the last rung


def chosen(turn: Turn, node: Question, given: ModelReplied | ModelFailed) -> str | None:
    """A model was asked what the words mean: one of what was offered to it, or nothing."""
    turn.state = replace(turn.state, phase="asking")
    offered = node.offers(turn.scene)
    name = given.outcome if isinstance(given, ModelReplied) else None
    if name is None or name not in offered:
        return fail(turn, node, "no_match")
    kind, _ = offered[name]
    return accept(turn, node, Meaning(kind, "model", MODEL_SCORE, name, heard=turn.state.words))


def consult(turn: Turn, node: Question, text: str) -> bool:
    """Ask a model, where something that can be meant here is described for one."""
    offered = node.offers(turn.scene)
    if node.sensitive or not offered:
        return False
    turn.state = replace(turn.state, phase="understanding")
    turn.emit(
        AskModel(
            node=node.name,
            purpose="choose",
            instruction=INSTRUCTION,
            messages=(ModelMessage("caller", text),),
            language=turn.state.language,
            max_tokens=MODEL_TOKENS,
            outcomes={**{name: meaning for name, (_, meaning) in offered.items()}, NOTHING: "none of these"},
            timeout_ms=MODEL_TIMEOUT_MS,
        )
    )
    return True


def ask_back(turn: Turn, node: Question, meaning: Meaning) -> None:
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
    early = f"{turn.state.early} {meaning.rest}".strip()
    turn.state = replace(turn.state, failures=0, keys="", phase="asking", pending=None, early=early)
    if meaning.kind == "global":
        target = act_globally(turn, node.settings, meaning.name)
        if target is None:
            pose(turn, node, node.ask)
        return target
    return node.act(turn, meaning)
