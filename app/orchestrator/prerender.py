"""Fixed words are made into speech before anybody calls, and stay for as long as their flow is published."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from app.errors import ProviderError
from app.flow import Flow
from app.flow.languages import language as spoken
from app.orchestrator.preparing import Preparer
from app.orchestrator.voices import voice_of

log = logging.getLogger("callrelay.speech")


async def render_fixed_words(flows: Iterable[Flow], preparer: Preparer, *, soon: bool = False) -> bool:
    """Have every fixed wording of the flows ready; one that fails is made when it is needed. Whether none failed.

    `soon`: only what most callers hear, the flows' first languages.
    """
    cache, all_ready = preparer.cache, True
    for flow in flows:
        for language, text in dict.fromkeys(flow.fixed_wordings()):
            if soon and language != flow.languages[0]:
                continue
            voice = voice_of(preparer.synthesizer, language, flow.voices)
            if not cache.renew(text, voice):
                try:
                    await preparer.fetch(text, voice, "static")
                except ProviderError as error:
                    log.warning("flow %s: fixed words could not be rendered: %s", flow.name, error)
                # they are not kept either where another voice stood in
                all_ready &= (text, voice) in cache
            if text in spoken(language).prompts["acknowledgement"]:
                cache.pin(text, voice)
    return all_ready
