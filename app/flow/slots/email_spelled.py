"""`email_spelled`: an e-mail address as it is said or spelled: "j o h n dot smith at example dot com"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from app.flow.languages import Language
from app.flow.languages.base import words
from app.flow.languages.letters import LETTERS
from app.flow.slots import Hearing, Reading, SlotType, slot_type
from app.flow.speaking import Email
from app.flow.spelling import Token, plain_word, speller, spelling_tokens
from app.flow.values import Json

_WRITTEN = re.compile(r"[a-z0-9][a-z0-9._%+-]*@(?:[a-z0-9-]+\.)+[a-z]{2,}")
_ADDRESS = re.compile(
    r"[a-z0-9](?:[a-z0-9+_-]|\.(?!\.))*(?<!\.)@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"
)
# how recognisers part the names of well-known services
_SERVICES: Final = {
    r"\bg mail\b": "gmail",
    r"\bhot mail\b": "hotmail",
    r"\be[ -]mail\b": "email",
    r"\bout look\b": "outlook",
}
# endings after which nothing can follow; "co" goes on with its country
_ENDINGS: Final = words("com net org edu gov es fr de uk it mx us ca info")
# several words run together without a word on whether they belong together: worth asking back
UNSURE: Final = 0.5


@slot_type("email_spelled")
@dataclass(frozen=True, slots=True)
class EmailSpelled(SlotType):
    """Kept in lower case. It cannot be typed on a keypad."""

    early: ClassVar[bool] = True

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        plain = plain_word(text)
        written = list(dict.fromkeys(_WRITTEN.findall(plain)))
        if len(written) == 1:
            return Reading(written[0], rest=plain.replace(written[0], " "))
        tokens = _tokens(text, hearing.language)
        for at in reversed([index for index, one in enumerate(tokens) if one.plain == "@"]):
            domain = _domain(tokens[at + 1 :], hearing.language)
            local, sure = _local(tokens[:at], hearing.language)
            if _ADDRESS.fullmatch(f"{local}@{domain}"):
                return Reading(f"{local}@{domain}", 1.0 if sure else UNSURE)
        return None

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        reading = self.understand(text, hearing)
        if reading is None:
            return False
        return True if str(reading.value).rpartition(".")[2] in _ENDINGS else None

    def begins(self, text: str, hearing: Hearing) -> bool:
        return False  # with any word, so no word tells

    def native(self, value: Json) -> object:
        return Email(value)


def _tokens(text: str, language: Language) -> list[Token]:
    """The words with signs for the names of signs, without what is only said about the address."""
    letters = LETTERS[language.code]
    text = text.replace("ß", "ss")
    for spoken, service in _SERVICES.items():
        text = re.sub(spoken, service, text, flags=re.IGNORECASE)
    tokens = spelling_tokens(text, language)
    plain = " ".join(one.plain for one in tokens)
    aside = re.search(rf"\b(?:{letters.asides})\b", plain)
    if aside:
        glue = Token("\0", "\0")
        start, length = len(plain[: aside.start()].split()), len(aside[0].split())
        return [glue, *_signed([*tokens[:start], *tokens[start + length :]], letters.signs)]
    return _signed(tokens, letters.signs)


def _signed(tokens: Sequence[Token], signs: Mapping[str, str]) -> list[Token]:
    """With a sign for its name, the longest first: "tiret bas"."""
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        for length in (3, 2, 1):
            sign = signs.get(" ".join(one.plain for one in tokens[at : at + length]))
            if sign and at + length <= len(tokens):
                found.append(Token(sign, sign))
                at += length
                break
        else:
            found.append(tokens[at])
            at += 1
    return found


def _domain(tokens: Sequence[Token], language: Language) -> str:
    """The labels after the @; the last ends with its first word."""
    labels: list[list[Token]] = [[]]
    for token in tokens:
        if token.plain == ".":
            labels.append([])
        else:
            labels[-1].append(token)
    ending, _ = _joined(labels[-1], language)
    first = labels[-1][0].plain if labels[-1] else ""
    last = first if len(first) > 1 else re.split(r"[^a-z]", ending)[0][:3]
    return ".".join([*(_joined(label, language)[0] for label in labels[:-1]), last])


def _local(tokens: Sequence[Token], language: Language) -> tuple[str, bool]:
    """(what stands before the @, whether its words surely belong together)."""
    together = any(one.plain == "\0" for one in tokens)
    said = [one for one in tokens if one.plain != "\0"]
    leads = LETTERS[language.code].leads
    start = max((at + 1 for at, one in enumerate(said) if one.plain in leads), default=0)
    text, loose = _joined(said[start:], language)
    return text, together or not loose


def _joined(tokens: Sequence[Token], language: Language) -> tuple[str, bool]:
    """(the characters, whether two plain words stand side by side)."""
    text, at, before, loose = "", 0, "", False
    while at < len(tokens):
        spelled, end = speller(language).run(tokens, at)
        if end > at:
            # "smith, s m i t h" is said once and spelled once
            text = text if spelled == before else text + spelled
            before, at = "", end
        else:
            word = tokens[at].plain
            loose = loose or (before.isalpha() and word.isalpha())
            text, before, at = text + word, word, at + 1
    return text, loose
