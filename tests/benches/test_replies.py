from __future__ import annotations

import pytest

from app.call import speculation
from app.dialogue import interim
from scripts.benches.replies import LAST_WORD, SETTLED, WITH, WITHOUT, measure_row


@pytest.mark.parametrize(("kind", "gained_ms"), [(SETTLED, 360), (LAST_WORD, 80)])
def test_replies_that_are_begun_early_are_heard_sooner_by_as_much(kind: str, gained_ms: float) -> None:
    limits = speculation.BEGUN_AT_MOST, interim.GUESSES_AT_MOST
    without, early = (measure_row(kind, manner, count=5, seed=1) for manner in (WITHOUT, WITH))
    gained = [late - soon for late, soon in zip(without.answers_ms, early.answers_ms, strict=True)]
    assert gained == pytest.approx([gained_ms] * 5, abs=40)
    assert (early.wrong, early.premature, early.unanswered, early.gaps) == (0, 0, 0, 0)
    assert limits == (speculation.BEGUN_AT_MOST, interim.GUESSES_AT_MOST)
