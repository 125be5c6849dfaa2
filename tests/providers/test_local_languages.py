from __future__ import annotations

from collections.abc import Collection

import pytest

from providers.base import Hypothesis
from providers.local_decoders import Decoding, SharedWhisper, WhisperDecoder
from providers.local_languages import OpenLanguage
from providers.local_pico import pico_voices
from providers.local_recognizer import EmbeddedTranscriber

LONG = b"\x80" * 8000


class Listener(WhisperDecoder):
    """Hears one language in everything."""

    def __init__(self, language: str, spoken: str, share: float, confidence: float = 0.8) -> None:
        super().__init__(SharedWhisper(1), language)
        self.heard = (spoken, share)
        self.confidence = confidence

    def decode(self, audio: bytes, draft: tuple[int, ...]) -> Decoding:
        return Decoding(f"in {self._language}", self.confidence)

    def spoken_language(self, audio: bytes, among: Collection[str]) -> tuple[str, float]:
        return self.heard


def languages(spoken: str, share: float, listened: str = "en") -> OpenLanguage:
    decoders = {name: Listener(name, spoken, share) for name in ("en", "es", "fr")}
    return OpenLanguage(decoders, listened, ["es", "fr", "xx"])


@pytest.mark.parametrize(
    ("spoken", "share", "expected"),
    [("es", 0.98, ("in es", "es")), ("es", 0.6, ("hardly", "")), ("en", 1.0, ("hardly", ""))],
)
def test_what_is_doubted_is_decoded_in_the_language_that_was_spoken(
    spoken: str, share: float, expected: tuple[str, str]
) -> None:
    checked = languages(spoken, share).check(Decoding("hardly", 0.4), LONG)
    assert (checked.text, checked.language) == expected


@pytest.mark.parametrize(("confidence", "language"), [(0.45, ""), (0.8, "en")])
def test_english_that_an_english_ear_doubts_is_none(confidence: float, language: str) -> None:
    decoders = {name: Listener(name, "en", 0.98, confidence) for name in ("en", "es")}
    checked = OpenLanguage(decoders, "es", ["en"]).check(Decoding("al asomsi", 0.6), LONG)
    assert checked.language == language


def test_what_is_doubted() -> None:
    english, spanish = languages("en", 1.0), languages("en", 1.0, "es")
    assert english.doubts(Decoding("hardly", 0.4), LONG)
    assert english.doubts(Decoding("", 0.0), LONG)
    assert not english.doubts(Decoding("surely", 0.9), LONG)
    assert not english.doubts(Decoding("hardly", 0.4), LONG[:800])
    assert spanish.doubts(Decoding("seguro", 0.9), LONG)
    assert not OpenLanguage({"en": Listener("en", "es", 1.0)}, "en", ["es"]).doubts(Decoding("", 0.0), LONG)


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("language", "said"),
    [("es", "Quiero una cita para mañana por la tarde."), ("en", "Good morning to you.")],
)
async def test_a_caller_who_speaks_another_language_is_understood_in_it(
    transcriber: EmbeddedTranscriber, speech: bytes, language: str, said: str
) -> None:
    voices = pico_voices()
    if language != "en" and language not in voices:
        pytest.skip("no voice speaks it here")
    audio = speech if language == "en" else voices[language].speak(said)
    partials: list[Hypothesis] = []
    stream = await transcriber.open("en", on_partial=partials.append, candidates=["es", "fr"])
    stream.utterance_started()
    stream.push(audio)
    stream.utterance_paused()
    first = await stream.hypothesis()
    final = await stream.finish()
    await stream.aclose()
    assert (first.language, final.language) == (language, language)
    assert final.text == first.text
    if language == "es":
        assert "cita" in final.text.lower()
