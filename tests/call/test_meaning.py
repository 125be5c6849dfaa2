"""Words are compared by meaning in the time there is, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from app.call.meaning import TIMEOUT_S, compared
from app.errors import Refused
from app.flow.inputs import Heard

HEARD = Heard("something came up", "en", None, datetime(2026, 11, 13, tzinfo=UTC))
SAMPLES = [("cancel", "call it off"), ("cancel", "I can't come"), ("book", "come in")]


class Similarity:
    """Answers after a while, or not at all."""

    name, healthy = "fake", True

    def __init__(self, after_s: float = 0.0, error: Exception | None = None) -> None:
        self._after_s = after_s
        self._error = error

    async def prepare(self, sentences: Sequence[str]) -> None: ...

    async def warm_up(self) -> None: ...

    async def aclose(self) -> None: ...

    async def similarities(self, text: str, sentences: Sequence[str]) -> Sequence[float]:
        await asyncio.sleep(self._after_s)
        if self._error:
            raise self._error
        return [0.2, 0.7, -0.1][: len(sentences)]


async def test_the_nearest_wording_counts_for_its_intent() -> None:
    heard = await compared(HEARD, SAMPLES, Similarity())
    assert heard.similar == {"cancel": 0.7, "book": -0.1}
    assert heard.text == HEARD.text


@pytest.mark.parametrize(
    "model", [None, Similarity(after_s=TIMEOUT_S * 2), Similarity(error=Refused("too many jobs wait"))]
)
async def test_without_an_answer_in_time_the_words_stand_alone(model: Similarity | None) -> None:
    assert await compared(HEARD, SAMPLES, model) == HEARD


async def test_where_words_are_clear_nothing_is_asked() -> None:
    assert await compared(HEARD, [], Similarity(error=Refused("nobody asked"))) == HEARD
