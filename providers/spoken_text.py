"""Text made speakable: cut into sentences, and with what a voice would misread written out.

The voices read prices, times, dates and ordinals well. They do not know a keypad, and they take a code or a telephone
number for a quantity.
"""

from __future__ import annotations

import re
import textwrap

LONGEST = 300  # characters: some twenty seconds

# What the signs are called on a keypad, "#" before a number, and "+" before a telephone number.
_SIGNS = {
    "de": ("Raute", "Stern", "Nummer", "plus"),
    "en": ("pound", "star", "number", "plus"),
    "es": ("almohadilla", "asterisco", "número", "más"),
    "fr": ("dièse", "étoile", "numéro", "plus"),
    "it": ("cancelletto", "asterisco", "numero", "più"),
}

_POUND_NUMBER = re.compile(r"(?<!\w)#(?=\d)")
_POUND = re.compile(r"#(?!\w)")
_STAR = re.compile(r"(?<![\w*])\*(?![\w*])")
_EMPHASIS = re.compile(r"[*_`]+")
_PHONE_NUMBER = re.compile(
    r"(?<![\w.-])\+?\(?\d{1,4}\)?(?:[ -]\d{2,4}){2,4}(?![\w-])|(?<![\w.-])\d{3}-\d{4}(?![\w-])"
)
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")
_ALONE = r"(?<![\d:.,/-]){}(?![\d]*[:.,/-]?\d)"  # not part of a time, date, decimal or range
_CODE = re.compile(_ALONE.format(r"0\d+") + "|" + _ALONE.format(r"\d{7,}"))

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’»)]*\s+(?=[^\s\W]|[¿¡«“\"'(])|\s*\n\s*")
_NO_END = re.compile(
    # a title, or an initial
    r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Sra|Srta|Dra|Hr|Nr|Sig|Dott|Mme|M|No|Tel|[A-ZÄÖÜÀ-Þ])\.$"
)
# "am 3. März", but "press 1. For all else". Only German writes ordinals with a full stop; there, what is capitalised
# and no noun begins a sentence: "drücken Sie die 1. Für alles andere"
_ORDINAL = re.compile(r"(?<!\S)\d{1,2}\.$")
_GERMAN_OPENER = re.compile(
    r"(?:Ab|Alle|Alles|Als|Am|An|Andernfalls|Ansonsten|Auf|Aus|Bei|Bis|Bitte|Da|Danach|Danke|Dann|Das|Dem|Den|Der|Die|Dort"
    r"|Ein|Eine[mnr]?|Er|Es|Falls|Für|Haben|Hier|Ich|Ihre?[mnr]?|Im|In|Ist|Jede[rs]?|Können|Man|Mit|Möchten|Nach|Nun|Ob|Oder"
    r"|Ohne|Sie|Sind|So|Sobald|Sonst|Um|Und|Unsere?[mnr]?|Vo[mnr]|Wann|Warum|Was|Weil|Welche[nrs]?|Wenn|Wer|Wie|Wir|Wo"
    r"|Wollen|Zu|Zum|Zur|Zurück)\b"
)


def sentences(text: str, language: str) -> list[str]:
    """`text` (in a language by ISO 639-1) in sentences, each to be spoken in one breath.

    What is too long for one is cut between words.
    """
    whole = [sentence for sentence in _whole_sentences(text, language) if sentence]
    return [breath for sentence in whole for breath in textwrap.wrap(sentence, LONGEST) or [sentence]]


def _whole_sentences(text: str, language: str) -> list[str]:
    found, begin = [], 0
    for gap in _SENTENCE_END.finditer(text):
        until = gap.start()
        goes_on = _NO_END.search(text, begin, until) or (language == "de" and _is_ordinal(text, begin, gap))
        if "\n" in gap.group() or not goes_on:
            found.append(text[begin : gap.end()].strip())
            begin = gap.end()
    return [*found, text[begin:].strip()]


def _is_ordinal(text: str, begin: int, gap: re.Match[str]) -> bool:
    return bool(_ORDINAL.search(text, begin, gap.start())) and not _GERMAN_OPENER.match(text, gap.end())


def speakable(text: str, language: str) -> str:
    """`text` (in a language by ISO 639-1) with keypad signs as words, codes and telephone numbers digit by digit."""
    pound, star, number, plus = _SIGNS[language]
    text = _POUND_NUMBER.sub(f"{number} ", text)
    text = _STAR.sub(f" {star} ", _POUND.sub(f" {pound} ", text))
    text = _EMPHASIS.sub("", text)
    text = _PHONE_NUMBER.sub(lambda found: _by_group(found.group(), plus), text)
    text = _CODE.sub(lambda code: " ".join(code.group()), text)
    return re.sub(r"\s+([.,;:!?])", r"\1", " ".join(text.split()))


def _by_group(number: str, plus: str) -> str:
    if _ISO_DATE.match(number):
        return number
    groups = ", ".join(" ".join(group) for group in re.findall(r"\d+", number))
    return f"{plus} {groups}" if number.startswith("+") else groups
