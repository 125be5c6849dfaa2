"""From what a flow wants said to what the speaker says."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from app.audio.tones import RECORD_TONE
from app.call.call import Call
from app.call.saying import Prompt
from app.call.secrecy import MASK
from app.call.services import Services
from app.errors import ProviderError
from app.flow.effects import Record, Say
from app.flow.languages import language
from app.orchestrator.making import whole
from app.orchestrator.voices import at_hand, voice_of

SIGN_WITHIN_S = 2.0


def prompt_of(say: Say, services: Services, call: Call) -> Prompt:
    """A flow's words, in the voice of their language."""
    return Prompt(
        text=say.text,
        record=MASK if say.sensitive else say.text,
        node=say.node,
        voice=voice_of(services.speech.synthesizer, say.language, call.flow.voices),
        by_speech=say.barge_in in ("speech", "any"),
        by_key=say.barge_in in ("dtmf", "any"),
        min_words=say.min_words,
        audio=call.recordings.get(say.audio) if say.audio else None,
        kind=None if say.sensitive or say.wording == "generated" else say.wording,
        key=say.key,
        generated=say.wording == "generated",
    )


def tone_of(record: Record, services: Services) -> Prompt:
    """The tone after which a message is taken."""
    voice = services.speech.synthesizer.default_voice
    return Prompt("", "(tone)", record.node, voice, passing=True, audio=RECORD_TONE)


async def acknowledgement(number: int, services: Services, call: Call) -> Prompt | None:
    """A sign that the caller was heard, in the call's language, ready to be said; the next one is another.

    It is short: where its speech is not there, it can be made while the answer is not late yet, on this machine where
    services take too long. None where it cannot.
    """
    sign, cache = _sign(number, services, call), services.speech_cache
    if cache.renew(sign.text, sign.voice):
        return sign
    synthesizer = services.speech.synthesizer
    if "embedded_signs" in services.economy.in_force and (other := at_hand(synthesizer, sign.voice.language)):
        synthesizer, voice = other
        sign = replace(sign, voice=voice)
        if cache.renew(sign.text, voice):
            return sign
    try:
        async with asyncio.timeout(SIGN_WITHIN_S):
            audio = await whole(cache, synthesizer, sign.text, sign.voice, "static")
    except (ProviderError, TimeoutError):
        return None
    cache.pin(sign.text, sign.voice)
    return replace(sign, audio=audio)


def _sign(number: int, services: Services, call: Call) -> Prompt:
    code = call.state.language if call.state else call.language
    texts = language(code).prompts["acknowledgement"]
    text = texts[number % len(texts)]
    voice = voice_of(services.speech.synthesizer, code, call.flow.voices)
    node = call.state.node if call.state else call.flow.start
    return Prompt(text, text, node, voice, kind="static", passing=True, brief=True, bridging=True)
