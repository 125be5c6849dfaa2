"""`name`: a person's name, said or spelled: "my name is Smith", "S M I T H", "Smyth, that's S M Y T H"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from app.flow.languages import Language
from app.flow.languages.letters import ICAO, LETTERS
from app.flow.phrases import peelings
from app.flow.slots import Hearing, Reading, SlotType, slot_type
from app.flow.spelling import Token, plain_word, speller, spelling_tokens

MOST_WORDS: Final = 5
# fewer of the spelling alphabet's words are names: Oscar, Victor
LEAST_CODE_WORDS: Final = 3


@slot_type("name")
@dataclass(frozen=True, slots=True)
class Name(SlotType):
    """Kept as it is written: "Vincent van der Berg". It cannot be typed on a keypad."""

    # nearly any word may be a name, so what else is on offer goes first
    yields: ClassVar[bool] = True

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        tokens = _tokens(text, hearing.language)
        if any(one.plain.isdecimal() for one in tokens):
            return None
        words = _name(_corrected(tokens, hearing.language), hearing.language)
        return Reading(" ".join(words)) if words else None

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        """A name may always go on; after "my name is" it has not begun."""
        plain = " ".join(one.plain for one in _tokens(text, hearing.language))
        bare = re.sub(rf"\b(?:{LETTERS[hearing.language.code].introductions})\b", " ", plain)
        return False if plain and not bare.strip() else None


def _tokens(text: str, language: Language) -> list[Token]:
    """Words; a hyphen inside one stays: Mary-Jane."""
    found: list[Token] = []
    hyphen = False
    for one in spelling_tokens(text.replace("’", "'"), language):
        if one.plain == "-" and found:
            hyphen = True
        elif one.plain not in "@._+-":
            if hyphen:
                before = found.pop()
                found.append(Token(f"{before.plain}-{one.plain}", f"{before.written}-{one.written}"))
            else:
                found.append(one)
            hyphen = False
    return found


def _corrected(tokens: list[Token], language: Language) -> list[Token]:
    """What comes after "no, sorry": the name that is meant."""
    at = max((index + 1 for index, one in enumerate(tokens) if one.plain in language.corrections), default=0)
    return tokens[at:] if tokens[at:] and at > 1 else tokens


def _name(tokens: list[Token], language: Language) -> list[str]:
    """The words of the name, none where it is none."""
    letters = LETTERS[language.code]
    core = _without_politeness(_without(letters.introductions, tokens), language)
    while core and core[0].plain in letters.titles:
        core = core[1:]
    said, spelled = _parted(_without_having(core, language), language)
    if any(one.isdecimal() for one in spelled):
        return []
    if len(said) > 1 and said[0].plain == said[-1].plain:
        said = said[1:]
    if not all(_may_be_name(one.plain, language) for one in said) or len(said) > MOST_WORDS:
        return []
    words = [_written(one, index, language) for index, one in enumerate(said)]
    return _with_spelling(words, spelled)


def _without(pattern: str, tokens: Sequence[Token]) -> list[Token]:
    """The tokens less those that make up the pattern, wherever it stands."""
    plain = " ".join(one.plain for one in tokens)
    gone: set[int] = set()
    for hit in re.finditer(rf"(?<![^ ])(?:{pattern})(?![^ ])", plain):
        start = len(plain[: hit.start()].split())
        gone |= set(range(start, start + len(hit[0].split())))
    return [one for index, one in enumerate(tokens) if index not in gone]


def _without_politeness(tokens: Sequence[Token], language: Language) -> list[Token]:
    """Single letters are spelled, not said: "a" is no article here."""
    if any(len(one.plain) == 1 for one in tokens):
        return list(tokens)
    words = tuple(one.plain for one in tokens)
    core = min(peelings(words, language), key=len, default=())
    start = next(
        (at for at in range(len(words) - len(core) + 1) if words[at : at + len(core)] == core), len(words)
    )
    kept = list(tokens[start : start + len(core)])
    return [] if tuple(core) in language.yes | language.no else kept


def _without_having(tokens: list[Token], language: Language) -> list[Token]:
    """ "Smyth with a y" is Smyth."""
    having = LETTERS[language.code].having
    at = next((index for index, one in enumerate(tokens) if index and one.plain == having), len(tokens))
    ends = any(speller(language).run(tokens, start)[1] == len(tokens) for start in range(at + 1, len(tokens)))
    return tokens[:at] if ends else tokens


def _parted(tokens: list[Token], language: Language) -> tuple[list[Token], str]:
    """(what was said, what was spelled)."""
    spell = speller(language)
    for at, token in enumerate(tokens):
        characters, end = spell.run(tokens, at)
        code_words = sum(one.plain in ICAO for one in tokens[at:end])
        letters = len(characters) > 1 and end == len(tokens)
        if letters and (code_words == 0 or code_words >= LEAST_CODE_WORDS or len(token.plain) == 1):
            return tokens[:at], characters
        if letters and end - at == 1:
            break
    return tokens, ""


def _may_be_name(word: str, language: Language) -> bool:
    letters = LETTERS[language.code]
    if word in letters.particles:
        return True
    weekdays = {plain_word(day) for day in language.calendar.weekdays}
    no_names = language.function_words | language.negations | letters.no_names | weekdays
    return word not in no_names and len(word) > 1 and (word,) not in language.yes | language.no


def _with_spelling(words: list[str], spelled: str) -> list[str]:
    """The spelling is right about the word that it spells: the last one said, if they begin alike."""
    if not spelled:
        return words
    if words and plain_word(words[-1]) == plain_word(spelled):
        return words
    alike = words and plain_word(words[-1])[0] == plain_word(spelled)[0]
    return [*(words[:-1] if alike else words), spelled.capitalize()]


def _written(token: Token, index: int, language: Language) -> str:
    word = token.written
    if token.plain in LETTERS[language.code].particles and (index or word.islower()):
        return word.lower()
    if not (word.islower() or word.isupper()):
        return word
    return re.sub(r"[^\W\d_]+", lambda hit: hit[0].capitalize(), word.lower())
