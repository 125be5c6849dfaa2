"""However a file is broken, loading says so and does nothing else; and what loads can be called."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from app.flow import build_library
from tests.flow.caller import Caller
from tests.flow.conftest import FLOWS
from tests.flow.test_random_callers import MAZE

SOURCES = [*((FLOWS / f"{name}.yaml").read_text("utf-8") for name in ("clinic", "parcel", "greeting")), MAZE]
SCRAPS = [
    "",
    "null",
    "[]",
    "{}",
    "true",
    "-1",
    "x: y",
    "[a, [b]]",
    "{a: {b: c}}",
    '"',
    "{{",
    "{% if",
    "goto",
    "say",
    "9" * 400,
]


def broken(source: str, line: int, scrap: str, manner: str) -> str:
    """The source with one line taken out, doubled, indented, or with its value replaced."""
    lines = source.splitlines()
    at = line % len(lines)
    match manner:
        case "drop":
            del lines[at]
        case "double":
            lines.insert(at, lines[at])
        case "indent":
            lines[at] = "  " + lines[at]
        case "value":
            lines[at] = lines[at].partition(":")[0] + ": " + scrap
        case "inner":
            head, colon, tail = lines[at].rpartition(": ")
            lines[at] = f"{head}{colon}{scrap}{'}' * tail.count('}')}"
    return "\n".join(lines)


MANNERS = st.sampled_from(["drop", "double", "indent", "value", "inner"])


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(SOURCES), st.integers(0, 999), st.sampled_from(SCRAPS), MANNERS)
def test_a_broken_line_is_refused_in_good_order(source: str, line: int, scrap: str, manner: str) -> None:
    text = broken(source, line, scrap, manner)
    name = source.partition("flow: ")[2].partition("\n")[0]
    library = build_library({f"flows/{name}.yaml": text})
    for error in library.faults.values():
        assert error.faults
        assert all(fault.line >= 1 and fault.column >= 1 and fault.message for fault in error.faults)
    for flow in library.flows.values():
        Caller(flow).say("book an appointment").press("1").silent(3)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="abc:{}[]-# \n\"'&*!|>%0.", max_size=200))
def test_any_text_is_refused_in_good_order(text: str) -> None:
    library = build_library({"flows/any.yaml": text, "flows/any.es.yaml": text})
    assert not library.flows
    assert library.faults["any"].faults
