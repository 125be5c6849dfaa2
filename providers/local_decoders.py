"""Which embedded network understands which language, and when it is better not believed.

English goes to Moonshine, which is quick enough to try again all the time; everything else to Whisper. Both make up
words where nobody spoke, in their own ways, so each has its own doubt.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from providers import weights
from providers.dsp import BYTES_PER_MS
from providers.local_moonshine import MoonshineModel
from providers.local_whisper import LANGUAGES, WhisperModel

SHORTEST_MS = 100.0


@dataclass(frozen=True, slots=True)
class Decoding:
    """A text, empty for no speech, and mean token probability. `draft` speeds up the next try on longer audio.

    `language` is what was spoken, where that is another than was listened for.
    """

    text: str = field(repr=False)
    confidence: float
    draft: tuple[int, ...] = field(default=(), repr=False)
    language: str = ""


NOTHING = Decoding("", 0.0)


class Decoder(Protocol):
    """Turns a stretch of speech into words. Runs on a worker thread, maybe several times at once."""

    @property
    def partial_every_ms(self) -> float | None:
        """How often it is worth to decode speech that still goes on; None: not at all."""
        ...

    @property
    def longest_ms(self) -> float:
        """Audio beyond this must be cut."""
        ...

    def decode(self, audio: bytes, draft: tuple[int, ...]) -> Decoding: ...

    def load(self) -> None:
        """Load the network if it is not."""
        ...


class EnglishDecoder:
    """Moonshine. Silence and noise are "You" to it, at about 0.3, or notes of music; real words score 0.6 to 1."""

    partial_every_ms: float | None = 400.0
    longest_ms = 15_000.0

    def __init__(self) -> None:
        weights.path("moonshine-tiny-en/decoder_model_merged.ort")
        self._lock = threading.Lock()
        self._model: MoonshineModel | None = None

    def decode(self, audio: bytes, draft: tuple[int, ...]) -> Decoding:
        if len(audio) < SHORTEST_MS * BYTES_PER_MS:
            return NOTHING
        model = self._loaded()
        decoded = model.decode(audio, draft)
        text = model.text(decoded.tokens)
        if decoded.confidence < 0.4 or not _has_words(text):
            return NOTHING
        return Decoding(text, decoded.confidence, decoded.tokens)

    def load(self) -> None:
        self._loaded()

    def _loaded(self) -> MoonshineModel:
        with self._lock:
            self._model = self._model or MoonshineModel()
            return self._model


class SharedWhisper:
    """The one Whisper of all languages, loaded when the first of them needs it."""

    def __init__(self, threads: int) -> None:
        weights.path("whisper-base/model.bin")
        self._threads = threads
        self._lock = threading.Lock()
        self._model: WhisperModel | None = None

    def loaded(self) -> WhisperModel:
        with self._lock:
            self._model = self._model or WhisperModel(self._threads)
            return self._model


class WhisperDecoder:
    """Whisper in one language. On noise it says that nobody spoke, and writes with little conviction."""

    partial_every_ms: float | None = None
    longest_ms = 20_000.0

    def __init__(self, whisper: SharedWhisper, language: str) -> None:
        self._whisper = whisper
        self._language = language

    def decode(self, audio: bytes, draft: tuple[int, ...]) -> Decoding:
        if len(audio) < SHORTEST_MS * BYTES_PER_MS:
            return NOTHING
        heard = self._whisper.loaded().decode(audio, self._language)
        doubtful = heard.confidence < 0.25 or (heard.no_speech > 0.5 and heard.confidence < 0.5)
        if doubtful or not _has_words(heard.text):
            return NOTHING
        return Decoding(heard.text, heard.confidence)

    def load(self) -> None:
        self._whisper.loaded()

    def spoken_language(self, audio: bytes, among: Collection[str]) -> tuple[str, float]:
        """See `WhisperModel`."""
        return self._whisper.loaded().spoken_language(audio, among)


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)


def decoders(languages: frozenset[str], threads: int) -> dict[str, Decoder]:
    """A decoder for each of `languages` (ISO 639-1) that can be had. AssetError when a network is not installed."""
    found: dict[str, Decoder] = {"en": EnglishDecoder()} if "en" in languages else {}
    others = (languages & LANGUAGES) - {"en"}
    if others:
        whisper = SharedWhisper(threads)
        found |= {language: WhisperDecoder(whisper, language) for language in others}
    return found
