"""Texts made comparable, and word error rates.

Two transcripts of the same speech may differ in capitals, punctuation, figures ("27", "twenty-seven") and written
short forms ("Mr.", "mister") without an error of hearing, so these are evened out; what was said is not: "don't"
stays one word and is not "do not".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import jiwer
from num2words import num2words

SHORT_FORMS = {
    "en": {"mr": "mister", "mrs": "missus", "dr": "doctor"},
    "es": {"sr": "señor", "sra": "señora", "dr": "doctor"},
    "fr": {"m": "monsieur", "mme": "madame", "dr": "docteur"},
    "it": {"sig": "signor", "dott": "dottor"},
}
DIGIT_BY_DIGIT = 5
APOSTROPHES = str.maketrans("’ʼ`´", "''''")
_ORDINAL = {
    "en": re.compile(r"\b(\d+)(?:st|nd|rd|th)\b"),
    "es": re.compile(r"\b(\d+)[ºª°]"),
    "fr": re.compile(r"\b(\d+)(?:er|ère|e|ème)\b"),
    "it": re.compile(r"\b(\d+)[ºª°]"),
}
_THOUSANDS = {"en": re.compile(r"(?<=\d),(?=\d{3}\b)")}
_THOUSANDS_ELSEWHERE = re.compile(r"(?<=\d)\.(?=\d{3}\b)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NO_WORD = re.compile(r"[^\w']|(?<!\w)'|'(?!\w)|_")


def normalised(text: str, language: str) -> str:
    """Lower case, without punctuation, numbers and short forms in words. An apostrophe inside a word stays."""
    text = unicodedata.normalize("NFC", text).lower().translate(APOSTROPHES)
    if language in _ORDINAL:
        text = _ORDINAL[language].sub(lambda match: _words(match[1], language, "ordinal"), text)
    text = _THOUSANDS.get(language, _THOUSANDS_ELSEWHERE).sub("", text)
    text = _NUMBER.sub(lambda match: _number(match[0], language), text)
    short = SHORT_FORMS.get(language, {})
    return " ".join(short.get(word, word) for word in _NO_WORD.sub(" ", text).split())


def error_rate(pairs: Sequence[tuple[str, str]], language: str) -> float | None:
    """Errors per word of the references (first of each pair), 0..; None of nothing."""
    if not pairs:
        return None
    references = [normalised(reference, language) for reference, _ in pairs]
    heard = [normalised(hypothesis, language) for _, hypothesis in pairs]
    return float(jiwer.wer(references, heard))


def _number(figures: str, language: str) -> str:
    if figures.isdigit() and (len(figures) >= DIGIT_BY_DIGIT or figures.startswith("0")):
        return " ".join(_words(figure, language, "cardinal").strip() for figure in figures)
    return _words(figures, language, "cardinal")


def _words(figures: str, language: str, form: str) -> str:
    value = float(figures) if "." in figures else int(figures)
    return f" {num2words(value, lang=language, to=form)} "
