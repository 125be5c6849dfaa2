"""The fuzzer itself: it finds what is there to find, and tells it so that it can be tried again."""

from __future__ import annotations

import random
import re
from ast import literal_eval
from collections import Counter
from collections.abc import Sequence

import pytest

from app.carriers.base import Counted, carrier_codecs
from app.carriers.events import AudioReceived, InboundEvent, OutboundCommand
from app.errors import RemoteProtocolError
from tests.carriers.fuzz import Unexpected, corpus_of, fuzz, mutated


class Careless:
    """Takes any message that is not one of the corpus's own for a reason to fail."""

    def __init__(self, error: Exception) -> None:
        self.counts: Counter[Counted] = Counter()
        self._error = error

    def receive(self, message: str | bytes, now: float) -> Sequence[InboundEvent]:
        if "media" not in str(message):
            raise self._error
        return (AudioReceived(b"\xff", 0),)

    def send(self, command: OutboundCommand) -> str:
        return "{}"


@pytest.mark.parametrize("dialect", sorted(carrier_codecs()))
def test_nothing_but_documented_outcomes(dialect: str) -> None:
    outcomes = fuzz(carrier_codecs()[dialect], corpus_of(dialect), 3000, seed=7)
    assert {"open", "closed 1003", "closed 1007", "closed 1008", "closed 1009"} <= set(outcomes)


@pytest.mark.parametrize(
    "error", [KeyError("x"), RemoteProtocolError("x", close_code=1000), RecursionError()]
)
def test_an_undocumented_outcome_is_told_with_its_input(error: Exception) -> None:
    with pytest.raises(Unexpected) as found:
        fuzz(lambda: Careless(error), corpus_of("twilio_stream"), 3000, seed=7)
    told, conversation = str(found.value).split("\n", 1)
    assert re.match(r"input \d+: ", told)
    assert any("media" not in str(message) for message in literal_eval(conversation))


def test_the_same_seed_makes_the_same_inputs() -> None:
    corpus = corpus_of("twilio_stream")
    first, second = random.Random(3), random.Random(3)
    assert [mutated(corpus, first) for _ in range(50)] == [mutated(corpus, second) for _ in range(50)]
