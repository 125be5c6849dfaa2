"""Questions whose answers are fixed words, what callers say to them, and pauses put into what they say."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final

import numpy as np

from app.audio.g711 import BYTES_PER_MS, FRAME_BYTES, FRAME_MS, SILENCE, to_linear
from app.simulator.caller import Speak
from app.simulator.utterance import end_of_speech_ms, onset_ms

FLOW: Final = """\
flow: KIND
format: 1
languages: [en]
start: KIND
defaults: {timeout: 30s, max_attempts: unlimited, no_input: [], no_match: [Sorry.]}
slots:
  words: {type: text}
  day: {type: date, from: today, until: 400 days}
  code: {type: digits, length: 4}
  hour: {type: time}
intents:
  book: {phrases: ["(book|make|get) (an|my) appointment", "[an] appointment"]}
  cancel: {phrases: ["cancel [my|the] appointment"]}
  hours: {phrases: ["[your|the] opening hours", "when (are you|do you) open", "what are your opening hours"]}
nodes:
  words: {collect: words, next: noted}
  noted: {say: "Thank you, I have made a note of that.", next: words}
  yes_no: {confirm: "Is that right?", yes: agreed, no: refused}
  agreed: {say: "Very well.", next: yes_no}
  refused: {say: "Let us try again.", next: yes_no}
  day: {collect: day, ask: "Which day?", next: day_noted}
  day_noted: {say: "That day is free.", next: day}
  hour: {collect: hour, ask: "At what time?", next: hour_noted}
  hour_noted: {say: "That time is free.", next: hour}
  code: {collect: code, ask: "What is your code?", next: code_noted}
  code_noted: {say: "I have found you.", next: code}
  menu:
    menu: "How can I help?"
    choices: [{intent: book, goto: booked}, {intent: cancel, goto: cancelled}, {intent: hours, goto: told}]
  booked: {say: "I can do that for you.", next: menu}
  cancelled: {say: "Your appointment is cancelled.", next: menu}
  told: {say: "We are open from eight to six.", next: menu}
"""

SAID: Final[Mapping[str, tuple[str, ...]]] = {
    "words": (
        "I have lost my card somewhere in town.", "It is about the last bill that you sent me.",
        "My daughter has had a fever since yesterday.", "The heating in my flat does not work.",
        "I would like to know what it costs.", "Could you send me another copy?",
        "We are going to be a little late.", "Please call me back in the afternoon.",
    ),
    "yes_no": (
        "Yes please.", "No thank you.", "Yes that's right.", "No that's wrong.", "Yes of course.",
        "That's correct.", "No I don't think so.", "Yes it is.",
    ),
    "day": (
        "Next Tuesday.", "On the fifteenth of March.", "Tomorrow.", "The third of June.", "This coming Friday.",
        "On Thursday please.", "The day after tomorrow.", "Monday next week.",
    ),
    "hour": (
        "Half past nine.", "At three in the afternoon.", "Ten fifteen.", "Eight o'clock.", "At two thirty please.",
    ),
    "code": ("four four seven one", "three nine two six", "double five one eight", "seven two six nine"),
    "menu": (
        "I'd like to book an appointment.", "Cancel my appointment.", "What are your opening hours?",
        "I want to make an appointment please.", "When do you open?", "Can I get an appointment?",
    ),
}  # fmt: skip
# how far a word boundary may be from where it is expected
NEAR_MS = 60.0
# somewhere in so much speech there is a boundary
SEARCHED_MS = 600.0


def flows() -> dict[str, str]:
    """A flow for each kind of question, text by file name."""
    return {f"{kind}.yaml": FLOW.replace("KIND", kind) for kind in SAID}


def halves(text: str) -> list[tuple[str, str]]:
    """What is said of a text before and after each of its word boundaries."""
    words = text.split()
    return [(" ".join(words[:count]), " ".join(words[count:])) for count in range(1, len(words))]


def said() -> list[str]:
    """All that is said, and its halves, for `paused_between_words`."""
    texts = [text for group in SAID.values() for text in group]
    return [*texts, *{half for text in texts for pair in halves(text) for half in pair}]


def paused_between_words(acts: Mapping[str, Speak], text: str, random: Random) -> bytes:
    """A text of several words, with a silence of random length between two of them."""
    whole, before, after = (acts[one].utterance.audio for one in (text, *random.choice(halves(text))))
    return paused(whole, before, after, random_pause_ms(random))


def paused(audio: bytes, before: bytes, after: bytes, ms: int) -> bytes:
    """Speech with a silence after one of its words; `before` and `after` are the same voice, saying either half alone.

    Alone, both last longer than together. The boundary is the quietest place near to where it is if both are shortened
    in proportion.
    """
    first, rest, whole = map(_spoken_ms, (before, after, audio))
    boundary = onset_ms(audio) + whole * first / (first + rest)
    return _with_pause(audio, (boundary - NEAR_MS) / FRAME_MS, (boundary + NEAR_MS) / FRAME_MS, ms)


def _spoken_ms(audio: bytes) -> float:
    return end_of_speech_ms(audio) - onset_ms(audio)


def paused_somewhere(audio: bytes, ms: int, random: Random) -> bytes:
    """Speech of unknown words, with a silence at the quietest of 600 ms in its middle half: between two words."""
    half = end_of_speech_ms(audio) / FRAME_MS / 2
    searched = min(half, SEARCHED_MS / FRAME_MS)
    first = half / 2 + random.random() * (half - searched)
    return _with_pause(audio, first, first + searched, ms)


def _with_pause(audio: bytes, first: float, last: float, ms: int) -> bytes:
    """A silence at the quietest of the 20 ms frames from `first` to `last`."""
    frames = np.frombuffer(to_linear(audio), np.int16).astype(np.float64)
    frames = frames[: len(frames) // FRAME_BYTES * FRAME_BYTES].reshape(-1, FRAME_BYTES)
    levels = np.sqrt(np.mean(frames**2, axis=1))
    begin = min(max(1, int(first)), len(levels) - 2)
    end = min(max(begin + 1, int(last)), len(levels) - 1)
    at = (begin + int(levels[begin:end].argmin())) * FRAME_BYTES
    return audio[:at] + SILENCE * (ms * BYTES_PER_MS) + audio[at:]


def random_pause_ms(random: Random) -> int:
    """300 to 900 ms, in whole frames."""
    return FRAME_MS * random.randint(15, 45)
