"""Whisper base, multilingual, on CTranslate2 in int8: speech to text in the languages that have no model of their own.

The encoder's time goes with its window, so the window is the utterance and 3 s more, not the usual 30 s: without some
silence after the words it makes up an ending.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import ctranslate2
import numpy as np

from providers import weights
from providers.dsp import RATE_HZ, from_mulaw
from providers.log_mel import log_mel

MARGIN_S = 3.0
LONGEST_S = 30.0
TOKENS_PER_S = {"hi": 30}  # its letters take several tokens each; others do with 10
LANGUAGES = frozenset({"de", "en", "es", "fr", "hi", "it", "nl", "pt"})


@dataclass(frozen=True, slots=True)
class Heard:
    """A text, the geometric mean of its tokens' probabilities, and how likely it is that nobody spoke."""

    text: str
    confidence: float
    no_speech: float


class WhisperModel:
    """The network, at most `threads` decodes at once. Raises AssetError when its files are not installed."""

    def __init__(self, threads: int) -> None:
        for name in ("config.json", "vocabulary.txt"):
            weights.path(f"whisper-base/{name}")
        folder = weights.path("whisper-base/model.bin").parent
        self._whisper = ctranslate2.models.Whisper(
            str(folder), device="cpu", compute_type="int8", intra_threads=1, inter_threads=threads
        )

    def decode(self, audio: bytes, language: str) -> Heard:
        """The words in μ-law audio of at most 27 s."""
        seconds = len(audio) / RATE_HZ
        samples = np.zeros(round(min(LONGEST_S, seconds + MARGIN_S) * RATE_HZ), np.float32)
        samples[: len(audio)] = from_mulaw(audio)[: len(samples)]
        features = ctranslate2.StorageView.from_array(log_mel(samples)[None])
        limit = 10 + int(seconds * TOKENS_PER_S.get(language, 10))
        result = self._generate(features, language, limit, no_repeat=0)
        if len(result.sequences[0]) >= limit:  # it goes round in circles: once more, with no phrase twice
            result = self._generate(features, language, limit, no_repeat=3)
        return Heard(spell(result.sequences[0]), math.exp(result.scores[0]), result.no_speech_prob)

    def _generate(
        self, features: ctranslate2.StorageView, language: str, limit: int, no_repeat: int
    ) -> ctranslate2.models.WhisperGenerationResult:
        prompt = ["<|startoftranscript|>", f"<|{language}|>", "<|transcribe|>", "<|notimestamps|>"]
        return self._whisper.generate(
            features,
            [prompt],
            beam_size=1,
            max_length=2 * limit,  # CTranslate2 spends half of it on words
            no_repeat_ngram_size=no_repeat,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]


def spell(tokens: list[str]) -> str:
    """Tokens as text. Each character of a token stands for one byte of UTF-8."""
    characters = "".join(token for token in tokens if not token.startswith("<|"))
    return bytes(_BYTES[character] for character in characters).decode("utf-8", "replace").strip()


def _byte_characters() -> dict[str, int]:
    """Byte-level BPE's alphabet (GPT-2): printable Latin-1 stands for itself, the rest for U+0100 and on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + n): byte for n, byte in enumerate(others)}


_BYTES = _byte_characters()
