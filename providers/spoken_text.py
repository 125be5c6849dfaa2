"""English text made speakable: what the voice would misread is written out.

The voice itself reads prices, times, dates, ordinals and abbreviations well. It does not know a keypad, and it takes a
code or a telephone number for a quantity.
"""

from __future__ import annotations

import re

# Not part of a time, date, decimal or range.
_ALONE = r"(?<![\d:.,/-]){}(?![\d]*[:.,/-]?\d)"
_PHONE_NUMBER = re.compile(
    r"(?<![\w.-])\+?\(?\d{1,4}\)?(?:[ -]\d{2,4}){2,4}(?![\w-])|(?<![\w.-])\d{3}-\d{4}(?![\w-])"
)
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")
_CODE = re.compile(_ALONE.format(r"0\d+") + "|" + _ALONE.format(r"\d{7,}"))
_POUND = re.compile(r"#(?!\w)")
_STAR = re.compile(r"(?<![\w*])\*(?![\w*])")
_EMPHASIS = re.compile(r"[*_`]+")


def speakable(text: str) -> str:
    """`text` with keypad signs as words and with codes and telephone numbers digit by digit."""
    text = _STAR.sub(" star ", _POUND.sub(" pound ", text))
    text = _EMPHASIS.sub("", text)
    text = _PHONE_NUMBER.sub(_by_group, text)
    text = _CODE.sub(lambda code: " ".join(code.group()), text)
    return re.sub(r"\s+([.,;:!?])", r"\1", " ".join(text.split()))


def _by_group(number: re.Match[str]) -> str:
    if _ISO_DATE.match(number.group()):
        return number.group()
    groups = [" ".join(group) for group in re.findall(r"\d+", number.group())]
    return ("plus " if number.group().startswith("+") else "") + ", ".join(groups)
