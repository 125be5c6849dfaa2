"""Spelled words: "J as in Juliet, O, H, N", "m double e", "sierra whiskey one", "S-W-1-A"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from app.flow.languages import Language
from app.flow.languages.letters import ICAO, LETTERS

_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|[@._+-]")
_HYPHENATED = re.compile(r"(?<![^\W_])(?:[^\W_]-){2,}[^\W_](?![^\W_])")
_COMPOUND = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
# the longest phrase for a letter: "uve doble", "double you"
_LONGEST_NAME = 2


@dataclass(frozen=True, slots=True)
class Token:
    """`plain` is the word as tables have it, `written` as the recogniser wrote it; `joined` to its neighbour, with no
    space between, are letters and figures of one code.
    """

    plain: str
    written: str
    joined: bool = False

    @property
    def coded(self) -> bool:
        """Letters that are read one by one: "SW" in "SW1A 1AA"."""
        return self.plain.isalpha() and len(self.plain) <= 4 and (self.joined or self.written.isupper())


def plain_word(written: str) -> str:
    """A word as tables have it: lower case, no accents, no apostrophes."""
    folded = unicodedata.normalize("NFKD", written.casefold())
    return "".join(one for one in folded if not unicodedata.combining(one) and one not in "'’")


def spelling_tokens(text: str, language: Language) -> list[Token]:
    """Words, figures and the signs that stand inside a word; sounds of thinking are left out."""
    text = _HYPHENATED.sub(lambda hit: hit[0].replace("-", " "), unicodedata.normalize("NFC", text))
    text = _COMPOUND.sub(lambda hit: _parted_number(hit[0], language), text)
    found = []
    for hit in _TOKEN.finditer(text):
        before, after = text[hit.start() - 1 : hit.start()], text[hit.end() : hit.end() + 1]
        if hit[0] in "._+-" and not (_word(before) and _word(after)):
            continue
        plain = plain_word(hit[0])
        if plain not in language.hesitations:
            found.append(Token(plain, hit[0], before.isdigit() or after.isdigit()))
    return found


def _parted_number(word: str, language: Language) -> str:
    """ "forty-two" without its hyphen, which is none of an address."""
    parts = [plain_word(part) for part in word.split("-")]
    number = language.numbers.cardinal(parts, 0)
    return word.replace("-", " ") if number and number[1] == len(parts) else word


def _word(character: str) -> bool:
    return character.isalnum()


@dataclass(frozen=True, slots=True)
class Speller:
    """Reads spelled characters in one language."""

    language: Language

    def one(self, tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
        """(characters, end) of what is spelled at a position: a letter, a figure or a number, doubled or not."""
        if at >= len(tokens):
            return None
        letters = LETTERS[self.language.code]
        for length in range(_LONGEST_NAME, 1, -1):
            name = letters.names.get(" ".join(one.plain for one in tokens[at : at + length]))
            if name and len(tokens) >= at + length:
                return name, at + length
        times = letters.doubles.get(tokens[at].plain, 0)
        if times and (inner := self._single(tokens, at + 1)) and len(inner[0]) == 1:
            return inner[0] * times, inner[1]
        return self._single(tokens, at)

    def _single(self, tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
        if at >= len(tokens):
            return None
        word = tokens[at].plain
        if len(word) == 1 and word.isalpha():
            return tokens[at].written.lower(), self._example(tokens, at + 1, word)
        if word.isdecimal():
            return word, at + 1
        if word in self.language.numbers.zeros and self._near_figure(tokens, at):
            return "0", at + 1
        number = self.language.numbers.cardinal([one.plain for one in tokens], at)
        if number:
            return str(number[0]), at + number[1]
        letter = ICAO.get(word) or LETTERS[self.language.code].names.get(word)
        return (letter, self._example(tokens, at + 1, letter)) if letter else None

    def _near_figure(self, tokens: Sequence[Token], at: int) -> bool:
        words = [one.plain for one in tokens]
        after = self.language.numbers.cardinal(words, at + 1) if at + 1 < len(words) else None
        return after is not None or (at > 0 and self.language.numbers.cardinal(words, at - 1) is not None)

    def _example(self, tokens: Sequence[Token], at: int, letter: str) -> int:
        """The end of "as in Sam" after an S, or where it began."""
        for length in (1, 2):
            phrase = " ".join(one.plain for one in tokens[at : at + length])
            follows = tokens[at + length].plain if at + length < len(tokens) else ""
            if len(follows) > 1 and follows.startswith(letter) and re.fullmatch(self._as_in, phrase):
                return at + length + 1
        return at

    @property
    def _as_in(self) -> str:
        return LETTERS[self.language.code].as_in

    def run(self, tokens: Sequence[Token], at: int) -> tuple[str, int]:
        """(characters, end) of everything that is spelled from a position on."""
        found, end = "", at
        while piece := self.one(tokens, end):
            found, end = found + piece[0], piece[1]
        return found, end


@cache
def speller(language: Language) -> Speller:
    return Speller(language)
