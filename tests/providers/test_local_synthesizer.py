from __future__ import annotations

import asyncio

import numpy as np
import pytest

from app.audio.voicing import Voicing
from app.dialogue.transcript import share_heard, split_at
from app.errors import Refused
from providers import dsp
from providers.base import Voice
from providers.local_hibari import HibariVoice
from providers.local_pico import find_pico
from providers.local_synthesizer import EmbeddedSynthesizer
from providers.local_workers import InferenceWorkers

AUDIBLE = 0.003


def silence_ms(audio: bytes) -> tuple[float, float]:
    """Milliseconds before the first sound and after the last."""
    loud = np.flatnonzero(np.abs(dsp.from_mulaw(audio)) > AUDIBLE)
    return float(loud[0]) / 8, float(len(audio) - 1 - loud[-1]) / 8


async def chunks_of(synthesizer: EmbeddedSynthesizer, text: str) -> list[bytes]:
    return [chunk async for chunk in synthesizer.synthesize(text, synthesizer.default_voice)]


@pytest.mark.real_time
async def test_speech_begins_and_ends_soon_and_is_loud_enough(synthesizer: EmbeddedSynthesizer) -> None:
    [audio] = await chunks_of(synthesizer, "Your appointment is confirmed for Tuesday at three.")
    before, after = silence_ms(audio)
    assert before <= 30
    assert after <= 60
    assert 2 < len(audio) / 8000 < 4
    assert 0.6 < np.abs(dsp.from_mulaw(audio)).max() < 1
    assert dsp.rms(audio) > 0.05


@pytest.mark.real_time
async def test_sentences_come_one_by_one_with_a_breath_between_them(synthesizer: EmbeddedSynthesizer) -> None:
    chunks = await chunks_of(synthesizer, "Thank you. Goodbye, Dr. Smith. See you soon!")
    assert len(chunks) == 3
    assert silence_ms(chunks[0])[0] <= 30
    assert all(150 <= silence_ms(chunk)[0] <= 180 for chunk in chunks[1:])
    joined = dsp.from_mulaw(b"".join(chunks))
    seams = np.cumsum([len(chunk) for chunk in chunks])[:-1]
    assert all(np.abs(np.diff(joined[seam - 8 : seam + 8])).max() < 0.01 for seam in seams)


@pytest.mark.real_time
async def test_the_same_words_give_the_same_bytes(synthesizer: EmbeddedSynthesizer) -> None:
    assert await chunks_of(synthesizer, "One moment.") == await chunks_of(synthesizer, "One moment.")


@pytest.mark.real_time
@pytest.mark.parametrize("text", ["", "   ", "\n", "…", "🙂", "--"])
async def test_nothing_to_say_is_no_audio_and_no_error(synthesizer: EmbeddedSynthesizer, text: str) -> None:
    assert await chunks_of(synthesizer, text) == []


@pytest.mark.real_time
async def test_closing_the_iterator_makes_no_more_sentences() -> None:
    workers = InferenceWorkers(1)
    synthesizer = EmbeddedSynthesizer(workers)
    speech = synthesizer.synthesize("One. Two. Three.", synthesizer.default_voice)
    assert await anext(speech)
    await speech.aclose()
    assert workers.waiting == 0
    await workers.aclose()


@pytest.mark.real_time
async def test_many_at_once_do_not_disturb_each_other(synthesizer: EmbeddedSynthesizer) -> None:
    texts = ["Press one for sales.", "Press two for support.", "Press pound to hear this again."]
    alone = [await chunks_of(synthesizer, text) for text in texts]
    assert await asyncio.gather(*(chunks_of(synthesizer, text) for text in texts)) == alone


def test_keypad_words_are_spoken(voice: HibariVoice) -> None:
    assert voice.speak("Press #.") == voice.speak("Press pound.")
    assert len(voice.speak("Your code is 0042.")) > len(voice.speak("Your code is 42."))


@pytest.mark.real_time
@pytest.mark.skipif(find_pico() is None, reason="Pico is not installed on this system")
async def test_other_languages_have_their_own_voices(synthesizer: EmbeddedSynthesizer) -> None:
    for language in ("es", "fr-CA", "de", "it"):
        voice = synthesizer.voice(language)
        assert voice
        assert voice.language == language.partition("-")[0]
        assert b"".join([chunk async for chunk in synthesizer.synthesize("Uno. Due.", voice)])


async def test_voices_are_found_by_language_and_others_refused(synthesizer: EmbeddedSynthesizer) -> None:
    assert synthesizer.voice("en") == synthesizer.voice("en-US") == synthesizer.default_voice
    assert synthesizer.voice("xx") is None
    with pytest.raises(Refused, match="no embedded voice speaks 'xx'"):
        await anext(synthesizer.synthesize("hello", Voice("nobody", "xx")))


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("text", "until_pauses"),
    [
        (
            "We're open from ten to six, and until nine on Fridays. Tickets are twelve euros. Children do not pay.",
            ["to six,", "Fridays.", "euros."],
        ),
        # where the voice makes no pause at a comma, the next pause is not the comma's
        (
            "We have apples, pears, plums, figs, grapes, and melons. Which would you like?",
            ["pears,", "melons."],
        ),
        (
            "If you want to change the appointment that you made with us, say so. Otherwise hold.",
            ["us,", "so."],
        ),
        ("Your number is 5 5 5, 0 1 0 0, extension 12. Is that right?", ["5,", "0,", "12."]),
    ],
)
async def test_words_are_known_to_be_heard_by_the_pauses_between_them(
    synthesizer: EmbeddedSynthesizer, text: str, until_pauses: list[str]
) -> None:
    voicing = Voicing(b"".join(await chunks_of(synthesizer, text)))
    shares = [share_heard(text, at_ms, voicing.ms, voicing.pauses_ms) for at_ms in voicing.pauses_ms]
    assert len(shares) == len(until_pauses)
    for share, last in zip(shares, until_pauses, strict=True):
        assert split_at(text, share)[0].endswith(last)
