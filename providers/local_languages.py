"""Which language was spoken, where it may be another than the one that is listened for.

A recogniser of one language hides the others: Moonshine writes Spanish as English-looking words. But it doubts them:
on telephone speech nearly all English scores above `DOUBTFUL`, and all Spanish and French below. What is doubted goes
through the multilingual network as well, which tells the language, and is decoded in that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from providers.dsp import BYTES_PER_MS
from providers.local_decoders import Decoder, Decoding, WhisperDecoder

DOUBTFUL = 0.7
SURE = 0.75
JUDGED_BYTES = 6000 * BYTES_PER_MS
SHORTEST_BYTES = 300 * BYTES_PER_MS


class OpenLanguage:
    """The languages that a caller may speak, `language` first. `check` runs on a worker thread."""

    def __init__(self, decoders: Mapping[str, Decoder], language: str, candidates: Sequence[str]) -> None:
        self._language = language.partition("-")[0]
        named = dict.fromkeys([self._language, *(name.partition("-")[0] for name in candidates)])
        self._decoders = {name: decoders[name] for name in named if name in decoders}
        whispers = [one for one in self._decoders.values() if isinstance(one, WhisperDecoder)]
        self._judge = whispers[0] if whispers and len(self._decoders) > 1 else None

    def doubts(self, decoding: Decoding, audio: bytes) -> bool:
        """Whether it is worth to find out."""
        doubtful = self._language != "en" or decoding.confidence < DOUBTFUL
        return self._judge is not None and doubtful and len(audio) >= SHORTEST_BYTES

    def check(self, decoding: Decoding, audio: bytes) -> Decoding:
        """The decoding itself, or what was said in another of the languages."""
        assert self._judge
        spoken, share = self._judge.spoken_language(audio[:JUDGED_BYTES], list(self._decoders))
        if spoken == self._language or share < SURE:
            return decoding
        other = self._decoders[spoken].decode(audio, ())
        # a few mumbled syllables look English to the network, but not to who knows English
        if spoken == "en" and other.confidence < DOUBTFUL:
            return decoding
        return Decoding(other.text, other.confidence, language=spoken) if other.text else decoding
