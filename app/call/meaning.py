"""Looking for the meaning of words that no phrase of the flow's has."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from app.errors import ProviderError
from app.flow.inputs import Heard
from providers.base import SimilarityModel

# a caller who would not be understood anyway can wait this long
TIMEOUT_S: Final = 0.15


async def compared(heard: Heard, samples: Sequence[tuple[str, str]], model: SimilarityModel | None) -> Heard:
    """The words with their nearness to each intent; as they were where there is nothing to compare or no time.

    `samples` are (intent, wording), the nearest of which counts for the intent.
    """
    if model is None or not samples:
        return heard
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return replace(heard, similar=await nearness(heard.text, samples, model))
    except (TimeoutError, ProviderError):
        return heard


async def nearness(
    text: str, samples: Sequence[tuple[str, str]], model: SimilarityModel
) -> Mapping[str, float]:
    """How near a text is to each intent. Raises ProviderError."""
    scores = await model.similarities(text, [wording for _, wording in samples])
    nearest: dict[str, float] = {}
    for (intent, _), score in zip(samples, scores, strict=True):
        nearest[intent] = max(score, nearest.get(intent, score))
    return nearest
