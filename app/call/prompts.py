"""From what a flow wants said to what the speaker says."""

from __future__ import annotations

from app.audio.tones import RECORD_TONE
from app.call.call import Call
from app.call.saying import Prompt
from app.call.secrecy import MASK
from app.call.services import Services
from app.flow.effects import Record, Say
from app.flow.languages import language
from app.orchestrator.voices import voice_of


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


def acknowledgement(number: int, services: Services, call: Call) -> Prompt:
    """A sign that the caller was heard, in the call's language; the next one is another."""
    code = call.state.language if call.state else call.language
    texts = language(code).prompts["acknowledgement"]
    text = texts[number % len(texts)]
    voice = voice_of(services.speech.synthesizer, code, call.flow.voices)
    node = call.state.node if call.state else call.flow.start
    return Prompt(text, text, node, voice, kind="static", passing=True, brief=True)
