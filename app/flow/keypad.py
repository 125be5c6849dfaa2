"""What keys mean while they come in one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum, auto
from typing import Final

from app.flow.document import Place
from app.flow.languages import Language
from app.flow.model import Meaning
from app.flow.section import Section

PAUSE_MS: Final = 3000
FINISH: Final = "#"
KEY_NAMES: Final = {"star": "*", "pound": "#", "hash": "#"}
KEYS: Final = "0123456789*#"


class Keys(Enum):
    """What a sequence of keys is while it is no answer yet."""

    MORE = auto()


def choose(options: Mapping[str, Meaning], keys: str, *, paused: bool) -> Meaning | Keys | None:
    """The option that was pressed. While it begins a longer one too, only a pause decides."""
    longer = any(option.startswith(keys) and option != keys for option in options)
    if keys in options and (paused or not longer):
        return options[keys]
    return Keys.MORE if longer and not paused else None


def spoken_key(options: Mapping[str, Meaning], text: str, language: Language) -> Meaning | None:
    """ "one", "press one", "option number one": a key that was said instead of pressed."""
    words = [
        word for word in language.numbers.numerals(language.tokens(text)) if word not in language.small_talk
    ]
    keys = [word for word in words if word not in language.key_words]
    found = options.get(keys[0]) if len(keys) == 1 else None
    return replace(found, rung="choice", score=0.9, heard=text) if found else None


def read_press(section: Section, key: str) -> str | None:
    """`press: 1`, `press: star`, `press: "#"`, `press: 10`, as the keys themselves."""
    text = section.text(key)
    return None if text is None else as_keys(section, text, section.fields.values[key].place)


def as_keys(section: Section, text: str, place: Place) -> str | None:
    keys = KEY_NAMES.get(text, text)
    if keys and len(keys) <= 8 and all(one in KEYS for one in keys):
        return keys
    section.fault(place, f'"{text}" is no key; use 0 to 9, star or pound')
    return None
