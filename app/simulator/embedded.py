"""The caller's voice and ears: the embedded engines, in the one place of the simulator that knows providers.

They are imported and loaded when first needed: a call that plays recordings needs no voice.
"""

from __future__ import annotations

from contextlib import aclosing
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from app.errors import AssetError, ProviderError
from app.simulator.errors import CannotRun

if TYPE_CHECKING:
    from providers.base import Synthesizer, Transcriber
    from providers.local_workers import InferenceWorkers

PIECE_BYTES = 160


class EmbeddedEngines:
    """Speech and Hearing on one thread of their own."""

    async def __aenter__(self) -> EmbeddedEngines:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in ("_synthesizer", "_transcriber", "_workers"):
            if name in self.__dict__:
                await self.__dict__[name].aclose()

    async def speak(self, text: str, language: str) -> bytes:
        """See `Speech`. A language without a voice of its own is spoken by the default one."""
        try:
            voice = self._synthesizer.voice(language) or self._synthesizer.default_voice
            async with aclosing(self._synthesizer.synthesize(text, voice)) as chunks:
                return b"".join([chunk async for chunk in chunks])
        except (AssetError, ProviderError) as error:
            raise CannotRun(f"the caller cannot speak: {error}; play a recording with --audio") from error

    async def hear(self, audio: bytes, language: str) -> str:
        """See `Hearing`."""
        stream = await self._transcriber.open(language, on_partial=lambda hypothesis: None)
        async with aclosing(stream):
            stream.utterance_started()
            for begin in range(0, len(audio), PIECE_BYTES):
                stream.push(audio[begin : begin + PIECE_BYTES])
            return (await stream.finish()).text

    def can_hear(self, language: str) -> str | None:
        """Why speech of a language cannot be understood; None when it can."""
        try:
            known = self._transcriber.languages
        except AssetError as error:
            return str(error)
        return None if language in known else f"the embedded recogniser does not know {language!r}"

    @cached_property
    def _workers(self) -> InferenceWorkers:
        from providers.local_workers import InferenceWorkers

        return InferenceWorkers(threads=1)

    @cached_property
    def _synthesizer(self) -> Synthesizer:
        from providers.local_synthesizer import EmbeddedSynthesizer

        return EmbeddedSynthesizer(self._workers)

    @cached_property
    def _transcriber(self) -> Transcriber:
        from providers.local_recognizer import EmbeddedTranscriber

        return EmbeddedTranscriber(self._workers)
