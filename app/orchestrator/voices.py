"""Which voice speaks a flow's words: decisions only.

A flow's `voices` name one for a language as `PROVIDER:NAME`, or as `NAME` where it is the preferred provider's.
It counts where that provider is in the chain; else the language has the voice that its route or provider gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.orchestrator.chain import Switch
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


def speaks_itself(synthesizer: Synthesizer, voice: Voice) -> bool:
    """Whether nobody would stand in for a voice now."""
    return not isinstance(synthesizer, FailoverSynthesizer) or synthesizer.speaks_itself(voice)


def at_hand(synthesizer: Synthesizer, language: str) -> tuple[Synthesizer, Voice] | None:
    """Who stands by on this machine for services that speak a language, and its voice; None where nobody does."""
    standby = synthesizer.engines[-1] if isinstance(synthesizer, FailoverSynthesizer) else None
    voice = standby.voice(language) if standby else None
    return (standby, voice) if standby and voice else None


@dataclass(slots=True)
class OneVoice:
    """A synthesizer, and whether nobody has stood in for the voice since: what others said is not worth keeping."""

    synthesizer: Synthesizer
    kept: bool

    @classmethod
    def watch(cls, synthesizer: Synthesizer, voice: Voice) -> OneVoice:
        """From now on."""
        if not isinstance(synthesizer, FailoverSynthesizer):
            return cls(synthesizer, True)
        watched = cls(synthesizer, speaks_itself(synthesizer, voice))
        watched.synthesizer = synthesizer.overheard(watched._switched)
        return watched

    def _switched(self, switch: Switch) -> None:
        self.kept = False
