"""Fixed words are made into speech before anybody calls."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import aclosing

from app.errors import ProviderError
from app.flow import Flow
from app.orchestrator.speech_cache import SpeechCache
from app.orchestrator.voices import voice_of
from providers.base import Synthesizer

log = logging.getLogger("callrelay.speech")


async def render_fixed_words(flows: Iterable[Flow], synthesizer: Synthesizer, cache: SpeechCache) -> None:
    """Put every fixed wording of the flows into the cache; one that fails is made when it is needed."""
    for flow in flows:
        for language, text in flow.fixed_wordings():
            voice = voice_of(synthesizer, language, flow.voices)
            if (text, voice) in cache:
                continue
            try:
                async with aclosing(synthesizer.synthesize(text, voice)) as chunks:
                    cache.put(text, voice, b"".join([chunk async for chunk in chunks]))
            except ProviderError as error:
                log.warning("flow %s: fixed words could not be rendered: %s", flow.name, error)
