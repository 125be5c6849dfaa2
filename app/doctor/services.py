"""Every provider, end to end: a model's first token, a voice's first byte, what a recogniser hears."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from difflib import SequenceMatcher
from typing import Final, TypeVar

from app.clock import Clock
from app.doctor.verdict import Verdict
from app.errors import BadCredentials, BadRequest, ProviderError, RateLimited, TimedOut
from app.orchestrator.model_provider import PROBE
from providers.base import LanguageModel, Synthesizer, TextDelta, Transcriber
from providers.dsp import BYTES_PER_MS, SILENCE

SENTENCE = "Your appointment is confirmed for Tuesday at three."
WITHIN_S = 30.0
FRAME_MS = 20
FRAME_BYTES = FRAME_MS * BYTES_PER_MS
BEFORE_MS, AFTER_MS = 400, 200
ALIKE = 0.6

KEYS: Final[dict[str, str]] = {
    "azure model": "AZURE_OPENAI_API_KEY, AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_DEPLOYMENT",
    "openai model": "OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL",
    "anthropic model": "ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL and ANTHROPIC_MODEL",
    "azure voice": "AZURE_SPEECH_KEY and AZURE_SPEECH_REGION or AZURE_SPEECH_ENDPOINT",
    "azure recogniser": "AZURE_SPEECH_KEY and AZURE_SPEECH_REGION or AZURE_SPEECH_ENDPOINT",
    "openai voice": "OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_SPEECH_MODEL and OPENAI_SPEECH_VOICE",
    "openai recogniser": "OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_TRANSCRIPTION_MODEL",
}

_WORDS = re.compile(r"\w+")
T = TypeVar("T")


async def check_services(
    models: Sequence[LanguageModel],
    synthesizers: Sequence[Synthesizer],
    transcribers: Sequence[Transcriber],
    clock: Clock,
) -> list[Verdict]:
    """All at once. The last of `synthesizers` says what recognisers are to hear."""
    async with asyncio.TaskGroup() as group:
        speech = group.create_task(_spoken(synthesizers[-1]))
        checks = [
            *(group.create_task(check_model(model, clock)) for model in models),
            *(group.create_task(check_voice(synthesizer, clock)) for synthesizer in synthesizers),
            *(group.create_task(check_ear(transcriber, speech, clock)) for transcriber in transcribers),
        ]
    return [check.result() for check in checks]


async def check_model(model: LanguageModel, clock: Clock) -> Verdict:
    """Ask for a few words, over a connection that is there."""

    async def first_token_ms() -> float:
        await model.warm_up()
        asked_s = clock.now()
        async with aclosing(model.reply(PROBE)) as events:
            async for event in events:
                if isinstance(event, TextDelta) and event.text:
                    return (clock.now() - asked_s) * 1000
        raise TimedOut(f"{model.name}: a reply without a word")

    what = f"{model.name} model"
    return await _verdict(
        what, first_token_ms, lambda ms: Verdict(what, "ok", f"first token after {ms:.0f} ms", ms=ms)
    )


async def check_voice(synthesizer: Synthesizer, clock: Clock) -> Verdict:
    """Have a sentence spoken, over a connection that is there."""

    async def first_byte_ms() -> float:
        await synthesizer.warm_up()
        asked_s = clock.now()
        async with aclosing(_speech(synthesizer)) as chunks:
            async for _ in chunks:
                return (clock.now() - asked_s) * 1000
        raise TimedOut(f"{synthesizer.name}: no sound of a sentence")

    what = f"{synthesizer.name} voice"
    return await _verdict(
        what, first_byte_ms, lambda ms: Verdict(what, "ok", f"first sound after {ms:.0f} ms", ms=ms)
    )


async def check_ear(transcriber: Transcriber, speech: Awaitable[bytes], clock: Clock) -> Verdict:
    """Let it hear a sentence at the pace of speech, as it would on the telephone."""

    async def heard() -> tuple[str, float]:
        await transcriber.warm_up()
        return await _heard(transcriber, await speech, clock)

    def judged(result: tuple[str, float]) -> Verdict:
        text, ms = result
        if _alike(text, SENTENCE) >= ALIKE:
            return Verdict(what, "ok", f"its words {ms:.0f} ms after the speech: “{text}”", ms=ms)
        remedy = f"it should have heard “{SENTENCE}”; see that its model knows English"
        return Verdict(what, "failed", f"it heard “{text}”", remedy, ms)

    what = f"{transcriber.name} recogniser"
    return await _verdict(what, heard, judged)


async def _heard(transcriber: Transcriber, speech: bytes, clock: Clock) -> tuple[str, float]:
    stream = await transcriber.open("en", on_partial=lambda _: None)
    try:
        await _push(stream.push, SILENCE * BEFORE_MS * BYTES_PER_MS)
        stream.utterance_started()
        await _push(stream.push, speech)
        over_s = clock.now()
        stream.utterance_paused()
        await _push(stream.push, SILENCE * AFTER_MS * BYTES_PER_MS)
        text = (await stream.finish()).text
        if stream.failure:
            raise stream.failure
        return text, (clock.now() - over_s) * 1000
    finally:
        await stream.aclose()


async def _push(push: Callable[[bytes], None], audio: bytes) -> None:
    for at in range(0, len(audio), FRAME_BYTES):
        push(audio[at : at + FRAME_BYTES])
        await asyncio.sleep(FRAME_MS / 1000)


def _speech(synthesizer: Synthesizer) -> AsyncGenerator[bytes, None]:
    return synthesizer.synthesize(SENTENCE, synthesizer.voice("en") or synthesizer.default_voice)


async def _spoken(synthesizer: Synthesizer) -> bytes:
    async with aclosing(_speech(synthesizer)) as chunks:
        return b"".join([chunk async for chunk in chunks])


def _alike(ours: str, theirs: str) -> float:
    """0..1, by the words."""
    ours_words, theirs_words = _WORDS.findall(ours.lower()), _WORDS.findall(theirs.lower())
    return SequenceMatcher(None, ours_words, theirs_words).ratio()


async def _verdict(what: str, attempt: Callable[[], Awaitable[T]], judged: Callable[[T], Verdict]) -> Verdict:
    try:
        async with asyncio.timeout(WITHIN_S):
            return judged(await attempt())
    except TimeoutError:
        error: ProviderError = TimedOut(f"no answer within {WITHIN_S:.0f} s")
    except ProviderError as failure:
        error = failure
    return Verdict(what, "failed", str(error), _remedy(what, error))


def _remedy(what: str, error: ProviderError) -> str:
    names = KEYS.get(what, "its settings")
    match error:
        case BadCredentials():
            return f"correct {names}"
        case BadRequest():
            return f"the service does not take what it is asked for: correct the model among {names}"
        case RateLimited():
            return "wait, or have the service's limits raised"
        case _:
            reach = "see that the service is up and that this machine reaches it (DNS, proxy, firewall)"
            return f"{reach}, or correct {names}"
