"""Findings about keys."""

from __future__ import annotations

from collections.abc import Iterator

from app.flow.document import Place
from app.flow.graph import route_edges
from app.flow.keypad import FINISH, KEY_NAMES
from app.flow.lint.finding import Finding
from app.flow.lint.keys import KEY_TALK
from app.flow.lint.subject import Subject, fields, items, place_of, text
from app.flow.model import Node
from app.flow.nodes.collect import Collect
from app.flow.nodes.confirm import Confirm
from app.flow.nodes.menu import Menu
from app.flow.nodes.record import Record
from app.flow.question import Question
from app.flow.slots.number import Number
from app.flow.yes_no import YES_NO_KEYS


def check(subject: Subject) -> Iterator[Finding]:
    yield from _duplicate_globals(subject)
    for name, node in subject.flow.nodes.items():
        if isinstance(node, Menu | Confirm):
            yield from _clashes(subject, name, node)
        if isinstance(node, Collect):
            yield from _endless_digits(subject, name, node)
    yield from _not_offered(subject)


def _global_keys(subject: Subject) -> dict[str, str]:
    return {one.key: name for name, one in subject.flow.globals.items() if one.key}


def _duplicate_globals(subject: Subject) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for name, one in subject.flow.globals.items():
        if one.key in first:
            yield Finding(
                place_of(fields(subject.section("globals"), name), "press"),
                "duplicate-key",
                f'key {one.key} is taken by the global "{first[one.key]}"',
                "use another",
            )
        elif one.key:
            first[one.key] = name


def _clashes(subject: Subject, name: str, node: Menu | Confirm) -> Iterator[Finding]:
    own = _own_keys(subject, name, node)
    others = {} if node.modal else _global_keys(subject)
    for key, place in own.items():
        if key in others:
            yield Finding(
                place,
                "key-clash-global",
                f'key {key} belongs to the global "{others[key]}"',
                "use another, or make the node modal",
            )
        for longer in (*own, *others):
            if longer != key and longer.startswith(key):
                yield Finding(
                    place,
                    "key-prefix",
                    f"key {key} is the beginning of {longer}, so that it has to wait for more keys",
                    "use keys of the same length",
                )


def _own_keys(subject: Subject, name: str, node: Menu | Confirm) -> dict[str, Place]:
    if isinstance(node, Confirm):
        return dict.fromkeys(YES_NO_KEYS, subject.place(name))
    choices = items(subject.nodes[name], "choices")
    pressed = [tree for tree in choices if text(tree, "press")]
    return {_keys(text(tree, "press") or ""): place_of(tree, "press") for tree in pressed}


def _keys(written: str) -> str:
    """`star` and `pound` as the keys themselves."""
    return KEY_NAMES.get(written, written)


def _endless_digits(subject: Subject, name: str, node: Collect) -> Iterator[Finding]:
    keypad = fields(subject.nodes[name], "keypad").values
    open_ended = node.keys is not None and node.keys.length is None
    told = "length" in keypad or "finish" in keypad
    of_any_length = node.slot.type.kind in ("digits", "number") or bool(keypad)
    if open_ended and of_any_length and not told:
        yield Finding(
            subject.key_place(name, "keypad"),
            "digits-without-end",
            f'at node "{name}" any number of keys is waited for, and the caller does not know what ends them',
            f"add {_ways_to_end(node)}",
        )


def _ways_to_end(node: Collect) -> str:
    """How many keys a number takes is known where it has a greatest value."""
    kind, named = node.slot.type, "and name that key in a prompt"
    if not isinstance(kind, Number) or kind.most is None:
        return f"`keypad: {{length: 8}}`, or `keypad: {{max: 4, finish: pound}}` {named}"
    keys = len(str(abs(int(kind.most))))
    return "`keypad: {length: 1}`" if keys == 1 else f"`keypad: {{max: {keys}, finish: pound}}` {named}"


# keys that are spoken of


def _not_offered(subject: Subject) -> Iterator[Finding]:
    if not subject.flow.startable:
        return  # what the calling flow hears everywhere is heard here, too
    everywhere = set(_global_keys(subject))
    for prompt, language, line in subject.spoken():
        node = subject.flow.nodes.get(prompt.key.partition(".")[0])
        offered = _offered(subject, node) if node else everywhere
        talk = KEY_TALK.get(language)
        for key in dict.fromkeys(talk.named(line.template.source)) if talk else ():
            if key not in offered and line.place:
                yield Finding(
                    line.place,
                    "key-not-offered",
                    f"the caller is told to press {key}, which does nothing here",
                    f"offer it, or name one of: {', '.join(sorted(offered)) or 'none'}",
                )


def _offered(subject: Subject, node: Node) -> set[str]:
    """The keys of a question, or of the questions that follow what is only said."""
    if isinstance(node, Question):
        return _taken(subject, node)
    if isinstance(node, Record):
        return {node.finish}
    found: set[str] = set()
    known, waiting = {node.name}, [node]
    while waiting:
        for edge in route_edges(waiting.pop()):
            following = subject.flow.nodes.get(edge.target)
            if isinstance(following, Question):
                found |= _taken(subject, following)
            elif following is not None and edge.target not in known:
                known.add(edge.target)
                waiting.append(following)
    return found


def _taken(subject: Subject, node: Question) -> set[str]:
    found = set() if node.modal else set(_global_keys(subject))
    if isinstance(node, Menu | Confirm):
        found |= set(_own_keys(subject, node.name, node))
    if isinstance(node, Collect) and node.keys is not None:
        found |= {*node.keys.finish, FINISH}
    return found
