"""Where a caller's voice comes from, and who understands the agent for the transcript."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.simulator.caller import Act, Speak
from app.simulator.errors import CannotRun
from app.simulator.recording import load_recording
from app.simulator.steps import BargeIn, PlayRecording, Say, Step
from app.simulator.utterance import Utterance


class Speech(Protocol):
    """A voice."""

    async def speak(self, text: str, language: str) -> bytes:
        """μ-law speech, 8,000 Hz; clean, without line noise. Raises RelayError."""
        ...


class Hearing(Protocol):
    """An understanding ear."""

    async def hear(self, audio: bytes, language: str) -> str:
        """The words in μ-law speech, empty when there are none. Raises RelayError."""
        ...


async def prepare(steps: Sequence[Step], speech: Speech, language: str) -> list[Act]:
    """Speak and load everything before the call, so that nothing has to wait in it."""
    return [await _prepared(step, speech, language) for step in steps]


async def _prepared(step: Step, speech: Speech, language: str) -> Act:
    match step:
        case Say(text):
            return Speak(await _utterance(text, speech, language), {"text": text})
        case BargeIn(after_ms, text):
            return Speak(await _utterance(text, speech, language), {"text": text}, after_ms)
        case PlayRecording(path):
            return Speak(Utterance.of(load_recording(path)), {"audio": str(path)})
        case _:
            return step


async def _utterance(text: str, speech: Speech, language: str) -> Utterance:
    audio = await speech.speak(text, language)
    if not audio:
        raise CannotRun(f"the caller's voice made no sound of {text!r}; say it in words")
    return Utterance.of(audio)
