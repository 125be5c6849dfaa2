"""Flows broken on purpose, in one place each: is it noticed when loading, by lint, or by the flow's tests?

    python -m tests.flow.mutants [COUNT]      # 400 by default; exit code 1 where one goes unnoticed

A mutant is equivalent where the compiled flow is the same as before, or where EQUIVALENT says why it does the same.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Literal

from app.designer.files import directory_texts
from app.designer.testing import StandIns
from app.errors import InvalidFlow
from app.flow.document import Fields, Items, Place, Scalar, Tree, parse
from app.flow.graph import edges
from app.flow.library import build_library
from app.flow.lint import lint
from app.flow.loading import load
from app.flow.model import Flow
from app.flow.rehearsal.coverage import coverage
from app.flow.rehearsal.run import run_test
from app.flow.rehearsal.script import Script, read_script
from app.flow.sources import translations_of

SEED: Final = 20261113
FLOWS: Final = Path(__file__).parents[2] / "flows"
Fate = Literal["load", "lint", "test", "equivalent", "UNNOTICED"]

# what does the same, and why, by flow, operator and the line as it was
EQUIVALENT: Final[Mapping[tuple[str, str, str], str]] = {
    (
        "clinic",
        "line dropped",
        "- goto: operator",
    ): "after three failures the agent's global leads there as well",
    (
        "restaurant",
        "line dropped",
        "- goto: staff",
    ): "after three failures the agent's global leads there as well",
    (
        "card_activation",
        "line dropped",
        "- goto: operator",
    ): "after three failures the agent's global leads there as well",
    ("clinic", "other type", "patient: {type: text}"): "it is saved, and said as it is",
    (
        "card_activation",
        "other type",
        "state:     {type: text}",
    ): "it is saved and compared, and never spoken",
    (
        "card_activation",
        "other type",
        "card:      {type: text, sensitive: true}",
    ): "it is saved and sent, and neither asked for nor spoken",
    (
        "clinic",
        "line dropped",
        "prefetch: call_start      # asked while the greeting is still being spoken",
    ): "asked ahead or not, the words are the same; test_shipped_flows sees that it is",
    **dict.fromkeys(
        [
            ("clinic", "line dropped", "facts: facts/clinic.md"),
            ("clinic", "line dropped", "never: [medical advice, prices, what is not in the facts]"),
            ("clinic", "line dropped", "max_tokens: 90"),
            (
                "clinic",
                "line dropped",
                "reuse: true               # who asks the same within half an hour is told the same",
            ),
        ],
        "a flow's tests stand in for the model; test_shipped_flows sees what it is told",
    ),
    (
        "echo",
        "line dropped",
        "no_match: []",
    ): "a text takes whatever is said, so nothing can be misunderstood",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    flow: str
    operator: str
    line: int
    text: str
    # the line as it was
    was: str

    def __str__(self) -> str:
        now = self.text.splitlines()[self.line - 1].strip() if "dropped" not in self.operator else "nothing"
        return f"{self.flow}.yaml:{self.line} {self.operator}: {self.was.strip()} is now {now}"


@dataclass(frozen=True, slots=True)
class Original:
    """A shipped flow, with everything beside it."""

    name: str
    files: Mapping[str, str]
    flow: Flow
    script: Script

    @property
    def path(self) -> str:
        return f"{self.name}.yaml"

    @property
    def text(self) -> str:
        return self.files[self.path]


def originals() -> list[Original]:
    files = {str(Path(path).relative_to(FLOWS)): text for path, text in directory_texts(FLOWS).items()}
    library = build_library(files, StandIns())
    return [
        Original(name, files, flow, read_script(files[f"{name}.test.yaml"], f"{name}.test.yaml"))
        for name, flow in library.flows.items()
        if f"{name}.test.yaml" in files
    ]


# mutating


def mutants(original: Original) -> Iterator[Mutant]:
    """Every mutant of a flow, in a fixed order. Wordings are left alone: they are no structure."""
    tree = parse(original.text, original.path, [])
    assert isinstance(tree, Fields)
    yield from _retargeted(original)
    yield from _lines_dropped(original)
    yield from _nodes_dropped(original)
    yield from _values_changed(original, tree)


def _replaced(original: Original, operator: str, place: Place, old: str, new: str) -> Mutant:
    lines = original.text.splitlines()
    line = lines[place.line - 1]
    head, tail = line[: place.column - 1], line[place.column - 1 :]
    lines[place.line - 1] = head + tail.replace(old, new, 1)
    return Mutant(original.name, operator, place.line, "\n".join(lines) + "\n", line)


def _retargeted(original: Original) -> Iterator[Mutant]:
    names = list(original.flow.nodes)
    places = {edge.place: edge.target for edge in edges(original.flow) if edge.place}
    for place, target in places.items():
        yield _replaced(original, "misspelt target", place, target, target[:-1] + "_")
        at = names.index(target)
        for step in (1, 2, 3, 5):
            other = names[(at + step) % len(names)]
            if other != target:
                yield _replaced(original, "other target", place, target, other)


def _lines_dropped(original: Original) -> Iterator[Mutant]:
    lines = original.text.splitlines()
    for number, line in enumerate(lines, 1):
        following = lines[number] if number < len(lines) else ""
        deeper = len(following) - len(following.lstrip()) > len(line) - len(line.lstrip())
        wording = not re.match(r"\s*(- \{|- goto:|\w+:)", line)
        if not wording and not (deeper and following.strip()):
            kept = [*lines[: number - 1], *lines[number:]]
            yield Mutant(original.name, "line dropped", number, "\n".join(kept) + "\n", line)


def _nodes_dropped(original: Original) -> Iterator[Mutant]:
    lines = original.text.splitlines()
    starts = sorted(place.line for place in original.flow.places.values())
    for start, end in zip(starts, [*starts[1:], len(lines) + 1], strict=True):
        kept = [*lines[: start - 1], *lines[end - 1 :]]
        yield Mutant(original.name, "node dropped", start, "\n".join(kept) + "\n", lines[start - 1])


def _values_changed(original: Original, tree: Tree, key: str = "") -> Iterator[Mutant]:
    if isinstance(tree, Scalar):
        yield from _value_changed(original, tree, key)
    elif isinstance(tree, Items):
        for one in tree.values:
            yield from _values_changed(original, one, key)
    else:
        for name, one in tree.values.items():
            yield from _values_changed(original, one, name)


def _value_changed(original: Original, value: Scalar, key: str) -> Iterator[Mutant]:
    flow = original.flow
    if key == "if":
        yield _replaced(original, "negated", value.place, value.text, f"not ({value.text})")
    others: Mapping[str, tuple[str, Iterable[str]]] = {
        "press": ("other key", ("4", "7")),
        "collect": ("other slot", flow.slots),
        "values": ("other slot", flow.slots),
        "intent": ("other intent", flow.intents),
        "type": ("other type", ("text", "number", "phone")),
    }
    operator, texts = others.get(key, ("", ()))
    for other in texts:
        if other != value.text:
            yield _replaced(original, operator, value.place, value.text, other)


# noticing


def fate(original: Original, mutant: Mutant) -> Fate:
    """Where it is noticed first."""
    files = {**original.files, original.path: mutant.text}
    try:
        flow = load(mutant.text, original.path, translations_of(original.path, files), StandIns(), files)
    except InvalidFlow:
        return "load"
    if lint(original.path, files):
        return "lint"
    if _same(flow, original.flow) or (mutant.flow, mutant.operator, mutant.was.strip()) in EQUIVALENT:
        return "equivalent"
    try:
        results = [run_test(flow, test) for test in original.script.tests]
    except InvalidFlow:
        return "test"
    found = coverage(flow, results, original.script.untested)
    return "test" if found.unexplained or not all(result.held for result in results) else "UNNOTICED"


def _same(one: Flow, other: Flow) -> bool:
    """Whether two flows are compiled to the same, places and version aside."""
    parts = {part.name for part in fields(Flow)} - {"version", "places"}
    return all(getattr(one, part) == getattr(other, part) for part in parts)


def main(count: int) -> int:
    everything = [(original, mutant) for original in originals() for mutant in mutants(original)]
    chosen = random.Random(SEED).sample(everything, min(count, len(everything)))
    table: Counter[tuple[str, Fate]] = Counter()
    for original, mutant in chosen:
        found = fate(original, mutant)
        table[mutant.operator, found] += 1
        if found == "UNNOTICED":
            print(f"unnoticed: {mutant}")
    _print(table, len(chosen), len(everything))
    return 1 if any(found == "UNNOTICED" for _, found in table) else 0


def _print(table: Counter[tuple[str, Fate]], chosen: int, known: int) -> None:
    fates: list[Fate] = ["load", "lint", "test", "equivalent", "UNNOTICED"]
    print(f"{'':>16}" + "".join(f"{one:>12}" for one in fates))
    for operator in sorted({operator for operator, _ in table}):
        print(f"{operator:>16}" + "".join(f"{table[operator, one]:>12}" for one in fates))
    sums = [sum(count for (_, found), count in table.items() if found == one) for one in fates]
    print(f"{'sum':>16}" + "".join(f"{one:>12}" for one in sums))
    print(f"{chosen} of {known} mutants, seed {SEED}")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 400))
