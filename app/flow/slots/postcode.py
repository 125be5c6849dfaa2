"""`postcode`: a postal code, spelled or said at once. Option `country`, which it needs: `country: GB`.

British and Canadian ones have letters, so they cannot be typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Self

from app.flow.figures import figure_text, find_figures
from app.flow.languages.calendar import Found
from app.flow.settling import settle
from app.flow.slots import Hearing, KeyRule, Reading, SlotType, slot_type
from app.flow.slots.digits import figures_so_far
from app.flow.speaking import Spelled
from app.flow.spelling import Token, speller, spelling_tokens
from app.flow.values import Json

if TYPE_CHECKING:
    from app.flow.draft import Draft
    from app.flow.section import Section

# what the countries' posts call valid; US: ZIP or ZIP+4
FIGURES: Final = {
    "US": r"(?!000)\d{5}(?:\d{4})?",
    "DE": r"(?!00)\d{5}",
    "FR": r"(?:0[1-9]|[1-8]\d|9[0-578])\d{3}",
    "ES": r"(?:0[1-9]|[1-4]\d|5[0-2])\d{3}",
}
LETTERED: Final = {
    "GB": r"[A-PR-UWYZ](?:\d{1,2}|[A-HK-Y]\d{1,2}|\d[A-HJKPS-UW]|[A-HK-Y]\d[ABEHMNPRV-Y]) \d[ABD-HJLNP-UW-Z]{2}",
    "CA": r"[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] \d[ABCEGHJ-NPRSTV-Z]\d",
}
# A for a letter, 9 for a figure
SHAPES: Final = {
    "GB": ("A9 9AA", "A99 9AA", "AA9 9AA", "AA99 9AA", "A9A 9AA", "AA9A 9AA"),
    "CA": ("A9A 9A9",),
}


@slot_type("postcode")
@dataclass(frozen=True, slots=True)
class Postcode(SlotType):
    """Kept as the country writes it: "SW1A 1AA", "90210-1234"."""

    early: ClassVar[bool] = True
    country: str = "US"

    @classmethod
    def read(cls, section: Section, draft: Draft) -> Self:
        country = section.choice("country", (*FIGURES, *LETTERED))
        if "country" not in section:
            section.missing("country", "GB")
        return cls(country or "US")

    def understand(self, text: str, hearing: Hearing) -> Reading | None:
        if self.country in LETTERED:
            found, plain = self._find(text, hearing)
            settled = settle(found, plain, hearing.language)
            return Reading(settled.found.value, settled.score, rest=settled.rest) if settled else None
        for runs in find_figures(text, hearing.language):
            fitting = [run for run in runs if self._valid(run.value)]
            settled = settle(fitting, figure_text(text, hearing.language), hearing.language)
            if settled is not None:
                return Reading(_written(settled.found.value), settled.score, rest=settled.rest)
        return None

    def _valid(self, figures: str) -> bool:
        return re.fullmatch(FIGURES[self.country], figures) is not None

    def _find(self, text: str, hearing: Hearing) -> tuple[list[Found], str]:
        tokens = [one for one in spelling_tokens(text, hearing.language) if one.plain not in "@._+-"]
        offsets = [0]
        for token in tokens:
            offsets.append(offsets[-1] + len(token.plain) + 1)
        found = [
            Found(code, offsets[start], offsets[end] - 1) for code, start, end in self._codes(tokens, hearing)
        ]
        return found, " ".join(token.plain for token in tokens)

    def _codes(self, tokens: Sequence[Token], hearing: Hearing) -> Iterator[tuple[str, int, int]]:
        at = 0
        while at < len(tokens):
            pieces = _run(tokens, at, hearing)
            code = next(
                (
                    (shaped, pieces[start][1], pieces[end - 1][2])
                    for start in range(min(2, len(pieces)))
                    for end in range(len(pieces), max(start, len(pieces) - 2), -1)
                    if (shaped := self._shaped("".join(one for one, _, _ in pieces[start:end])))
                ),
                None,
            )
            if code:
                yield code
            at = pieces[-1][2] if pieces else at + 1

    def _shaped(self, characters: str) -> str | None:
        """The code that the characters are in one of the country's shapes, "oh" being a letter or a figure."""
        for shape in SHAPES[self.country]:
            if len(shape) - 1 == len(characters):
                signs = iter(characters.upper())
                code = "".join(place if place == " " else _fitted(next(signs), place) for place in shape)
                if re.fullmatch(LETTERED[self.country], code):
                    return code
        return None

    def keyed(self, keys: str, hearing: Hearing) -> Reading | None:
        fits = self.country in FIGURES and self._valid(keys)
        return Reading(_written(keys)) if fits else None

    def key_rule(self) -> KeyRule | None:
        if self.country in LETTERED:
            return None
        return KeyRule(9) if self.country == "US" else KeyRule(5, 5)

    def complete(self, text: str, hearing: Hearing) -> bool | None:
        if self.understand(text, hearing):
            return None if self.country == "US" else True
        if self.country in FIGURES:
            return False if figures_so_far(find_figures(text, hearing.language)) < 5 else None
        return False

    def begins(self, text: str, hearing: Hearing) -> bool:
        return figures_so_far(find_figures(text, hearing.language)) > 0

    def native(self, value: Json) -> object:
        return Spelled(value)


def _run(tokens: Sequence[Token], at: int, hearing: Hearing) -> list[tuple[str, int, int]]:
    """(characters, start, end) of every piece that is spelled from a position on."""
    pieces, spell = [], speller(hearing.language)
    while at < len(tokens):
        token = tokens[at]
        piece = (token.plain, at + 1) if token.coded and len(token.plain) > 1 else spell.one(tokens, at)
        if piece is None:
            break
        pieces.append((piece[0], at, piece[1]))
        at = piece[1]
    return pieces


def _fitted(sign: str, place: str) -> str:
    if place == "9":
        return {"O": "0", "I": "1"}.get(sign, sign)
    return "O" if sign == "0" else sign


def _written(figures: str) -> str:
    return figures if len(figures) == 5 else f"{figures[:5]}-{figures[5:]}"
