"""Pieces of a reply: early, whole, and nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.orchestrator.chunks import LONG, Chunks


def pieces(text: str, size: int) -> list[str]:
    chunks = Chunks()
    found = [piece for at in range(0, len(text), size) for piece in chunks.feed(text[at : at + size])]
    return [*found, *filter(None, [chunks.rest()])]


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Of course. We open at nine. Bye.", ["Of course.", "We open at nine.", "Bye."]),
        ("Yes. We open at nine on Monday.", ["Yes. We open at nine", "on Monday."]),
        ("On Mondays, we open at nine.", ["On Mondays,", "we open at nine."]),
        ("We are open from nine to five on Mondays.", ["We are open from nine", "to five on Mondays."]),
        ("Please ask Dr. Lee for it.", ["Please ask Dr. Lee for", "it."]),
        (
            "Fine, come on 3. March at 9.30 please. Yes!",
            ["Fine, come on 3. March", "at 9.30 please.", "Yes!"],
        ),
        ("It costs 3,50 in all.", ["It costs 3,50 in all."]),
        ("¿Algo más? Sí.", ["¿Algo más?", "Sí."]),
    ],
)
@pytest.mark.parametrize("size", [1, 3])
def test_cut(text: str, cut: list[str], size: int) -> None:
    assert pieces(text, size) == cut


def test_a_long_sentence_is_cut_at_a_clause() -> None:
    long = (
        "Hello there friend. "
        + "We are closed on Mondays and on public holidays of this state, " * 3
        + "and today."
    )
    found = pieces(long, 4)
    assert all(len(piece) <= LONG + 60 for piece in found)
    assert all(piece[-1] in ",." for piece in found)


@given(st.lists(st.text("ab.,! ?9D", min_size=1, max_size=12), max_size=40))
def test_nothing_is_lost(words: list[str]) -> None:
    chunks = Chunks()
    found = [piece for word in words for piece in chunks.feed(word)]
    assert "".join("".join([*found, chunks.rest()]).split()) == "".join("".join(words).split())
    assert all(found)
