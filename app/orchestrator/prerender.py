"""Fixed words are made into speech before anybody calls, and stay for as long as their flow is published."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from app.errors import ProviderError
from app.flow import Flow
from app.orchestrator.preparing import Preparer
from app.orchestrator.voices import voice_of

log = logging.getLogger("callrelay.speech")


async def render_fixed_words(flows: Iterable[Flow], preparer: Preparer, *, soon: bool = False) -> None:
    """Have every fixed wording of the flows ready; one that fails is made when it is needed.

    `soon`: only what most callers hear, the flows' first languages.
    """
    for flow in flows:
        for language, text in dict.fromkeys(flow.fixed_wordings()):
            if soon and language != flow.languages[0]:
                continue
            voice = voice_of(preparer.synthesizer, language, flow.voices)
            if preparer.cache.renew(text, voice):
                continue
            try:
                await preparer.fetch(text, voice, "static")
            except ProviderError as error:
                log.warning("flow %s: fixed words could not be rendered: %s", flow.name, error)
