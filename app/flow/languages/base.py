"""What a language must bring."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from app.flow.languages.calendar import Calendar
from app.flow.languages.numbers import NumberWords, tokens
from app.flow.languages.speech import Speech

Words = tuple[str, ...]

# shorter words sound alike by chance; of eight letters two may differ
LONG_ENOUGH = 5
NEARLY = 0.75
_DOUBLED = re.compile(r"(.)\1+")


def phrases(*texts: str) -> frozenset[Words]:
    """Word tuples from phrases separated by commas; written without accents and apostrophes."""
    return frozenset(tuple(one.split()) for text in texts for one in text.split(",") if one.strip())


def words(text: str) -> frozenset[str]:
    """Single words, separated by spaces."""
    return frozenset(text.split())


def names(text: str) -> tuple[str, ...]:
    """Single names in their order, separated by spaces."""
    return tuple(text.split())


def _words(phrases: frozenset[Words]) -> frozenset[str]:
    return frozenset(word for phrase in phrases for word in phrase)


@dataclass(frozen=True)
class Places:
    """How one of several that were offered is called, each as a regular expression: the first, second …, the one
    between, the last; of times the one in the morning and the one after it.
    """

    nth: tuple[str, ...]
    middle: str
    last: str
    morning: str
    afternoon: str


@dataclass(frozen=True, eq=False)
class Language:
    """One language's words, all in the matcher's spelling: lower case, no accents, no apostrophes.

    `openings` and `closings` are what people say around their point. `function_words` carry no content.
    `backchannels` are what a listener says without wanting the floor. `prompts` are what is spoken where a flow
    has no words of its own.
    """

    code: str
    yes: frozenset[Words]
    no: frozenset[Words]
    # those of them that answer whatever follows: "YES, Wednesday is fine", but not "RIGHT where it hurts"
    firm: frozenset[str]
    # "there is": to "Is there anything else?"
    more: frozenset[Words]
    # neither: "I don't know"
    unsure: frozenset[Words]
    # "one moment": neither an answer nor a misunderstanding
    hold: frozenset[Words]
    # "hello?": nothing is asked for yet
    greetings: frozenset[Words]
    # "Tuesday, PLEASE": nothing comes after it
    courtesies: frozenset[Words]
    # "yes, BUT …" is no yes
    hedges: frozenset[str]
    # "PRESS one", "OPTION two"
    key_words: frozenset[str]
    openings: frozenset[Words]
    closings: frozenset[Words]
    negations: frozenset[str]
    function_words: frozenset[str]
    backchannels: frozenset[Words]
    # words with which a caller takes back what was just said
    corrections: frozenset[str]
    # words that put a value forward as the answer: "PUT me DOWN for Thursday, that's EASIEST"
    frames: frozenset[str]
    # sounds of thinking, in the middle of anything
    hesitations: frozenset[str]
    # what stands before a value that is not meant, and after one, as regular expressions
    exclusions: str
    exclusions_after: str
    # "ANOTHER day": something is to change; "WHICH day": it is asked for
    changes: frozenset[str]
    questions: frozenset[str]
    # what joins two values of which one will do, or a first and a last
    alternatives: frozenset[str]
    # "and a half" after a number, as a regular expression
    half: str
    decimal_mark: str
    places: Places
    # what values of a slot type are called: "change the TIME"
    kinds: Mapping[str, frozenset[str]]
    # what means the number that one calls from, as regular expressions
    this_number: tuple[str, ...]
    # letters that sound alike, as regular expressions with what stands for them, in their order
    letters: tuple[tuple[str, str], ...]
    prompts: Mapping[str, tuple[str, ...]]
    numbers: NumberWords
    calendar: Calendar
    speech: Speech
    # those hesitations that are words as well: "the ER", "Ben" by name
    hesitations_and_words: frozenset[str] = frozenset()

    @cached_property
    def longest_filler(self) -> int:
        return max(len(words) for words in self.openings | self.closings)

    @cached_property
    def small_talk(self) -> frozenset[str]:
        """Words that say nothing about the matter."""
        fillers = (word for words in self.openings | self.closings for word in words)
        return (
            self.function_words
            | self.corrections
            | self.negations
            | frozenset(fillers)
            | _words(self.yes | self.no)
        )

    def sound(self, words: Words) -> str:
        """How words sound, roughly, in one breath: where one word ends recognisers hear least."""
        sound = "".join(words)
        for written, heard in self._letters:
            sound = written.sub(heard, sound)
        return _DOUBLED.sub(r"\1", sound)

    @cached_property
    def _letters(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        return tuple((re.compile(written), heard) for written, heard in self.letters)

    @cached_property
    def _small_sounds(self) -> Mapping[str, str]:
        plain = sorted(self.small_talk | self.frames)
        return {self.sound((word,)): word for word in plain if len(word) >= LONG_ENOUGH}

    def mended(self, word: str) -> str:
        """The word of no weight that it sounds so much like that it was probably misheard; else the word itself."""
        if len(word) < LONG_ENOUGH or word in self.function_words:
            return word
        near = process.extractOne(
            self.sound((word,)),
            self._small_sounds.keys(),
            scorer=Levenshtein.normalized_similarity,
            score_cutoff=NEARLY,
        )
        return self._small_sounds[near[0]] if near else word

    def tokens(self, text: str) -> list[str]:
        """`numbers.tokens` without the sounds of thinking: "uh, the, um, fifteenth" is the fifteenth."""
        return [word for word in tokens(text) if word not in self.hesitations]

    def __repr__(self) -> str:
        return f"Language({self.code!r})"
