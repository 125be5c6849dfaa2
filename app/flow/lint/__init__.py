"""Lint: everything that can be known to be wrong with a flow before anybody calls it.

One file per kind of check; each has `check(subject)`, which yields findings. What loading finds comes first, and
the other checks go on with whatever could be made out, so that one run finds everything.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.flow.document import Fields, Place, parse
from app.flow.lint import data, graph, keypad, language, lists, services, voice
from app.flow.lint.finding import CODES, Code, Finding, Severity, from_fault
from app.flow.lint.subject import Subject
from app.flow.loading import examine, misnaming
from app.flow.model import Flow
from app.flow.sources import name_and_kind, translations_of

__all__ = ["CODES", "Code", "Finding", "Severity", "lint"]

CHECKS = (graph.check, data.check, voice.check, keypad.check, language.check, services.check, lists.check)


def lint(path: str, files: Mapping[str, str], environment: Mapping[str, str] | None = None) -> list[Finding]:
    """Everything wrong with the flow at `path`, in the order of its places, its translations' findings last.

    `files` are the texts of its directory by path: the flow, its translations, and the flows that it calls.
    """
    overlays = translations_of(path, files)
    flow, faults = examine(files[path], path, overlays, environment, files)
    found = [from_fault(fault) for fault in faults]
    tree = parse(files[path], path, [])
    if flow is not None and isinstance(tree, Fields):
        misnamed = misnaming(flow, tree.keys.get("flow", tree.place))
        found += [from_fault(misnamed)] if misnamed else []
        subject = _subject(flow, files[path], tree, overlays)
        found += [finding for check in CHECKS for finding in check(subject)]
    return sorted(dict.fromkeys(found), key=lambda one: (one.place.path != path, one.place, one.code))


def _subject(flow: Flow, text: str, tree: Fields, overlays: Mapping[str, str]) -> Subject:
    texts = {name_and_kind(path)[1]: text for path, text in overlays.items()}
    trees = {name_and_kind(path)[1]: _tree(text, path) for path, text in overlays.items()}
    return Subject(flow, text, tree, trees, texts)


def _tree(text: str, path: str) -> Fields:
    tree = parse(text, path, [])
    return tree if isinstance(tree, Fields) else Fields({}, {}, Place(path, 1, 1))
