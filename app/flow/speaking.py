"""Filters that turn values into words for the ear, in the language that the prompt is spoken in.

Where there is no voice the same words are read, which is never worse than figures that mean nothing to a listener.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time

from jinja2 import pass_context
from jinja2.runtime import Context

from app.flow.languages import Language, language
from app.flow.languages.letters import LETTERS

# a date is spoken with its year unless it lies this near
NEAR_DAYS = 300
# spoken as dollars where they are the currency
_DOLLARS = {"CAD": "USD", "AUD": "USD"}


class Digits(str):
    """Figures that are spoken one by one: a reference, a telephone number."""

    __slots__ = ()


class Money(float):
    """An amount that knows its currency, an ISO 4217 code."""

    currency: str

    def __new__(cls, amount: float, currency: str) -> Money:
        money = super().__new__(cls, amount)
        money.currency = currency
        return money


class Option(str):
    """One of a flow's own options, which knows how it is said in each language; the name itself is a last resort."""

    words: Mapping[str, str]

    def __new__(cls, name: str, words: Mapping[str, str]) -> Option:
        option = super().__new__(cls, name)
        option.words = words
        return option


class Spelled(str):
    """Letters and figures that are spoken one by one, with a breath at every space: a postcode."""

    __slots__ = ()


class Email(str):
    """An address that is spoken with words for its signs."""

    __slots__ = ()


def say(value: object, spoken_in: Language, today: date) -> str:
    """Any value as a person would say it."""
    speech = spoken_in.speech
    if value is None:
        return ""
    if isinstance(value, bool):
        return speech.yes if value else speech.no
    if isinstance(value, Option):
        return value.words.get(spoken_in.code, str(value))
    if isinstance(value, Digits):
        return say_digits(value, spoken_in)
    if isinstance(value, Money):
        return say_money(value, value.currency, spoken_in)
    if isinstance(value, Spelled):
        return say_spelled(value, spoken_in)
    if isinstance(value, Email):
        return say_email(value, spoken_in)
    if isinstance(value, int | float):
        return say_number(value, spoken_in)
    if isinstance(value, date):
        return speech.date(value, not 0 <= (value - today).days < NEAR_DAYS)
    if isinstance(value, time):
        return speech.time(value.hour, value.minute)
    if isinstance(value, list | tuple):
        return say_list([say(_typed(one), spoken_in, today) for one in value], spoken_in)
    return str(value)


def _typed(value: object) -> object:
    """An entry of a list as a service gives it: texts that are dates or times are meant as such."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return date.fromisoformat(value)
    return time.fromisoformat(value) if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value) else value


def say_digits(value: str, spoken_in: Language) -> str:
    """Figure by figure, in groups of three or four with a breath between them."""
    figures = [spoken_in.numbers.spell(int(one)) for one in value if one.isdigit()]
    size = 3 if len(figures) % 3 == 0 or len(figures) % 4 == 1 else 4
    groups = [" ".join(figures[at : at + size]) for at in range(0, len(figures), size)]
    plus = f"{next(iter(spoken_in.numbers.plus))} " if value.startswith("+") else ""
    return plus + ", ".join(groups)


def say_spelled(value: str, spoken_in: Language) -> str:
    """ "SW1A 1AA" is S W one A, one A A."""
    groups = (
        " ".join(spoken_in.numbers.spell(int(one)) if one.isdecimal() else one for one in group)
        for group in value.replace("-", " ").split()
    )
    return ", ".join(groups)


def say_email(value: str, spoken_in: Language) -> str:
    """ "john.smith@example.com" is john dot smith at example dot com."""
    signs = LETTERS[spoken_in.code].signs
    words = {sign: word for word, sign in reversed([*signs.items()])}
    return " ".join(words.get(one, one) for one in re.split(r"([.@_+-])", value) if one)


def say_number(value: float, spoken_in: Language) -> str:
    speech, numbers = spoken_in.speech, spoken_in.numbers
    if value < 0:
        return f"{speech.minus} {say_number(-value, spoken_in)}"
    whole, _, fraction = f"{value:.6f}".rstrip("0").partition(".")
    text = numbers.spell(int(whole))
    if not fraction:
        return text
    return f"{text} {speech.decimal_point} {' '.join(numbers.spell(int(one)) for one in fraction)}"


def say_list(entries: Sequence[str], spoken_in: Language) -> str:
    """ "nine thirty, noon and two o'clock"."""
    head, last = entries[:-1], entries[-1:]
    return f"{', '.join(head)} {spoken_in.speech.conjunction} {last[0]}" if head else "".join(last)


def say_money(value: float, currency: str, spoken_in: Language) -> str:
    """An amount in words; a currency the language has no words for keeps its code."""
    whole, hundredths = divmod(round(abs(value) * 100), 100)
    one, many, cent, cents = spoken_in.speech.currencies.get(
        _DOLLARS.get(currency, currency), (currency, currency, "", "")
    )
    text = f"{spoken_in.numbers.spell(whole)} {one if whole == 1 else many}"
    if hundredths:
        small = f"{spoken_in.numbers.spell(hundredths)} {cent if hundredths == 1 else cents}".strip()
        text = f"{text} {spoken_in.speech.money_joiner} {small}"
    return f"{spoken_in.speech.minus} {text}" if value < 0 else text


def _language(context: Context) -> Language:
    return language(str(context["language"]))


@pass_context
def spoken_filter(context: Context, value: object) -> str:
    return say(value, _language(context), context["today"])


@pass_context
def digits_filter(context: Context, value: object) -> str:
    return "" if value is None else say_digits(str(value), _language(context))


@pass_context
def money_filter(context: Context, value: object, currency: str = "USD") -> str:
    if not isinstance(value, int | float):
        return ""
    return say_money(value, getattr(value, "currency", currency), _language(context))


@pass_context
def typed_filter(context: Context, value: object) -> str:
    """`date`, `time` and `list`: as `spoken`, for texts that a service gave."""
    entries = value if isinstance(value, list | tuple) else [value]
    return say([_typed(one) for one in entries], _language(context), context["today"])


FILTERS: dict[str, Callable[..., object]] = {
    "spoken": spoken_filter,
    "digits": digits_filter,
    "date": typed_filter,
    "time": typed_filter,
    "money": money_filter,
    "list": typed_filter,
}
