"""A fuzzer for carrier dialects: golden conversations, mutated, must end in events or a documented close.

One input is one conversation of a few messages. The same seed makes the same inputs. The first input with any other
outcome is printed as `repr`, ready for a test, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import get_args

from app.carriers.base import CarrierCodec, carrier_codecs
from app.carriers.events import AudioReceived, InboundEvent, SendMark
from app.carriers.sequencer import CONCEALED_BYTES
from app.errors import LocalProtocolError, RemoteProtocolError
from tests.carriers import golden

Message = str | bytes
Conversation = list[Message]
NewCodec = Callable[[], CarrierCodec]
Mutation = Callable[[str, random.Random], Message]

CLOSE_CODES = frozenset({1003, 1007, 1008, 1009})
EVENTS = get_args(InboundEvent)
PUNCTUATION = (
    "",
    " ",
    ",",
    ":",
    '"',
    "\\",
    "{",
    "}",
    "[",
    "]",
    "=",
    "!",
    "\x00",
    "é",
    "\U0001f600",
    "\ud800",
)
VALUES = (
    "null",
    "true",
    "NaN",
    "-1",
    "1e999",
    "2.5",
    "0",
    "18446744073709551616",
    "\\ud800",
    "\\u0000",
    "../",
    "MZ2",
)
FIELDS = (
    '"event":"stop"',
    '{"event":"media"',
    '"media":null',
    '"start":{}',
    '"payload":"',
    '"chunk":"4294967295"',
)
HUGE = ("9" * 5000, "[" * 20_000, '{"a":' * 10_000, "/" * 70_000)
TOKENS = PUNCTUATION + VALUES + FIELDS + HUGE


class Unexpected(Exception):
    """An input with an outcome that is not documented."""


def _cut(text: str, rng: random.Random) -> Message:
    first, second = sorted(rng.choices(range(len(text) + 1), k=2))
    return text[:first] + text[second:]


def _insert(text: str, rng: random.Random) -> Message:
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice(TOKENS) + text[place:]


def _replace(text: str, rng: random.Random) -> Message:
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice(TOKENS) + text[place + rng.randrange(1, 12) :]


def _flip(text: str, rng: random.Random) -> Message:
    place = rng.randrange(len(text) + 1)
    return text[:place] + chr(rng.choice((rng.randrange(128), rng.randrange(0x3000)))) + text[place + 1 :]


def _renumber(text: str, rng: random.Random) -> Message:
    digits = [place for place, letter in enumerate(text) if letter.isdigit()] or [0]
    place = rng.choice(digits)
    return text[:place] + str(rng.choice((rng.randrange(100), 2**32 - 1, 10**18))) + text[place + 1 :]


def _double(text: str, rng: random.Random) -> Message:
    return text + rng.choice(("", ",", "\n")) + text


def _as_binary(text: str, rng: random.Random) -> Message:
    return text.encode("utf-8", "replace")


MUTATIONS: Sequence[Mutation] = (*(_cut, _insert, _replace, _flip, _renumber) * 4, _double, _as_binary)


def mutated(corpus: Sequence[Conversation], rng: random.Random) -> Conversation:
    """A conversation like those of the corpus, with one to four faults in it."""
    conversation = list(rng.choice(corpus))
    if rng.random() < 0.3:
        conversation += rng.choice(corpus)
    for _ in range(rng.randrange(1, 5)):
        place = rng.randrange(len(conversation))
        text = conversation[place]
        if isinstance(text, str) and rng.random() < 0.8:
            conversation[place] = rng.choice(MUTATIONS)(text, rng)
        else:
            conversation.insert(rng.randrange(len(conversation)), text)
    return conversation


def outcome(codec: CarrierCodec, conversation: Conversation) -> str:
    """`open` or `closed CODE`. Raises Unexpected, or whatever the codec raises, for anything else."""
    for position, message in enumerate(conversation):
        try:
            events = codec.receive(message, position * 0.02)
        except RemoteProtocolError as error:
            if error.close_code not in CLOSE_CODES:
                raise Unexpected(f"close code {error.close_code}") from error
            return f"closed {error.close_code}"
        _check(events)
    _check_mark(codec)
    return "open"


def _check(events: Sequence[InboundEvent]) -> None:
    if not all(isinstance(event, EVENTS) for event in events):
        raise Unexpected(f"no events: {events!r}")
    audio = [event for event in events if isinstance(event, AudioReceived)]
    if sum(len(frame.payload) for frame in audio if frame.concealed) > CONCEALED_BYTES:
        raise Unexpected("more than a second was made up")
    if not all(frame.payload for frame in audio):
        raise Unexpected("a frame without audio")


def _check_mark(codec: CarrierCodec) -> None:
    try:
        json.loads(codec.send(SendMark('"\\\n')))
    except LocalProtocolError:
        return


def fuzz(new_codec: NewCodec, corpus: Sequence[Conversation], inputs: int, seed: int) -> Counter[str]:
    """How often each outcome came. Raises Unexpected with the input's `repr`."""
    rng, outcomes = random.Random(seed), Counter[str]()
    for number in range(inputs):
        codec, conversation = new_codec(), mutated(corpus, rng)
        try:
            outcomes[outcome(codec, conversation)] += 1
        except Exception as error:
            raise Unexpected(f"input {number}: {error!r}\n{conversation!r}") from error
        outcomes.update({f"  {what}": times for what, times in codec.counts.items()})
    return outcomes


def corpus_of(dialect: str) -> list[Conversation]:
    """The golden conversations as text."""
    return [list(golden.texts(case)) for case in golden.cases(dialect)]


def main(arguments: Sequence[str]) -> int:
    """0 when every outcome was a documented one, else 1."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description="Fuzz every carrier dialect.")
    parser.add_argument("--inputs", type=int, default=100_000, help="conversations per dialect (100,000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same inputs (1)")
    options = parser.parse_args(arguments)
    for dialect, new_codec in carrier_codecs().items():
        started = time.perf_counter()
        try:
            outcomes = fuzz(new_codec, corpus_of(dialect), options.inputs, options.seed)
        except Unexpected as error:
            print(f"{dialect}, seed {options.seed}: {error}")
            return 1
        rate = options.inputs / (time.perf_counter() - started)
        print(f"{dialect}: {options.inputs} inputs, {rate:.0f} a second")
        for what, times in sorted(outcomes.items(), key=lambda item: (item[0].startswith(" "), item)):
            print(f"  {what:24} {times}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
