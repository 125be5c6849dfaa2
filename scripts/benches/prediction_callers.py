"""Callers who vary, as text: what they say, press, or keep to themselves at each question of the shipped flows.

Most want something and get it; some mishear, mumble, fall silent, change their minds or ask for a person.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.flow import Flow, State
from app.flow.values import Json

MUMBLED: Final = ("uh the thing with the", "hmm what was it", "colourless green ideas")
DAYS: Final = (
    "tomorrow",
    "next Tuesday",
    "on Wednesday",
    "Thursday",
    "next Friday",
    "the twentieth",
    "in two weeks",
)
BIRTHDAYS: Final = ("02141985", "07011990", "11231972")
NAMES: Final = ("Ana Gray", "Robert Stone", "Grace Miller", "John Carter")
WISHES: Final = ("no", "no, nothing", "a high chair please", "one of us has a nut allergy", "a window table")


@dataclass(frozen=True, slots=True)
class Act:
    """Words, or `keys`; neither is silence."""

    words: str = ""
    keys: str = ""


Answer = Callable[[random.Random, State], Act]


def _words(*choices: str) -> Answer:
    return lambda draw, state: Act(draw.choice(choices))


def _spoken_or_keyed(choices: Sequence[str], keys: Callable[[random.Random], str], keyed: float) -> Answer:
    return lambda draw, state: Act(keys=keys(draw)) if draw.random() < keyed else Act(draw.choice(choices))


def _yes(share: float, *instead: str) -> Answer:
    def answer(draw: random.Random, state: State) -> Act:
        if draw.random() < share:
            return Act(draw.choice(("yes", "yes please", "yeah", "that's right")))
        return Act(draw.choice(instead or ("no", "no thanks")))

    return answer


def _offered(draw: random.Random, state: State) -> Act:
    """One of the times that were offered, by voice or keys."""
    times = state.slots.get("times")
    chosen = str(draw.choice(times)) if isinstance(times, list) and times else "09:30"
    hour, _, minute = chosen.partition(":")
    return Act(keys=hour + minute) if draw.random() < 0.3 else Act(f"at {int(hour)}:{minute}")


def _parcel(draw: random.Random, state: State) -> Act:
    number = draw.choice(("20304050", "30405060", "00000000", f"{draw.randrange(10**8):08d}"))
    return Act(keys=number) if draw.random() < 0.5 else Act(" ".join(number))


def _phone(draw: random.Random, state: State) -> Act:
    return Act(f"415 555 01{draw.randrange(100):02d}") if draw.random() < 0.5 else Act("this number")


def _card(draw: random.Random, state: State) -> Act:
    return Act(keys=draw.choice(("4321", "8765", "1111")))


ANSWERS: Final[Mapping[str, Mapping[str, Answer]]] = {
    "greeting": {
        "menu": _words("opening hours", "what are your hours", "where are you", "the address please"),
        "more": _words("the address", "opening hours", "no", "goodbye", "that's all", "bye"),
    },
    "parcel": {
        "ask_number": _parcel,
        "missed": _yes(0.7),
        "ask_new_day": _words("tomorrow", "on Thursday", "next Friday", "Monday"),
        "check": _yes(0.85),
        "try_again": _yes(0.7),
        "more": _yes(0.2),
    },
    "clinic": {
        "main_menu": lambda draw, state: Act(
            *draw.choices(
                (
                    "book an appointment",
                    "I need an appointment",
                    "cancel my appointment",
                    "a question about my visit",
                ),
                (5, 3, 2, 1),
            )
        ),
        "ask_day": _words(*DAYS),
        "ask_time": _offered,
        "ask_dob": _spoken_or_keyed(
            ("february fourteenth nineteen eighty five", "the first of july 1990"),
            lambda d: d.choice(BIRTHDAYS),
            0.4,
        ),
        "check": _yes(0.85, "no", "no, Thursday", "no, at eleven"),
        "rebook": _yes(0.4),
        "ask_callback": _phone,
        "not_known": _yes(0.3),
        "more": _yes(0.15),
        "answer": _words("is there parking", "that's all, thank you"),
        "cancel_booking.sure": _yes(0.9),
    },
    "restaurant": {
        "main_menu": lambda draw, state: Act(
            *draw.choices(
                ("book a table", "a table for tonight", "your opening hours", "change my booking"),
                (6, 3, 2, 1),
            )
        ),
        "ask_party": _words("two", "four of us", "three people", "six", "two people please", "ten"),
        "ask_day": _words("tonight", "tomorrow", "on Friday", "Saturday", "next Wednesday"),
        "ask_time": _offered,
        "ask_wishes": _words(*WISHES),
        "ask_name": _words(*NAMES),
        "ask_phone": _phone,
        "check": _yes(0.85, "no", "no, five people", "no, on Sunday"),
        "what_else": _words("once more", "leave it"),
        "more": _yes(0.15),
    },
    "card_activation": {
        "ask_ready": _yes(0.85),
        "no_card": _yes(0.4),
        "ask_last_four": _card,
        "ask_born": lambda draw, state: Act(keys=draw.choice(("02141985", "07011990"))),
        "sure": _yes(0.9),
    },
}
AFTER_ALL: Final = ("no", "no thanks")


@dataclass(frozen=True, slots=True)
class Manner:
    """How often a caller does something else than answering."""

    silent: float = 0.03
    mumbles: float = 0.03
    repeats: float = 0.02
    wants_a_person: float = 0.01

    def act(self, draw: random.Random, flow: Flow, state: State) -> Act:
        """What the caller does at the question that the call waits in."""
        chance = draw.random()
        if state.phase in ("confirming", "approving"):
            return Act("yes") if chance < 0.85 else Act("no")
        for share, act in (
            (self.silent, Act()),
            (self.mumbles, Act(draw.choice(MUMBLED))),
            (self.repeats, Act("can you repeat that")),
            (self.wants_a_person, Act("I want to speak to a person")),
        ):
            if chance < share:
                return act
            chance -= share
        answer = ANSWERS[flow.name].get(state.node)
        return answer(draw, state) if answer else Act(draw.choice(AFTER_ALL))


def served(flow: Flow, node: str, draw: random.Random) -> Json:
    """What the flows' services answer, by node."""
    morning = draw.choice((["09:30", "11:00", "14:00"], ["11:00", "14:00"], ["09:30", "14:00"]))
    evening = draw.choice((["18:00", "19:30", "21:00"], ["19:30", "21:00"]))
    appointments: Sequence[Json] = ({}, {"id": "b1", "day": "2026-11-24", "time": "09:30"})
    cards: Sequence[Json] = ({"card": "c1", "state": "new"}, {"card": "c1", "state": "active"}, {})
    answers: Mapping[str, Json] = {
        "look_up": {"name": draw.choice(("Ana", "Robert", None))},
        "find_times": {"times": list(evening if flow.name == "restaurant" else morning)},
        "find": draw.choice(appointments),
        "check": draw.choice(cards),
    }
    return answers.get(node.rpartition(".")[2], {})
