"""The embedded similarity model: its tokens, its vectors, and what callers of a shipped flow mean."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from app.designer.files import directory_texts
from app.errors import AssetError
from app.flow import Context, begin, build_library, step
from app.flow.effects import Understood
from app.flow.inputs import Heard
from providers import weights
from providers.local_sentence_encoder import SentenceEncoder
from providers.local_similarity import WEIGHTS, EmbeddedSimilarity
from providers.local_workers import InferenceWorkers

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 13, 15, 0, tzinfo=UTC)

pytestmark = pytest.mark.real_time


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder(weights.path(WEIGHTS))


def test_the_pieces_are_the_models_own(encoder: SentenceEncoder) -> None:
    """As the model's makers' tokenizer cuts their own example."""
    assert encoder._tokenizer.tokens("query: how much protein per day") == [
        *(0, 41, 1294, 12, 3642, 5045, 21308, 117, 5155, 2),
    ]


def test_vectors_tell_meaning_from_words(encoder: SentenceEncoder) -> None:
    ours, same, other = (
        encoder.encode(text)
        for text in ("I can't make it to my appointment", "I need to call off my visit", "where can I park")
    )
    assert np.linalg.norm(ours) == pytest.approx(1)
    # what the package's own engine gives for these two
    assert float(ours @ other) == pytest.approx(0.797, abs=0.01)
    assert ours @ same > ours @ other


def test_another_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"GGUF" + bytes(64))
    with pytest.raises(AssetError, match="no E5S1 model"):
        SentenceEncoder(file)


async def test_it_compares_across_languages() -> None:
    workers = InferenceWorkers(1)
    model = EmbeddedSimilarity(workers)
    sentences = ["quiero anular mi cita", "¿dónde puedo aparcar?"]
    await model.prepare(sentences)
    near, far = await model.similarities("I'd like to cancel my appointment", sentences)
    assert near > far + 0.1
    await model.aclose()
    await workers.aclose()


def test_what_callers_mean_is_seldom_mistaken() -> None:
    """Of what no phrase of the flow's has: at most one in a hundred acted on wrongly, something still understood.

    What is only mentioned, or sounds alike, is asked back wrongly in one of ten at most.
    """
    outcomes: Counter[str] = Counter()
    model = EmbeddedSimilarity(InferenceWorkers(1))
    flow = build_library(directory_texts(ROOT / "flows")).flows["clinic"]
    for code in ("en", "es"):
        table = (ROOT / "tests" / "flow" / "similarity" / f"clinic.{code}.txt").read_text("utf-8")
        state, _ = begin(flow, Context(NOW, language=code))
        samples = flow.samples(code)
        for line in (one for one in table.splitlines() if "=>" in one):
            said, wanted = (part.strip() for part in line.split("=>"))
            scores = model._compare(said, [wording for _, wording in samples])
            near: dict[str, float] = {}
            for (intent, _), score in zip(samples, scores, strict=True):
                near[intent] = max(score, near.get(intent, score))
            after, effects = step(flow, state, Heard(said, code, None, NOW, near))
            taken = [
                one.intent for one in effects if isinstance(one, Understood) and one.rung == "similarity"
            ]
            if taken:
                outcomes["right" if taken[0] == wanted else "wrong"] += 1
            elif after.pending is not None:
                rightly = "rightly" if after.pending["name"] == wanted else "wrongly"
                outcomes[f"asked {rightly} for {after.pending['rung']}"] += 1
            outcomes["all"] += 1
    assert outcomes["wrong"] <= outcomes["all"] / 100
    assert outcomes["right"] + outcomes["asked rightly for similarity"] >= 20
    assert outcomes["asked wrongly for similarity"] <= 8
    asked = {rung: outcomes[f"asked wrongly for {rung}"] for rung in ("guess", "sound")}
    assert sum(asked.values()) <= outcomes["all"] / 10


def test_without_the_weights_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(AssetError, match="run scripts/install"):
        EmbeddedSimilarity(InferenceWorkers(1))
