"""What callers say stands in no repr, so in no traceback and no log either."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.audio.endpoint import Pause
from app.call.floor import TurnEnded
from app.flow.model import Meaning
from app.flow.slots import Reading
from app.flow.state import Context
from app.orchestrator.chunks import Chunks
from providers import local_whisper
from providers.base import Hypothesis
from providers.local_decoders import Decoding

WORDS = "my card is four two"


@pytest.mark.parametrize(
    "holder",
    [
        Pause(WORDS),
        TurnEnded(0.0, 0.0, 0.0, 0.0, 0.0, Pause(WORDS), WORDS),
        Hypothesis(WORDS, "en", True, 0.0),
        Decoding(WORDS, 1.0, (1, 2)),
        local_whisper.Heard(WORDS, 1.0, 0.0),
        Meaning("value", "slot", 1.0, "card", WORDS, WORDS, WORDS),
        Reading(WORDS, others=(WORDS,), rest=WORDS),
        Context(datetime(2026, 1, 1, tzinfo=UTC), caller=WORDS),
        Chunks(WORDS),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_no_repr_quotes_the_caller(holder: object) -> None:
    assert WORDS not in repr(holder)
