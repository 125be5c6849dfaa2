from __future__ import annotations

import pytest

from providers.local_moonshine import MoonshineModel, read_tokenizer


@pytest.fixture(scope="module")
def model() -> MoonshineModel:
    return MoonshineModel()


def test_a_draft_changes_nothing_but_the_time(model: MoonshineModel, speech: bytes) -> None:
    written = model.decode(speech)
    assert len(written.tokens) == len(written.probabilities) > 8
    for draft in (written.tokens, written.tokens[:5], written.tokens[1:], tuple(range(300, 320))):
        again = model.decode(speech, draft)
        assert model.text(again.tokens) == model.text(written.tokens)
        # The network's activations are rounded per run, so a run over more tokens differs in the last bits.
        assert again.probabilities == pytest.approx(written.probabilities, abs=0.08)


def test_a_draft_from_half_the_words_is_carried_on(model: MoonshineModel, speech: bytes) -> None:
    half = model.decode(speech[: len(speech) // 2])
    assert model.text(model.decode(speech, half.tokens).tokens) == model.text(model.decode(speech).tokens)


@pytest.mark.parametrize("milliseconds", [1, 50, 127])
def test_next_to_no_audio_does_no_harm(model: MoonshineModel, milliseconds: int, speech: bytes) -> None:
    assert len(model.decode(speech[: 8 * milliseconds]).tokens) <= 5


def test_lengths_of_words_take_one_byte_or_two() -> None:
    long = b"x" * 300
    assert read_tokenizer(b"\x00\x02hi" + bytes([128 + 300 % 128, 300 // 128]) + long) == [b"", b"hi", long]
