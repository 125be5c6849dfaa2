"""Findings about commas: in `[Sorry, I missed that.]` YAML sees two texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from app.flow.document import Items, Scalar, Tree
from app.flow.lint.finding import Finding
from app.flow.lint.subject import Subject, fields

_ENDINGS = (".", "!", "?", "…", ":")
_SPOKEN_LISTS = ("one_of", "sequence", "no_input", "no_match", "reject")


def check(subject: Subject) -> Iterator[Finding]:
    lines = subject.text.splitlines()
    for key in ("defaults", "globals", "nodes"):
        yield from _lists(subject.section(key), lines, ())
    for language, overlay in subject.overlays.items():
        lines = subject.overlay_texts[language].splitlines()
        for key, prompt in fields(overlay, "prompts").values.items():
            if not _joined(subject, key, prompt):
                yield from _lists(prompt, lines, _SPOKEN_LISTS[:1])


def _joined(subject: Subject, key: str, tree: Tree) -> bool:
    """Whether loading has seen by the number of texts that commas parted sentences, and has put them together."""
    texts = sum(one.key.rpartition(".")[0] == key for one in subject.flow.prompts)
    return isinstance(tree, Items) and texts not in (0, len(tree.values))


def _lists(tree: Tree, lines: Sequence[str], keys: tuple[str, ...]) -> Iterator[Finding]:
    if isinstance(tree, Items):
        if any(key in _SPOKEN_LISTS for key in keys):
            yield from _halves(tree, lines)
        for one in tree.values:
            yield from _lists(one, lines, keys)
    elif isinstance(values := getattr(tree, "values", None), Mapping):
        for key, one in values.items():
            yield from _lists(one, lines, (*keys[:1], key) if keys[:1] == _SPOKEN_LISTS[:1] else (key,))


def _halves(tree: Items, lines: Sequence[str]) -> Iterator[Finding]:
    if lines[tree.place.line - 1][tree.place.column - 1 :][:1] != "[":
        return
    for before, after in zip(tree.values, tree.values[1:], strict=False):
        if _begins(before, lines) and _continues(after, lines) and isinstance(after, Scalar):
            yield Finding(
                after.place,
                "list-for-sentence",
                f'"{getattr(before, "text", "")}" and "{after.text}" are two texts here',
                "put quotes around the sentence",
            )


def _quoted(tree: Scalar, lines: Sequence[str]) -> bool:
    return lines[tree.place.line - 1][tree.place.column - 1 :][:1] in ("'", '"')


def _begins(tree: Tree, lines: Sequence[str]) -> bool:
    return isinstance(tree, Scalar) and not _quoted(tree, lines) and not tree.text.endswith(_ENDINGS)


def _continues(tree: Tree, lines: Sequence[str]) -> bool:
    if not isinstance(tree, Scalar) or _quoted(tree, lines):
        return False
    return tree.text.endswith(_ENDINGS) or tree.text[:1].islower()
