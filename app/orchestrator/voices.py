"""Which voice speaks a flow's words: decisions only.

A flow's `voices` name one for a language as `PROVIDER:NAME`, or as `NAME` where it is the preferred provider's.
It counts where that provider is in the chain; else the language has the voice that its route or provider gives it.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.orchestrator.failover_synthesizer import FailoverSynthesizer
from providers.base import Synthesizer, Voice


def voice_of(synthesizer: Synthesizer, language: str, wanted: Mapping[str, str]) -> Voice:
    """The voice for a language; `wanted` are the flow's, by language."""
    chain = synthesizer if isinstance(synthesizer, FailoverSynthesizer) else None
    names = chain.routed(language) if chain else [synthesizer.name]
    provider, _, name = wanted.get(language, "").rpartition(":")
    provider = provider or names[0]
    if name and provider in names:
        return Voice(name, language, provider)
    return synthesizer.voice(language) or synthesizer.default_voice
