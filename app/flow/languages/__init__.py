"""What the flow language knows of each human language: one file per language, registered by its code."""

from __future__ import annotations

from app.flow.languages.base import Language
from app.flow.languages.de import GERMAN
from app.flow.languages.en import ENGLISH
from app.flow.languages.es import SPANISH
from app.flow.languages.fr import FRENCH
from app.flow.languages.it import ITALIAN

__all__ = ["LANGUAGES", "Language", "language"]

LANGUAGES = {one.code: one for one in (ENGLISH, SPANISH, FRENCH, GERMAN, ITALIAN)}


def language(code: str) -> Language:
    """The language of an ISO 639-1 code, with or without a region; KeyError where it is not supported."""
    return LANGUAGES[code.partition("-")[0].lower()]
