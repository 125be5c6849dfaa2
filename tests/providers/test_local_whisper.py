from __future__ import annotations

import pytest

from providers.dsp import SILENCE
from providers.local_decoders import SharedWhisper
from providers.local_whisper import WhisperModel, spell, words_before


@pytest.fixture
def model(whisper: SharedWhisper) -> WhisperModel:
    return whisper.loaded()


def test_it_understands_and_says_how_sure_it_is(model: WhisperModel, speech: bytes) -> None:
    heard = model.decode(speech, "en")
    assert heard.text.lower().startswith("your appointment is confirmed for tuesday")
    assert heard.confidence > 0.6
    assert heard.no_speech < 0.5


def test_it_does_not_say_everything_twice(model: WhisperModel, speech: bytes) -> None:
    assert model.decode(speech[:10_000], "en").text.lower().count("appointment") == 1


def test_audio_longer_than_its_window_is_heard_as_far_as_that_goes(
    model: WhisperModel, speech: bytes
) -> None:
    assert "appointment is confirmed" in model.decode(speech + SILENCE * 240_000, "en").text.lower()


def test_tokens_spell_bytes() -> None:
    assert spell(["Ġadi", "Ã³s", "Ġse", "Ã±or"]) == "adiós señor"


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ("<|0.00|> au revoir <|1.40|>", "au revoir"),
        ("<|0.00|> au <|0.60|> <|0.60|> revoir <|2.00|>", "au revoir"),
        ("<|0.00|> au revoir <|1.40|> <|2.80|> au revoir <|4.00|>", "au revoir"),
        ("<|0.00|> au revoir <|4.00|> au revoir", "au revoir"),
        ("au revoir", "au revoir"),
        ("<|4.00|> au revoir", "au revoir"),
        ("", ""),
    ],
)
def test_what_is_said_after_the_end_was_not_said(tokens: str, words: str) -> None:
    assert words_before(1.4, tokens.split()) == words.split()
