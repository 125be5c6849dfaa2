"""The flows that the ablation calls, and what callers say there."""

from __future__ import annotations

from random import Random

ROUNDS = 3
QUESTIONS = 5
# what a caller asks about: of all pairs the first are asked most often (Zipf's law)
THINGS = (
    "parking",
    "breakfast",
    "wheelchairs",
    "towels",
    "lockers",
    "saunas",
    "lifts",
    "refunds",
    "tickets",
    "music",
)
PEOPLE = (
    "families",
    "schools",
    "visitors",
    "members",
    "students",
    "seniors",
    "clubs",
    "swimmers",
    "children",
    "guests",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")

TALK = f"""\
flow: ablation
format: 1
languages: [en]
start: top
intents:
  ask: {{phrases: ["I have a question about ({"|".join(THINGS)}) for ({"|".join(PEOPLE)})"]}}
nodes:
  top: {{menu: How can I help?, choices: [{{intent: ask, goto: talk}}]}}
  talk: {{llm: Answer., outcomes: {{answered: top}}, failed: bye}}
  bye: {{hangup: Goodbye.}}
"""
TALK_REUSED = TALK.replace("llm: Answer.,", "llm: Answer., reuse: true,")

BOOKING = f"""\
flow: ablation
format: 1
languages: [en]
start: day
slots: {{day: {{type: choice, options: [{", ".join(DAYS)}]}}}}
intents: {{another: {{phrases: [another one]}}}}
nodes:
  day: {{collect: day, ask: Which day suits you?, next: sure}}
  sure: {{confirm: "{{{{ day }}}} then. Is that right?", yes: more, no: day}}
  more: {{menu: That is noted. Would you like another one?, choices: [{{intent: another, goto: anew}}]}}
  anew: {{set: {{day: null}}, next: day}}
"""

LOOK_UP = f"""\
flow: ablation
format: 1
languages: [en]
start: day
slots: {{day: {{type: choice, options: [{", ".join(DAYS)}]}}}}
nodes:
  day: {{collect: day, ask: Which day suits you?, next: two}}
  two: {{confirm: Is it a table for two?, yes: look, no: bye}}
  look: {{http: "GET https://api.example/free?day={{{{ day }}}}", timeout: 5s, prefetch: true, ok: found, failed: bye}}
  found: {{say: There is a table at seven., next: anew}}
  anew: {{set: {{day: null}}, next: day}}
  bye: {{hangup: Goodbye.}}
"""
LOOK_UP_LATE = LOOK_UP.replace("prefetch: true", "prefetch: false")

Words = tuple[str, ...]


def talked(draw: Random) -> list[Words]:
    """Questions, half of them with a courtesy behind that changes nothing."""
    pairs = [(thing, people) for thing in THINGS for people in PEOPLE]
    asked = draw.choices(pairs, [1 / rank for rank in range(1, len(pairs) + 1)], k=QUESTIONS)
    polite = [("please",) if draw.random() < 0.5 else () for _ in asked]
    return [
        ("I", "have", "a", "question", "about", thing, "for", people, *more)
        for (thing, people), more in zip(asked, polite, strict=True)
    ]


def booked(draw: Random) -> list[Words]:
    """Days, each confirmed."""
    return [words for _ in range(ROUNDS) for words in ((draw.choice(DAYS),), ("yes",), ("another", "one"))]


def looked_up(draw: Random) -> list[Words]:
    """Days, each other than the one before, and a yes."""
    return [words for day in draw.sample(DAYS, ROUNDS) for words in ((day,), ("yes",))]
