"""What money is called in each language, as regular expressions over plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class MoneyWords:
    """`units` by ISO 4217 code and `hundredths` are names; `one` is an article that means one before a name.

    `notes` are names of whole amounts, as (name, amount and unit). `joiner` stands before the hundredths.
    """

    units: Mapping[str, str]
    hundredths: str
    joiner: str
    one: str = ""
    notes: tuple[tuple[str, str], ...] = ()


SYMBOLS: Final = {"$": "USD", "€": "EUR", "£": "GBP"}
# currencies that are called the same, so that the name means the one that is expected
NAMESAKES: Final = ({"USD", "CAD", "AUD"}, {"EUR"}, {"GBP"}, {"CHF"})

MONEY_WORDS: Final[Mapping[str, MoneyWords]] = {
    "en": MoneyWords(
        {
            "USD": "(?:us )?dollars?|bucks?|usd",
            "EUR": "euros?|eur",
            "GBP": "pounds?(?: sterling)?|quid|gbp",
            "CHF": "(?:swiss )?francs?|chf",
        },
        "cents?|pence|penny|pennies|p",
        "and",
        "an?",
        (("a fiver", "5 pounds"), ("a tenner", "10 pounds"), (r"(\d+) (?:grand|k)", r"\g<1>000")),
    ),
    "es": MoneyWords(
        {
            "USD": "dolar(?:es)?|usd",
            "EUR": "euros?|eur",
            "GBP": "libras?(?: esterlinas?)?|gbp",
            "CHF": "francos?(?: suizos?)?|chf",
        },
        "centimos?|centavos?",
        "con|y",
    ),
    "fr": MoneyWords(
        {
            "USD": "dollars?|usd",
            "EUR": "euros?|eur|balles",
            "GBP": "livres?(?: sterling)?|gbp",
            "CHF": "francs?(?: suisses?)?|chf",
        },
        "centimes?|cents?",
        "et",
    ),
    "de": MoneyWords(
        {
            "USD": "dollar|usd",
            "EUR": "euros?|eur",
            "GBP": "pfund|gbp",
            "CHF": "(?:schweizer )?franken|chf",
        },
        "cents?|rappen",
        "und",
    ),
    "it": MoneyWords(
        {
            "USD": "dollar[oi]|usd",
            "EUR": "euro|eur",
            "GBP": "sterlin[ae]|gbp",
            "CHF": "franch?[oi](?: svizzer[oi])?|chf",
        },
        "centesim[oi]|cent",
        "e",
    ),
}
