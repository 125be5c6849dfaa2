"""Findings about what callers hear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.flow.document import Place
from app.flow.lint.finding import Finding
from app.flow.lint.keys import KEY_TALK
from app.flow.lint.subject import Subject, text
from app.flow.model import Node
from app.flow.nodes.collect import Collect
from app.flow.nodes.menu import Menu
from app.flow.prompts import Ladder
from app.flow.question import Question

MOST_CHOICES: Final = 5
MOST_SPEECH_S: Final = 20.0
MOST_UNINTERRUPTED_S: Final = 10.0
# a calm voice; a value in a hole is spoken in about as many letters as a date has
LETTERS_PER_S: Final = 14.0
LETTERS_PER_HOLE: Final = 14
_HOLE = re.compile(r"\{\{.*?\}\}")
_TAG = re.compile(r"\{%.*?%\}")
_MARKUP = re.compile(
    r"https?://\S+|\bwww\.\S+|\*\*|__|`|^\s*[#>] |^\s*[-*] |\]\(|</?[a-zA-Z][^>]*>|[\U0001F300-\U0001FAFF]"
)


def check(subject: Subject) -> Iterator[Finding]:
    for prompt, language, line in subject.spoken():
        assert line.place
        yield from _wording(line.template.source, language, line.place)
        if speech_s(line.template.source) > MOST_UNINTERRUPTED_S and _barge_in(subject, prompt.key) == "none":
            yield Finding(
                line.place,
                "long-without-barge-in",
                f"{speech_s(line.template.source):.0f} s of speech that the caller cannot interrupt",
                "shorten it, or remove `barge_in: none`",
            )
    for name, node in subject.flow.nodes.items():
        yield from _node(subject, name, node)


def speech_s(source: str) -> float:
    """About how long a text takes to say, in seconds."""
    spoken = _TAG.sub("", _HOLE.sub("x" * LETTERS_PER_HOLE, source))
    return len(spoken) / LETTERS_PER_S


def _wording(source: str, language: str, place: Place) -> Iterator[Finding]:
    if speech_s(source) > MOST_SPEECH_S:
        yield Finding(
            place,
            "long-speech",
            f"about {speech_s(source):.0f} s of speech at once; callers keep in mind what is said in 20 s",
            "say less, or ask something in between",
        )
    found = _MARKUP.search(_TAG.sub("", _HOLE.sub("", source)))
    if found:
        yield Finding(
            place, "markup-in-speech", f'"{found[0].strip()}" cannot be spoken', "write it as it is said"
        )
    named = KEY_TALK[language].before_goal.search(source) if language in KEY_TALK else None
    if named:
        yield Finding(
            place,
            "key-before-goal",
            f'"{named[0]}" names the key first; by the time callers know that they want it, it is gone',
            "say what it is for, and then the key",
        )


def _barge_in(subject: Subject, key: str) -> str | None:
    node = subject.nodes.get(key.partition(".")[0])
    return text(node, "barge_in") or text(subject.section("defaults"), "barge_in")


def _node(subject: Subject, name: str, node: Node) -> Iterator[Finding]:
    if isinstance(node, Menu) and len(node.choices) > MOST_CHOICES:
        yield Finding(
            subject.key_place(name, "choices"),
            "too-many-choices",
            f"{len(node.choices)} choices; callers keep five in mind",
            "group them, and ask twice",
        )
    if isinstance(node, Question) and node.settings.max_attempts is not None:
        ladders = (node.settings.no_input, node.settings.no_match)
        if not all(_escalates(node, ladder) for ladder in ladders):
            yield Finding(
                subject.place(name),
                "no-escalation",
                f'at node "{name}" a caller who fails hears the same words again',
                "add `again:` with more help, or a second text to no_input and no_match",
            )


def _escalates(node: Question, ladder: Ladder) -> bool:
    helped = node.again or (isinstance(node, Collect) and node.keypad_ask)
    return bool(helped) or ladder.way_out is not None or len(ladder.rungs) > 1
