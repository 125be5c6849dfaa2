"""What was said against what was heard.

Words are taken to last in proportion to their letters, pauses between them not counted: right to about a word. A word
counts as heard when half of it was.
"""

from __future__ import annotations


def split_at(text: str, share: float) -> tuple[str, str]:
    """The words that were heard, and those that were not, when `share` (0..1) of the speaking was heard."""
    words, letters = text.split(), len(text) * share
    count = length = 0
    while count < len(words) and length + len(words[count]) / 2 <= letters:
        length += len(words[count]) + 1
        count += 1
    return " ".join(words[:count]), " ".join(words[count:])
