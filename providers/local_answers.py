"""A language model that is none: it finds the answer in the facts that it is given, and an outcome by its words.

Facts are cut into sentences and ranked by BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009)
over word stems, so "where can I park" finds "Parking is free behind the building". Nothing is made up: what is said
stands in the facts, word for word. Where nothing fits it ends in an outcome that says so (`unsure`, `not_found`, …), or
fails. For calls where no cloud model is configured, or none of them answers.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any, Final

import snowballstemmer

from app.errors import BadRequest
from providers.answer_words import ASK_BACK, SAME, SNOWBALL, STOP_WORDS
from providers.base import Finished, LanguageModel, ModelEvent, ModelRequest, OutcomeChosen, TextDelta
from providers.local_workers import InferenceWorkers

K1: Final = 1.2
B: Final = 0.5
# the least share of a question's weight that an answer must carry
ENOUGH: Final = 0.3
ALSO: Final = 0.9
# a sentence is about what it begins with
TOPIC_STEMS: Final = 2
TOPIC: Final = 1.5
STOP_WEIGHT: Final = 0.25
MOST_SENTENCES: Final = 2
CHOICE_ENOUGH: Final = 0.5
# facts and lists of outcomes whose stems are kept
KEPT: Final = 64

NOT_KNOWN: Final = ("unsure", "unknown", "not_found", "no_answer", "dont_know", "other", "none")
ANSWERED: Final = ("answered", "done", "told", "helped", "resolved", "ok")


class EmbeddedAnswers(LanguageModel):
    """Replies at once, on this machine; takes no tools.

    Its work is done beside the event loop, which long facts would hold up for some milliseconds, and one reply after
    the other: Snowball's stemmers keep a state. `workers`, of one thread, become its own.
    """

    def __init__(self, workers: InferenceWorkers | None = None) -> None:
        self._workers = workers or InferenceWorkers(1)

    @property
    def name(self) -> str:
        return "embedded"

    @property
    def healthy(self) -> bool:
        return self._workers.healthy

    async def reply(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        for event in await self._workers.run(partial(answer, request)):
            yield event

    async def warm_up(self) -> None:
        """Nothing to warm."""

    async def aclose(self) -> None:
        await self._workers.aclose()


def answer(request: ModelRequest) -> Sequence[ModelEvent]:
    """The whole reply. Raises BadRequest where neither the facts nor an outcome fit, or another has begun."""
    if request.begun:
        raise BadRequest("embedded: a sentence that another has begun cannot be gone on with")
    asked = next((one.text for one in reversed(request.messages) if one.role == "caller"), "")
    if not asked and request.facts:
        return [TextDelta(ASK_BACK.get(request.language, ASK_BACK["en"])), Finished()]
    told = find_facts(asked, request.facts, request.language)
    meant = choose(asked, request.outcomes, request.language)
    if told and not (meant and meant.score >= told.score):
        outcome = _named(request.outcomes, ANSWERED)
        return [TextDelta(told.text), *([OutcomeChosen(outcome)] if outcome else []), Finished()]
    if meant:
        return [OutcomeChosen(meant.text), Finished()]
    unknown = _named(request.outcomes, NOT_KNOWN)
    if unknown is None:
        raise BadRequest("embedded: neither the facts nor an outcome fit what was asked")
    return [OutcomeChosen(unknown), Finished()]


def _named(outcomes: Iterable[str], names: Sequence[str]) -> str | None:
    """The outcome that goes by one of these names."""
    return next((one for name in names for one in outcomes if one == name), None)


@dataclass(frozen=True, slots=True)
class Fit:
    """A text that fits, and how much of what was asked it covers, 0..1."""

    text: str
    score: float


def choose(asked: str, outcomes: Mapping[str, str], language: str) -> Fit | None:
    """The outcome whose name and meaning cover most of what was asked; None where none or several do."""
    kept = {name: meaning for name, meaning in outcomes.items() if name not in (*NOT_KNOWN, *ANSWERED)}
    texts = [f"{name.replace('_', ' ')} {meaning}" for name, meaning in kept.items()]
    ranked = sorted(zip(_covered(asked, texts, language), kept, strict=True), reverse=True)
    if not ranked or ranked[0][0] < CHOICE_ENOUGH or (len(ranked) > 1 and ranked[1][0] == ranked[0][0]):
        return None
    return Fit(ranked[0][1], ranked[0][0])


def find_facts(asked: str, facts: str, language: str) -> Fit | None:
    """The sentence of the facts that answers, with a second one that does nearly as well."""
    sentences = _sentences(facts)  # a tuple: what is worked out about it is kept
    covered = _covered(asked, sentences, language)
    ranked = sorted(range(len(sentences)), key=lambda at: (-covered[at], at))
    if not ranked or covered[ranked[0]] < ENOUGH:
        return None
    best = covered[ranked[0]]
    chosen = sorted(at for at in ranked[:MOST_SENTENCES] if covered[at] >= max(ENOUGH, ALSO * best))
    return Fit(" ".join(sentences[at] for at in chosen), best)


@lru_cache(KEPT)
def _sentences(facts: str) -> tuple[str, ...]:
    """The facts' lines, without marks of lists and headings; headings that are no sentences are left out."""
    lines = [line.strip() for line in facts.splitlines()]
    plain = [re.sub(r"^[-*+•]\s+|[*_`]", "", line) for line in lines if line and not line.startswith("#")]
    return tuple(one if one[-1] in ".!?" else f"{one}." for one in plain if one)


@lru_cache(KEPT)
def _bags(texts: tuple[str, ...], language: str) -> tuple[Sequence[Counter[str]], Sequence[frozenset[str]]]:
    """For each text its stems, and those that it begins with."""
    stemmed = [_stems(text, language) for text in texts]
    return [Counter(stems) for stems in stemmed], [frozenset(stems[:TOPIC_STEMS]) for stems in stemmed]


def _covered(asked: str, texts: Sequence[str], language: str) -> list[float]:
    """For each text the share of the question's weight that it carries, by BM25 without regard to its own ceiling."""
    terms = list(dict.fromkeys(_stems(asked, language)))
    bags, topics = _bags(tuple(texts), language)
    if not terms or not bags:
        return [0.0] * len(texts)
    synonyms = _synonyms(language)
    mean = sum(bag.total() for bag in bags) / len(bags) or 1.0
    weights = {term: _rarity(term, bags, synonyms) * _content(term, language) for term in terms}
    whole = sum(weights.values())
    return [
        sum(
            weights[one] * _presence(one, bag, mean, synonyms) * _topical(one, topic, synonyms)
            for one in terms
        )
        / whole
        for bag, topic in zip(bags, topics, strict=True)
    ]


def _rarity(term: str, bags: Sequence[Counter[str]], synonyms: Mapping[str, frozenset[str]]) -> float:
    """How much a term tells; one that is nowhere to be found tells no more than one that is found once."""
    count = sum(any(one in bag for one in (term, *synonyms.get(term, ()))) for bag in bags)
    return math.log(1 + (len(bags) + 1) / (max(1, count) + 0.5))


def _content(term: str, language: str) -> float:
    """ "Where" says something, and less than what is asked for."""
    return STOP_WEIGHT if term in _stop_stems(language) else 1.0


def _topical(term: str, topic: frozenset[str], synonyms: Mapping[str, frozenset[str]]) -> float:
    return TOPIC if topic & {term, *synonyms.get(term, ())} else 1.0


def _presence(term: str, bag: Counter[str], mean: float, synonyms: Mapping[str, frozenset[str]]) -> float:
    """0 for a term that is missing, about 1 for one that is there in a text of mean length."""
    count = bag[term] + 0.8 * max((bag[one] for one in synonyms.get(term, ())), default=0)
    return min(1.0, count * (K1 + 1) / (count + K1 * (1 - B + B * bag.total() / mean)))


@cache
def _synonyms(language: str) -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for group in SAME.get(language, ()):
        stems = frozenset(_stem(word, language) for word in group.split())
        found |= {stem: found.get(stem, frozenset()) | (stems - {stem}) for stem in stems}
    return found


def _stems(text: str, language: str) -> list[str]:
    """The stems of the words that mean something, or that have others which mean the same."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("'", " ").replace("’", " "))
    words = re.findall(r"\w+", "".join(one for one in plain if not unicodedata.combining(one)))
    known = _synonyms(language)
    stems = [(word, _stem(word, language)) for word in words]
    return [stem for word, stem in stems if stem in known or word not in _stop_words(language)]


@cache
def _stop_words(language: str) -> frozenset[str]:
    return frozenset(STOP_WORDS.get(language, "").split())


@cache
def _stop_stems(language: str) -> frozenset[str]:
    return frozenset(_stem(word, language) for word in _stop_words(language))


def _stem(word: str, language: str) -> str:
    return str(_stemmer(language).stemWord(word)) if language in SNOWBALL else word


@cache
def _stemmer(language: str) -> Any:
    """Snowball (Porter, https://snowballstem.org)."""
    return snowballstemmer.stemmer(SNOWBALL[language])
