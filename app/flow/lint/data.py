"""Findings about values: what is never used, what may be empty, and what may leak."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from app.flow.filled import filled_on_entry
from app.flow.lint.finding import Finding
from app.flow.lint.subject import Subject, Written, scalars, text
from app.flow.question import Question
from app.flow.templates import Template, compile_template

_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_OPEN = re.compile(r"is_open\(\s*[\"']([^\"']*)")
# what stands under these keys of a node is an expression or a slot's name
_READ = ("if", "values")
_READ_INSIDE = ("with", "set", "change")


def check(subject: Subject) -> Iterator[Finding]:
    yield from _unused(subject)
    if subject.complete:
        yield from _unfilled(subject)
    yield from _leaks(subject)


# unused


def _unused(subject: Subject) -> Iterator[Finding]:
    places = ((subject.section("nodes"), subject.section("globals")), subject.overlays.values())
    written = [one for trees in places for tree in trees for one in scalars(tree)]
    read = {name for one in written for name in _read(one)}
    collected = {text(node, "collect") for node in subject.nodes.values()}
    for name in subject.flow.slots:
        if name not in read | collected:
            yield _unused_finding(subject, "slots", name, f'nothing uses the slot "{name}"')
    wanted = {one.text for one in written if one.keys[-1:] == ("intent",)} | set(subject.flow.globals)
    for name in subject.flow.intents:
        if name not in wanted:
            yield _unused_finding(subject, "intents", name, f'no choice and no global is the intent "{name}"')
    asked = {hours for one in written for hours in _OPEN.findall(one.text)}
    for name in list(subject.flow.hours)[1:]:
        if name not in asked:
            yield _unused_finding(subject, "hours", name, f'nothing asks whether "{name}" is open')


def _unused_finding(subject: Subject, section: str, name: str, message: str) -> Finding:
    section = "inputs" if name in subject.flow.inputs else section
    return Finding(subject.section(section).keys[name], "unused", message, "use it, or remove it")


def _read(one: Written) -> Iterator[str]:
    """The slots whose values a text, an expression or a key such as `values` looks at."""
    template = _template(one.text)
    if template is not None:
        yield from (name.partition(".")[0] for name in template.names)
    elif one.keys[-1] in _READ or any(key in one.keys for key in _READ_INSIDE):
        yield from _IDENTIFIER.findall(_QUOTED.sub("", one.text))


def _template(source: str) -> Template | None:
    """None where it has no holes, or cannot be read, which is a fault already."""
    if "{{" not in source and "{%" not in source:
        return None
    try:
        return compile_template(source)
    except ValueError:
        return None


# unfilled


def _unfilled(subject: Subject) -> Iterator[Finding]:
    filled = filled_on_entry(subject.flow, subject.edges, frozenset(subject.flow.inputs))
    for name in subject.nodes:
        if name in filled:
            yield from _gaps(subject, subject.written(name), filled[name], f'at node "{name}"')
    asked = [filled[name] for name, node in subject.flow.nodes.items() if _waits(node) and name in filled]
    everywhere = frozenset.intersection(*asked) if asked else frozenset()
    for section in ("globals", "defaults"):
        known = tuple(scalars(subject.section(section)))
        yield from _gaps(subject, known, everywhere, "at some questions")
    yield from _never_filled(subject)


def _waits(node: object) -> bool:
    return isinstance(node, Question) and not node.modal


def _gaps(
    subject: Subject, written: Iterable[Written], filled: frozenset[str], where: str
) -> Iterator[Finding]:
    for one in written:
        template = _template(one.text)
        needed = sorted(template.needed) if template else ()
        for name in {name.partition(".")[0]: None for name in needed}:
            if name in subject.flow.slots and name not in filled:
                yield Finding(
                    one.place,
                    "unfilled",
                    f'the slot "{name}" may be empty {where}',
                    f"fill it on every way there, or write {{% if {name} %}}…{{% endif %}}",
                )


def _never_filled(subject: Subject) -> Iterator[Finding]:
    """Slots that conditions look at and nothing ever fills."""
    flow = subject.flow
    filled = {name for node in flow.nodes.values() for name in node.derived} | set(subject.flow.inputs)
    filled |= {one.slot for known in flow.globals.values() for one in known.assign}
    conditions = [one for name in subject.nodes for one in subject.written(name) if one.keys[-1:] == ("if",)]
    for one in conditions:
        for name in dict.fromkeys(_read(one)):
            if name in flow.slots and name not in filled:
                yield Finding(
                    one.place, "unfilled", f'nothing fills the slot "{name}"', "collect, save or set it"
                )


# leaks


def _leaks(subject: Subject) -> Iterator[Finding]:
    for name in subject.nodes:
        for one in subject.written(name):
            for slot in dict.fromkeys(_read(one)):
                if slot in subject.flow.slots and subject.flow.slots[slot].sensitive:
                    yield from _leak(subject, one, slot)


def _leak(subject: Subject, one: Written, slot: str) -> Iterator[Finding]:
    if one.keys[-1:] == ("http",):
        yield Finding(
            one.place,
            "sensitive-in-url",
            f'the sensitive slot "{slot}" stands in an address',
            "send it in the body",
        )
    elif one.keys[0] == "set" and not subject.flow.slots[one.keys[1]].sensitive:
        yield Finding(
            one.place,
            "sensitive-in-log",
            f'"{one.keys[1]}" is logged, and takes the sensitive slot "{slot}"',
            f"declare {one.keys[1]} sensitive, too",
        )
