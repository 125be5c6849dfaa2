"""What was said against what was heard.

Speech is cut into segments (a sentence each) that lie one behind the other on the playout's scale of milliseconds.
An interruption at a position splits the words there: within a segment, words are taken to last in proportion to
their letters, which is right to about a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Segment:
    """Words and where they lie: `start_ms` to `end_ms` of agent audio since the stream began."""

    text: str
    start_ms: float
    end_ms: float


def split_at(segments: Sequence[Segment], heard_ms: float) -> tuple[str, str]:
    """The words heard by `heard_ms`, and the words that were not."""
    heard, unheard = [], []
    for segment in segments:
        before, after = _split(segment, heard_ms)
        heard.append(before)
        unheard.append(after)
    return " ".join(filter(None, heard)), " ".join(filter(None, unheard))


def _split(segment: Segment, heard_ms: float) -> tuple[str, str]:
    if heard_ms >= segment.end_ms:
        return segment.text, ""
    if heard_ms <= segment.start_ms:
        return "", segment.text
    letters = len(segment.text) * (heard_ms - segment.start_ms) / (segment.end_ms - segment.start_ms)
    words = segment.text.split()
    count, length = 0, 0
    while count < len(words) and length + len(words[count]) <= letters:
        length += len(words[count]) + 1
        count += 1
    return " ".join(words[:count]), " ".join(words[count:])
