"""How a language says values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Speech:
    """`date` says a date, with its year if the flag is set; `time` an hour (0 to 23) and a minute.

    `currencies` give the words for one and several of the main unit and of the hundredth, by ISO 4217 code.
    """

    conjunction: str
    yes: str
    no: str
    decimal_point: str
    minus: str
    date: Callable[[date, bool], str]
    time: Callable[[int, int], str]
    currencies: Mapping[str, tuple[str, str, str, str]]
    money_joiner: str
