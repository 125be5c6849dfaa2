"""Whisper base, multilingual, on CTranslate2 in int8: speech to text in the languages that have no model of their own.

The encoder's time goes with its window, so the window is the utterance and 3 s more, not the usual 30 s: without some
silence after the words it makes up an ending. It is made to write times as well: without them it fills the silence by
saying everything once more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field

import ctranslate2
import numpy as np

from providers import weights
from providers.dsp import RATE_HZ, from_mulaw
from providers.log_mel import log_mel

MARGIN_S = 3.0
LONGEST_S = 30.0
SLACK_S = 1.0  # its times are rough
TOKENS_PER_S = {"hi": 30}  # its letters take several tokens each; others do with 10
LANGUAGES = frozenset({"de", "en", "es", "fr", "hi", "it", "nl", "pt"})


@dataclass(frozen=True, slots=True)
class Heard:
    """A text, the geometric mean of its tokens' probabilities, and how likely it is that nobody spoke."""

    text: str = field(repr=False)
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
        features = _features(audio)
        prompt = ["<|startoftranscript|>", f"<|{language}|>", "<|transcribe|>"]
        result = self._whisper.generate(
            features,
            [prompt],
            beam_size=1,
            max_length=2 * (10 + int(seconds * TOKENS_PER_S.get(language, 10))),  # half of it goes to words
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        text = spell(words_before(seconds, result.sequences[0]))
        return Heard(text, math.exp(result.scores[0]), result.no_speech_prob)

    def spoken_language(self, audio: bytes, among: Collection[str]) -> tuple[str, float]:
        """Which of the languages was spoken, and how likely it was that one of them, 0..1."""
        found = self._whisper.detect_language(_features(audio))[0]
        likely = {token.strip("<|>"): share for token, share in found}
        best = max(among, key=lambda language: likely.get(language, 0.0))
        total = sum(likely.get(language, 0.0) for language in among)
        return best, likely.get(best, 0.0) / total if total else 0.0


def _features(audio: bytes) -> ctranslate2.StorageView:
    seconds = len(audio) / RATE_HZ
    samples = np.zeros(round(min(LONGEST_S, seconds + MARGIN_S) * RATE_HZ), np.float32)
    samples[: len(audio)] = from_mulaw(audio)[: len(samples)]
    return ctranslate2.StorageView.from_array(log_mel(samples)[None])


def words_before(end_s: float, tokens: list[str]) -> list[str]:
    """The words among `tokens`, up to the first stretch that is said to begin in the silence after `end_s`."""
    words: list[str] = []
    for token in tokens:
        time = _TIME.match(token)
        if time and words and float(time[1]) > end_s + SLACK_S:
            break
        if not token.startswith("<|"):
            words.append(token)
    return words


def spell(words: list[str]) -> str:
    """Tokens as text. Each character of a token stands for one byte of UTF-8."""
    return bytes(_BYTES[character] for character in "".join(words)).decode("utf-8", "replace").strip()


def _byte_characters() -> dict[str, int]:
    """Byte-level BPE's alphabet (GPT-2): printable Latin-1 stands for itself, the rest for U+0100 and on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + n): byte for n, byte in enumerate(others)}


_TIME = re.compile(r"<\|(\d+\.\d\d)\|>")
_BYTES = _byte_characters()
