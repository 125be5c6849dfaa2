from __future__ import annotations

import asyncio

import pytest

from app.errors import AssetError
from providers import dsp
from providers.local_end_of_turn import EmbeddedEndOfTurnDetector, SmartTurnModel
from providers.local_hibari import HibariVoice
from providers.local_workers import InferenceWorkers

PAUSE = dsp.SILENCE * 100 * dsp.BYTES_PER_MS

pytestmark = pytest.mark.real_time


@pytest.fixture(scope="module")
def model() -> SmartTurnModel:
    return SmartTurnModel()


def test_a_whole_sentence_is_complete_and_half_of_one_is_not(
    model: SmartTurnModel, voice: HibariVoice
) -> None:
    whole = voice.speak("I would like to book an appointment for Tuesday.")
    assert model.probability(whole + PAUSE) > 0.5
    assert model.probability(whole[: len(whole) // 2] + PAUSE) < 0.5


def test_only_the_last_eight_seconds_count(model: SmartTurnModel, speech: bytes) -> None:
    long = speech * 4 + PAUSE
    assert model.probability(long) == model.probability(long[-64_000:])


@pytest.mark.parametrize("audio", [b"", b"\xff", dsp.SILENCE * 200_000])
def test_without_speech_it_still_answers(model: SmartTurnModel, audio: bytes) -> None:
    assert 0 <= model.probability(audio) <= 1


async def test_questions_are_answered_on_the_workers(workers: InferenceWorkers, speech: bytes) -> None:
    detector = EmbeddedEndOfTurnDetector(workers)
    await detector.warm_up()
    answers = await asyncio.gather(*(detector.probability(speech + PAUSE) for _ in range(3)))
    assert len(set(answers)) == 1
    assert detector.healthy
    await detector.aclose()


def test_without_its_file_it_says_what_to_do(
    workers: InferenceWorkers, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(AssetError, match=r"smart-turn-v3\.2-cpu\.onnx is missing .*; run scripts/install"):
        EmbeddedEndOfTurnDetector(workers)
