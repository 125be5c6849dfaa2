from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import Refused
from providers import dsp, local_pico
from providers.local_decoders import SharedWhisper, WhisperDecoder
from providers.local_pico import PicoVoice, find_pico, pico_voices

pytestmark = pytest.mark.skipif(find_pico() is None, reason="Pico is not installed on this system")

SENTENCES = {
    "de": ("Vielen Dank für Ihren Anruf.", "vielen dank"),
    "es": ("Gracias por llamar a la clínica del centro.", "gracias por llamar"),
    "fr": ("Bonjour, votre rendez-vous est confirmé.", "bonjour, votre rendez-vous est confirmé"),
    "it": ("Il suo appuntamento è confermato.", "appuntamento"),
}


@pytest.fixture(scope="module")
def voices() -> dict[str, PicoVoice]:
    return pico_voices()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("language", SENTENCES)
def test_each_language_is_understood(
    voices: dict[str, PicoVoice], whisper: SharedWhisper, language: str
) -> None:
    text, heard = SENTENCES[language]
    audio = voices[language].speak(text)
    assert 1 < len(audio) / 8000 < 5
    assert 0.05 < dsp.rms(audio) < 0.2
    assert heard in WhisperDecoder(whisper, language).decode(audio, ()).text.lower()


@pytest.mark.parametrize("text", ["", "…", "🙂", "你好"])
def test_nothing_to_say_is_no_audio_and_no_error(voices: dict[str, PicoVoice], text: str) -> None:
    assert voices["es"].speak(text) == b""


def test_words_are_no_commands(voices: dict[str, PicoVoice]) -> None:
    assert len(voices["es"].speak("<speed level='20'>Buenos días")) < 40_000


def test_sentences_spoken_at_the_same_time_do_not_mix(voices: dict[str, PicoVoice]) -> None:
    texts = ["Pulse uno para ventas.", "Pulse dos para soporte.", "Espere un momento, por favor."]
    alone = [voices["es"].speak(text) for text in texts]
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(voices["es"].speak, texts * 4)) == alone * 4


def test_a_sentence_leaves_no_files_open_even_when_it_fails(
    voices: dict[str, PicoVoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_files()
    voices["it"].speak("Buongiorno.")
    assert open_files() == before
    monkeypatch.setattr(local_pico, "STEP_IDLE", 0)
    with pytest.raises(Refused, match="the Pico voice failed: pico_getData returned 200"):
        voices["it"].speak("Buongiorno.")
    assert open_files() == before


def test_where_it_is_not_installed_there_are_no_voices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_pico, "find_spec", lambda name: None)
    monkeypatch.setattr(local_pico, "SYSTEM_LIBRARY", str(tmp_path / "libttspico.so.0"))
    assert pico_voices() == {}
