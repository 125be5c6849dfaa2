"""Matching what a caller said against the phrases of an intent.

A phrase is a template in the style of Home Assistant's hassil: `(book|make) [an] appointment`, `español|castellano`,
`habla[s]`. It is expanded once, at load, so that matching is looking up. Words are compared without case, accents
and punctuation; what people say before and after the point ("um, I'd like to …", "… please") is peeled off layer by
layer. A phrase inside a longer sentence counts by how much of the sentence's content it covers, and not at all when
the sentence negates.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from app.flow.languages import LANGUAGES, Language

_NO_WORD = re.compile(r"[\W_]+")
_WORD = re.compile(r"[\w']+")
MAX_VARIANTS = 2000
SURE_COVERAGE = 0.55
MENTION_COVERAGE = 0.25
WHOLE, NEARLY_WHOLE = 1.0, 0.99

Words = tuple[str, ...]


def words_of(text: str) -> Words:
    """Lower-case words without accents and punctuation: "Qu'est-ce?" is ("quest", "ce")."""
    plain = text.casefold().replace("'", "").replace("’", "")
    if not plain.isascii():
        letters = unicodedata.normalize("NFKD", plain)
        plain = "".join(character for character in letters if not unicodedata.combining(character))
    return tuple(_NO_WORD.sub(" ", plain).split())


def expand(template: str) -> tuple[str, ...]:
    """Every wording that a phrase template allows. Raises ValueError with what is wrong with it."""
    variants, rest = _alternatives(template, 0)
    if rest < len(template):
        raise ValueError(f'"{template[rest]}" closes nothing in "{template}"; remove it or open it')
    cleaned = {" ".join(variant.split()) for variant in variants} - {""}
    if not cleaned:
        raise ValueError(f'"{template}" matches nothing; write at least one word outside of [ ]')
    return tuple(sorted(cleaned))


def _alternatives(template: str, at: int) -> tuple[list[str], int]:
    """The variants of `a|b|c` from `at`, and where they end: at a closing bracket or the template's end."""
    variants: list[str] = []
    sequence = [""]
    while at < len(template) and template[at] not in ")]":
        character = template[at]
        if character == "|":
            variants += sequence
            sequence, at = [""], at + 1
        elif character in "([":
            inner, end = _alternatives(template, at + 1)
            if template[end : end + 1] != {"(": ")", "[": "]"}[character]:
                raise ValueError(f'"{character}" is never closed in "{template}"; close it')
            inner += [""] if character == "[" else []
            sequence, at = [left + right for left in sequence for right in inner], end + 1
        else:
            sequence, at = [variant + character for variant in sequence], at + 1
        if len(sequence) + len(variants) > MAX_VARIANTS:
            raise ValueError(f'"{template}" has over {MAX_VARIANTS} variants; split it into several phrases')
    return variants + sequence, at


@dataclass(frozen=True, slots=True, repr=False)
class PhraseSet:
    """All wordings of one intent in one language, all their beginnings, and what is left of them without the small
    words, which recognisers mishear most: "book in appointment".
    """

    wordings: frozenset[Words]
    beginnings: frozenset[Words]
    contents: frozenset[Words]
    texts: tuple[str, ...]
    vocabulary: frozenset[str] = frozenset()
    # a few wordings that stand for all of them, the plainest last
    samples: tuple[str, ...] = ()
    # how the wordings sound, in one breath
    sounds: tuple[str, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str], language: Language, samples: Iterable[str] = ()) -> PhraseSet:
        texts = tuple(texts)
        wordings = frozenset(words_of(text) for text in texts) - {()}
        beginnings = frozenset(words[:end] for words in wordings for end in range(1, len(words)))
        contents = frozenset(content for words in wordings if len(content := _content(words, language)) > 1)
        vocabulary = frozenset(word for words in wordings for word in words)
        sounds = tuple(sorted({language.sound(words) for words in wordings}))
        return cls(wordings, beginnings, contents, texts, vocabulary, tuple(samples), sounds)

    @property
    def sample(self) -> str:
        """One wording to speak of the whole by."""
        return self.samples[-1] if self.samples else ""

    def means(self, words: Words, language: Language) -> bool:
        """Whether the words are a wording, small words aside."""
        return words in self.wordings or _content(words, language) in self.contents

    def __repr__(self) -> str:
        return f"PhraseSet({len(self.wordings)} wordings)"


NO_PHRASES = PhraseSet(frozenset(), frozenset(), frozenset(), ())


@dataclass(frozen=True, slots=True)
class PhraseMatch:
    """`score` 1 is a whole utterance; less is the share of its content that the phrase covers. `span` is the
    phrase's place among the words, None where it is all that was said.
    """

    name: str
    score: float
    span: tuple[int, int] | None = None


def match(words: Words, phrases: Mapping[str, PhraseSet], language: Language) -> PhraseMatch | None:
    """The phrase set that the utterance means, None when there is none or two claim it."""
    for peeled in peelings(words, language):
        for name, known in phrases.items():
            if peeled in known.wordings:
                return PhraseMatch(name, WHOLE)
    return _contained(words, phrases, language, SURE_COVERAGE)


def mentioned(words: Words, phrases: Mapping[str, PhraseSet], language: Language) -> str | None:
    """The phrase set that a sentence about more than that mentions: too little to act on."""
    found = _contained(words, phrases, language, MENTION_COVERAGE)
    return found.name if found else None


def match_corrected(words: Words, phrases: Mapping[str, PhraseSet], language: Language) -> PhraseMatch | None:
    """As `match`; and of "small, no, large" and "not small, large" the last."""
    found = match(words, phrases, language)
    if found is not None:
        return found
    taken_back = language.corrections | language.negations
    first = next((at for at, word in enumerate(words) if word in taken_back), len(words))
    for at in range(len(words) - 1, first, -1):
        found = match(words[at:], phrases, language)
        if found is not None:
            start, end = found.span or (0, len(words) - at)
            span = (start + at, end + at)
            return replace(found, span=span) if _mentions(words[:at], phrases) else None
    return None


def _mentions(words: Words, phrases: Mapping[str, PhraseSet]) -> bool:
    spans = (words[start:end] for start in range(len(words)) for end in range(start + 1, len(words) + 1))
    return any(span in known.wordings for span in spans for known in phrases.values())


def covered(words: Words, phrases: Set[Words]) -> bool:
    """Whether the words are nothing but these phrases, one after the other."""
    reached = {0}
    for end in range(1, len(words) + 1):
        if any(words[start:end] in phrases for start in reached):
            reached.add(end)
    return len(words) in reached


def without_courtesy(text: str, language: Language) -> str:
    """The text up to "please" and "thank you", where it ends on them."""
    words = text.split()
    for length in range(len(words) - 1, 0, -1):
        if words_of(" ".join(words[-length:])) in language.courtesies:
            return " ".join(words[:-length])
    return text


def meant(text: str, code: str) -> Words:
    """The words of a text, lower case, without courtesies and hesitations; all of them where there are no others.

    Of a language that is not supported (`code` is its ISO 639-1 code) they are all meant.
    """
    words = tuple(_WORD.findall(text.lower().replace("’", "'")))
    spoken = _supported(code)
    return (_with_weight(words, spoken) if spoken else ()) or words


def is_courtesy(text: str, code: str) -> bool:
    """Whether there are words, and all of them are courtesies: "please", "thank you"."""
    spoken, words = _supported(code), words_of(text)
    return spoken is not None and words != () and covered(words, spoken.courtesies)


def _supported(code: str) -> Language | None:
    return LANGUAGES.get(code.partition("-")[0].lower())


def _with_weight(words: Words, spoken: Language) -> Words:
    plain = tuple("".join(words_of(word)) for word in words)
    kept, at = [], 0
    while at < len(words):
        length = _of_no_weight(plain[at:], spoken)
        if not length:
            kept.append(words[at])
        at += length or 1
    return tuple(kept)


def _of_no_weight(words: Words, spoken: Language) -> int:
    """How many words a courtesy or a hesitation is long that these begin with."""
    if words[0] in spoken.hesitations - spoken.hesitations_and_words:
        return 1
    lengths = range(min(len(words), spoken.longest_filler), 0, -1)
    return next((length for length in lengths if words[:length] in spoken.courtesies), 0)


def peelings(words: Words, language: Language) -> Iterator[Words]:
    """The utterance with ever more of its polite beginnings and endings taken off."""
    starts = [0]
    while length := _opening(words[starts[-1] :], language):
        starts.append(starts[-1] + length)
    ends = [len(words)]
    while ends[-1] and (length := _closing(words[: ends[-1]], language)):
        ends.append(ends[-1] - length)
    for start in starts:
        for end in ends:
            if start < end:
                yield words[start:end]


def _opening(words: Words, language: Language) -> int:
    lengths = range(min(len(words), language.longest_filler), 0, -1)
    return next((length for length in lengths if words[:length] in language.openings), 0)


def _closing(words: Words, language: Language) -> int:
    lengths = range(min(len(words), language.longest_filler), 0, -1)
    return next((length for length in lengths if words[-length:] in language.closings), 0)


def _contained(
    words: Words, phrases: Mapping[str, PhraseSet], language: Language, least: float
) -> PhraseMatch | None:
    """The phrase that covers most of the sentence's content, and no less than `least` of it."""
    core = min(peelings(words, language), key=len, default=())
    offset = next((at for at in range(len(words)) if words[at : at + len(core)] == core), 0)
    content = _content(core, language)
    best: dict[str, PhraseMatch] = {}
    for name, known in phrases.items():
        for start, end in _spans(core, known, language):
            span = core[start:end]
            # small words alone are a phrase only by themselves: "how?" is not in "how do I get there?"
            if span != core and all(word in language.function_words for word in span):
                continue
            if known.means(span, language) and not _negated(core[:start] + core[end:], language):
                score = min(NEARLY_WHOLE, len(_content(span, language)) / max(1, len(content)))
                if name not in best or score > best[name].score:
                    best[name] = PhraseMatch(name, score, (offset + start, offset + end))
    ranked = sorted(best.values(), key=lambda one: -one.score)
    if not ranked or (len(ranked) > 1 and ranked[0].score == ranked[1].score):
        return None
    return ranked[0] if ranked[0].score >= least else None


def _spans(words: Words, known: PhraseSet, language: Language) -> Iterator[tuple[int, int]]:
    """The places of all runs of words that could be a phrase of the set: no foreign word with content in it."""
    for start in range(len(words)):
        for end in range(start, len(words)):
            if words[end] not in known.vocabulary and words[end] not in language.function_words:
                break
            yield start, end + 1


def _content(words: Words, language: Language) -> Words:
    return tuple(word for word in words if word not in language.function_words) or words


def _negated(words: Words, language: Language) -> bool:
    return any(word in language.negations for word in words)


def complete(words: Words, phrases: Iterable[PhraseSet], language: Language) -> bool | None:
    """True when the utterance is a whole phrase, False when it is clearly the beginning of one."""
    known = tuple(phrases)
    peeled = tuple(peelings(words, language))
    if any(one.means(candidate, language) for candidate in peeled for one in known):
        return True
    if _begin(peeled, known):
        return False
    return False if words and _opening(words, language) == len(words) else None


def begins(words: Words, phrases: Iterable[PhraseSet], language: Language) -> bool:
    """Whether the utterance is clearly the beginning of a phrase; openings that fit before any are not enough."""
    telling = (one for one in peelings(words, language) if not covered(one, language.openings))
    return _begin(telling, tuple(phrases))


def _begin(peeled: Iterable[Words], phrases: Sequence[PhraseSet]) -> bool:
    return any(candidate in one.beginnings for candidate in peeled for one in phrases)
